"""Noise is seeded per image: streams, sub-seeds, seed resize, Brownian paths."""

from __future__ import annotations

import warnings

import pytest
import torch
import torchsde

from modules.sampling.brownian import BrownianNoise, BrownianTree
from modules.sampling.noise import ImageNoise, slerp
from modules.sampling.streams import Source, stream

SHAPE = (4, 8, 8)
CPU = torch.device("cpu")
SOURCES: list[Source] = ["CPU", "NV", "GPU"]

PHILOX = [
    (0, [-0.924662, -0.425344, -2.643846, 0.145184, -0.120867, -0.579726], [0.180826, -0.552263, 0.923813, -0.734970]),
    (42, [0.194019, 2.161374, -0.172051, 0.849060, -1.924399, 0.652985], [0.139137, -0.108216, -0.717422, 0.756649]),
    (4294967301, [-2.842747, 1.340492, 0.272231, 1.455063, -0.735296, -0.502260], []),
]


@pytest.mark.parametrize(("seed", "first", "second"), PHILOX)
def test_philox_draws_what_a_gpu_draws(seed: int, first: list[float], second: list[float]) -> None:
    draw = stream("NV", seed, CPU)
    torch.testing.assert_close(draw((6,)), torch.tensor(first), atol=1e-6, rtol=0)
    if second:
        torch.testing.assert_close(draw((4,)), torch.tensor(second), atol=1e-6, rtol=0)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**64 - 1])
def test_every_seed_is_a_standard_normal_stream(source: Source, seed: int) -> None:
    noise = stream(source, seed, CPU)((4, 64, 64))
    assert noise.dtype == torch.float32
    assert abs(float(noise.mean())) < 0.03
    assert float(noise.std()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("source", SOURCES)
def test_a_batch_is_its_images(source: Source) -> None:
    seeds, subseeds = [5, 6, 2**40], [9, 8, 7]

    def noise(chosen: slice) -> ImageNoise:
        return ImageNoise(
            seeds[chosen],
            SHAPE,
            "cpu",
            source,
            subseeds=subseeds[chosen],
            subseed_strength=0.3,
            seed_resize_from=(32, 96),
            eta_noise_seed_delta=31337,
        )

    def drawn(source: ImageNoise) -> torch.Tensor:
        path = source.brownian(0.03, 14.6)
        return torch.stack([source.first(), source.next(), source(3.0, 2.0), path(9.0, 5.0), path(5.0, 0.03)])

    together = drawn(noise(slice(None)))
    for i in range(3):
        torch.testing.assert_close(drawn(noise(slice(i, i + 1)))[:, 0], together[:, i], rtol=0, atol=0)


def test_first_begins_anew() -> None:
    noise = ImageNoise([1, 2], SHAPE, "cpu", "CPU")
    start, then = noise.first(), noise.next()
    assert not torch.equal(start, then)
    assert torch.equal(noise.first(), start)
    assert torch.equal(noise.next(), then)


def test_the_seed_delta_changes_later_noise_only() -> None:
    plain, moved = ImageNoise([1], SHAPE, "cpu", "CPU"), ImageNoise([1], SHAPE, "cpu", "CPU", eta_noise_seed_delta=3)
    assert torch.equal(plain.first(), moved.first())
    assert not torch.equal(plain.next(), moved.next())
    assert torch.equal(ImageNoise([4], SHAPE, "cpu", "CPU").first(), _second(moved))


def _second(noise: ImageNoise) -> torch.Tensor:
    noise.first()
    return noise.next()


def test_strength_leads_from_seed_to_subseed() -> None:
    def noise(strength: float) -> torch.Tensor:
        return ImageNoise([1], SHAPE, "cpu", "CPU", subseeds=[2], subseed_strength=strength).first()

    assert torch.equal(noise(0.0), ImageNoise([1], SHAPE, "cpu", "CPU").first())
    torch.testing.assert_close(noise(1.0), ImageNoise([2], SHAPE, "cpu", "CPU").first(), atol=1e-5, rtol=1e-5)
    assert float(noise(0.5).std()) == pytest.approx(1, abs=0.15)


def test_nearly_equal_noises_are_mixed_the_other_way_round() -> None:
    low = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    high = low * 3
    torch.testing.assert_close(slerp(0.25, low, high), low * 0.25 + high * 0.75)


RESIZES = [
    # pixels, rows and columns of the 8 x 8 latent that are the smaller noise's
    ((32, 64), slice(0, 8), slice(2, 6)),
    ((64, 24), slice(2, 5), slice(0, 8)),
]


@pytest.mark.parametrize(("size", "rows", "columns"), RESIZES)
def test_seed_resize_keeps_the_middle(size: tuple[int, int], rows: slice, columns: slice) -> None:
    small = ImageNoise([1], (4, size[1] // 8, size[0] // 8), "cpu", "CPU").first()
    plain = ImageNoise([1], SHAPE, "cpu", "CPU").first()
    resized = ImageNoise([1], SHAPE, "cpu", "CPU", seed_resize_from=size).first()
    assert torch.equal(resized[..., rows, columns], small)
    outside = torch.ones(8, 8, dtype=torch.bool)
    outside[rows, columns] = False
    assert torch.equal(resized[..., outside], plain[..., outside])


def test_seed_resize_from_larger_is_cropped() -> None:
    large = ImageNoise([1], (4, 8, 16), "cpu", "CPU").first()
    resized = ImageNoise([1], SHAPE, "cpu", "CPU", seed_resize_from=(128, 64)).first()
    assert torch.equal(resized, large[..., 4:12])


TIMES = [(14.6, 9.1234567), (9.1234567, 3.3), (3.3, 3.2999), (3.2999, 0.1), (0.5, 0.4), (12.0, 11.0)]


def _leaf(seeds: list[int] | tuple[int, ...]) -> torch.Tensor:
    return torch.stack([stream("CPU", seed, CPU)(SHAPE) for seed in seeds])


def test_brownian_paths_are_torchsdes_to_the_bit() -> None:
    ours = BrownianTree(0.03, 14.6, [7, 8], lambda seeds: _leaf(list(seeds)))
    theirs = [torchsde.BrownianTree(0.03, torch.zeros(SHAPE), 14.6, entropy=seed) for seed in (7, 8)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for end, start in TIMES:
            expected = torch.stack([tree(start, end) for tree in theirs])
            assert torch.equal(ours.increment(start, end), expected), (start, end)


def test_brownian_increments_do_not_depend_on_the_order_of_questions() -> None:
    def tree() -> BrownianTree:
        return BrownianTree(0.03, 14.6, [7], lambda seeds: _leaf(list(seeds)))

    forward = tree()
    asked = {times: forward.increment(times[1], times[0]) for times in TIMES}
    backward = tree()
    for times in reversed(TIMES):
        assert torch.equal(backward.increment(times[1], times[0]), asked[times])


def test_brownian_noise_is_unit_noise_whatever_the_step() -> None:
    def large(seeds: list[int]) -> torch.Tensor:
        return torch.stack([stream("CPU", seed, CPU)((4, 64, 64)) for seed in seeds])

    noise = BrownianNoise(0.03, 14.6, [3], lambda seeds: large(list(seeds)))
    steps = [noise(sigma, sigma_next) for sigma, sigma_next in ((14.6, 4.0), (4.0, 3.99), (3.99, 0.03))]
    for step in steps:
        assert float(step.std()) == pytest.approx(1, abs=0.03)
    assert abs(float((steps[0] * steps[1]).mean())) < 0.03
    assert abs(float((steps[1] * steps[2]).mean())) < 0.03
    torch.testing.assert_close(noise(0.03, 3.99), -steps[2])
