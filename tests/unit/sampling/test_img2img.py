"""Runs that start from a latent: which part of a schedule is walked, and from where."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from modules.sampling.catalog import SAMPLERS, SCHEDULES, Sampler, resolve
from modules.sampling.guidance import CfgDenoiser
from modules.sampling.knobs import Knobs
from modules.sampling.noise import ImageNoise
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.sample import img2img, part_of_schedule, part_sigmas, whole_sigmas
from modules.sampling.types import Conditioning, Step

EPS = discrete(scaled_linear(), "epsilon")
BY_NAME = {sampler.name: sampler for sampler in SAMPLERS}
INIT = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(5))


def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
    return x * 0.9


def run(sampler: Sampler, steps: int, strength: float, seeds: tuple[int, ...] = (1,), **options: object) -> Tensor:
    nothing = Conditioning(torch.zeros(len(seeds), 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 1.0)
    init = INIT.expand(len(seeds), -1, -1, -1)
    noise = ImageNoise(seeds, (4, 8, 8), "cpu", "CPU")
    return img2img(sampler, resolve("")[1], model, noise, init, steps, strength, Knobs(), **options)  # type: ignore[arg-type]


# (steps, strength, normal: whole schedule and t, exact: whole schedule and t)
PARTS = [
    (20, 0.75, (20, 15), (26, 19)),
    (20, 0.5, (20, 10), (40, 19)),
    (20, 1.0, (20, 19), (20, 19)),
    (20, 0.04, (20, 0), (500, 19)),
    (20, 0.0, (20, 0), (0, 19)),
    (50, 0.3, (50, 15), (166, 49)),
    (30, 0.7, (30, 21), (42, 29)),
]


@pytest.mark.parametrize(("steps", "strength", "normal", "exact"), PARTS)
def test_parts_of_schedules_are_a1111s(
    steps: int, strength: float, normal: tuple[int, int], exact: tuple[int, int]
) -> None:
    assert part_of_schedule(steps, strength) == normal
    assert part_of_schedule(steps, strength, exact=True) == exact


def levels(name: str, steps: int, strength: float, schedule: str = "automatic") -> Tensor:
    sampler = BY_NAME[name]
    found = next(one for one in SCHEDULES if one.name == schedule)
    length, last = part_of_schedule(steps, strength)
    whole = whole_sigmas(sampler, found, length, EPS, Knobs())
    return part_sigmas(sampler, whole, length, last, EPS, Knobs())


def test_levels_of_each_family() -> None:
    # What A1111 evaluated at in recorded runs of 8 steps at 0.6.
    assert EPS.to_t(levels("DDIM", 8, 0.6)).round().tolist() == [376, 251, 126, 1]
    assert EPS.to_t(levels("UniPC", 8, 0.6)).round().tolist() == [376, 282, 188, 94, 0]
    karras = levels("DPM++ 2M", 8, 0.6)
    torch.testing.assert_close(
        karras, torch.tensor([1.9103621, 0.8288719, 0.3211217, 0.10719937, 0.02916754, 0.0]), rtol=1e-6, atol=0
    )
    span = levels("DPM fast", 8, 0.6, "karras")
    assert (len(span), float(span[0])) == (len(karras), pytest.approx(float(karras[0])))
    assert float(span[-1]) == pytest.approx(float(karras[-2]))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
@pytest.mark.parametrize(("steps", "strength"), [(1, 0.3), (1, 1.0), (2, 0.6), (7, 0.01), (7, 0.5), (7, 1.0)])
@pytest.mark.parametrize("exact", [False, True])
def test_any_strength_and_number_of_steps_gives_numbers(
    sampler: Sampler, steps: int, strength: float, exact: bool
) -> None:
    assert run(sampler, steps, strength, exact_steps=exact, extra_noise=0.1).isfinite().all()


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_exact_steps_without_strength_leave_the_latent(sampler: Sampler) -> None:
    assert torch.equal(run(sampler, 20, 0.0, exact_steps=True), INIT)


@pytest.mark.parametrize("name", [sampler.name for sampler in SAMPLERS if sampler.name != "DPM adaptive"])
def test_an_image_does_not_depend_on_its_batch(name: str) -> None:
    together = run(BY_NAME[name], 6, 0.6, (3, 4))
    for i, seed in enumerate((3, 4)):
        torch.testing.assert_close(run(BY_NAME[name], 6, 0.6, (seed,))[0], together[i])


def test_every_step_is_told() -> None:
    told: list[Step] = []
    run(BY_NAME["Euler"], 20, 0.75, on_step=told.append)
    assert [step.index for step in told] == list(range(16))
    told.clear()
    run(BY_NAME["Euler"], 20, 0.75, on_step=told.append, exact_steps=True)
    assert len(told) == 20


def test_more_noise_and_extra_noise_change_the_start() -> None:
    plain = run(BY_NAME["Euler"], 6, 0.5)
    assert not torch.equal(run(BY_NAME["Euler"], 6, 0.5, noise_multiplier=1.1), plain)
    # Extra noise is the noise again, so it is as if there had been more of it.
    sigma = float(levels("Euler", 6, 0.5)[0])
    torch.testing.assert_close(
        run(BY_NAME["Euler"], 6, 0.5, extra_noise=0.1), run(BY_NAME["Euler"], 6, 0.5, noise_multiplier=1 + 0.1 / sigma)
    )
