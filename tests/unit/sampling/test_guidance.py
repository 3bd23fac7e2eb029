"""CfgDenoiser: how the two predictions are computed and combined."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from modules.foundation.errors import Interrupted
from modules.sampling.guidance import CfgDenoiser, Evaluation, padded_by, padded_v0
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.types import Conditioning

EPS = discrete(scaled_linear(), "epsilon")


class Network:
    """Predicts the mean of its context; keeps the batch sizes and context lengths it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        assert len(x) == len(t) == len(conditioning.context)
        self.calls.append((len(x), conditioning.context.shape[1]))
        return x * 0.1 + conditioning.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)


def conditioning(*values: float, chunks: int = 1) -> Conditioning:
    return Conditioning(torch.stack([torch.full((77 * chunks, 8), value) for value in values]))


POSITIVE, NEGATIVE = conditioning(1.0, 2.0), conditioning(-1.0, 0.5)
X = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def denoiser(network: Network, **changes: object) -> CfgDenoiser:
    return replace(CfgDenoiser(EPS, network, POSITIVE, NEGATIVE, 7.0), **changes)  # type: ignore[arg-type]


def alone(conditioning: Conditioning, sigma: float = 2.0) -> Tensor:
    return EPS.denoised(Network(), X, sigma, conditioning)


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 7.0, 30.0])
def test_the_scale_leads_from_negative_through_positive(scale: float) -> None:
    found = denoiser(Network(), cfg_scale=scale)(X, 2.0)
    torch.testing.assert_close(found, alone(NEGATIVE) + scale * (alone(POSITIVE) - alone(NEGATIVE)))


def test_both_go_in_one_call() -> None:
    network = Network()
    denoiser(network)(X, 2.0)
    assert network.calls == [(4, 77)]


def test_batching_can_be_turned_off() -> None:
    network = Network()
    found = denoiser(network, batch_cond_uncond=False)(X, 2.0)
    assert network.calls == [(2, 77), (2, 77)]
    torch.testing.assert_close(found, denoiser(Network())(X, 2.0))


def test_prompts_of_different_length_go_in_two_calls() -> None:
    network = Network()
    found = denoiser(network, positive=conditioning(1.0, 2.0, chunks=2))(X, 2.0)
    assert network.calls == [(2, 154), (2, 77)]
    torch.testing.assert_close(found, denoiser(Network())(X, 2.0))


def test_empty_prompts_make_up_for_the_difference() -> None:
    empty = torch.full((77, 8), 9.0)
    for positive, negative, filled in ((POSITIVE, 3, 0), (3, NEGATIVE, 1)):
        seen: list[Conditioning] = []

        def network(x: Tensor, t: Tensor, told: Conditioning, seen: list[Conditioning] = seen) -> Tensor:
            seen.append(told)
            return x

        model = replace(
            denoiser(network),  # type: ignore[arg-type]
            positive=conditioning(1.0, 2.0, chunks=3) if positive == 3 else positive,
            negative=conditioning(1.0, 2.0, chunks=3) if negative == 3 else negative,
            pad=padded_by(empty),
        )
        model(X, 2.0)
        assert [len(told.context) for told in seen] == [4]
        padded = seen[0].context.chunk(2)[filled]
        assert padded.shape == (2, 231, 8)
        assert torch.equal(padded[:, 77:], empty.repeat(2, 1).expand(2, -1, -1))
        assert model.tally.padded == 1


def test_the_old_padding_repeats_or_cuts_the_negative_prompt() -> None:
    vectors = torch.arange(154.0).reshape(1, 154, 1)
    long, short = Conditioning(vectors), Conditioning(vectors[:, :77])
    positive, negative = padded_v0(long, short)
    assert positive is long
    assert torch.equal(negative.context[0, :, 0], torch.cat([torch.arange(77.0), torch.full((77,), 76.0)]))
    positive, negative = padded_v0(short, long)
    assert positive is short
    assert torch.equal(negative.context, short.context)


def test_prompts_of_one_length_are_not_padded() -> None:
    model = denoiser(Network(), pad=padded_v0)
    model(X, 2.0)
    assert model.tally.padded == 0


def test_early_calls_leave_out_the_negative_prompt() -> None:
    network = Network()
    model = denoiser(network, skip_early_cond=0.25, planned=8)
    for _ in range(8):
        model(X, 2.0)
    assert network.calls == [(2, 77)] * 3 + [(4, 77)] * 5
    assert (model.tally.skipped_early, model.tally.skipped) == (3, 0)


def test_guidance_can_be_weakened_and_its_negative_seen() -> None:
    model = denoiser(Network(), cfg_scale=8.0)
    denoised, negative = model.guided(X, 2.0, 0.25)
    torch.testing.assert_close(negative, alone(NEGATIVE))
    torch.testing.assert_close(denoised, alone(NEGATIVE) + 2.0 * (alone(POSITIVE) - alone(NEGATIVE)))
    denoised, negative = denoiser(Network(), cfg_scale=1.0).guided(X, 2.0)
    torch.testing.assert_close(denoised, alone(POSITIVE))
    torch.testing.assert_close(negative, alone(NEGATIVE))


def test_a_skipped_negative_prompt_is_the_prompts() -> None:
    denoised, negative = denoiser(Network(), s_min_uncond=3.0, s_min_uncond_all=True).guided(X, 2.0, 0.25)
    torch.testing.assert_close(denoised, alone(POSITIVE))
    assert torch.equal(negative, denoised)


def test_extra_inputs_are_joined_too() -> None:
    seen: list[Conditioning] = []

    def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        seen.append(conditioning)
        return x

    both = {"pooled": torch.ones(2, 3), "concat": torch.ones(2, 5, 8, 8)}
    CfgDenoiser(EPS, network, replace(POSITIVE, **both), replace(NEGATIVE, **both), 7.0)(X, 2.0)
    assert seen[0].pooled is not None and seen[0].pooled.shape == (4, 3)
    assert seen[0].concat is not None and seen[0].concat.shape == (4, 5, 8, 8)


def test_at_scale_one_the_negative_prompt_is_not_computed() -> None:
    network = Network()
    denoiser(network, cfg_scale=1.0)(X, 2.0)
    assert network.calls == [(2, 77)]


SKIPS = [
    # s_min_uncond, all steps, sigmas of the calls, calls of two prompts or one
    (0.0, False, [3, 2, 1, 0.5], [4, 4, 4, 4]),
    (2.5, False, [3, 2, 1, 0.5], [4, 2, 4, 2]),
    (2.5, True, [3, 2, 1, 0.5], [4, 2, 2, 2]),
    (2.0, True, [3, 2, 1, 0.5], [4, 4, 2, 2]),
]


@pytest.mark.parametrize(("threshold", "all_steps", "sigmas", "sizes"), SKIPS)
def test_the_negative_prompt_is_skipped_at_low_noise(
    threshold: float, all_steps: bool, sigmas: list[float], sizes: list[int]
) -> None:
    network = Network()
    model = denoiser(network, s_min_uncond=threshold, s_min_uncond_all=all_steps)
    for sigma, size in zip(sigmas, sizes, strict=True):
        found = model(X, sigma)
        if size == 2:
            torch.testing.assert_close(found, alone(POSITIVE, sigma))
    assert [size for size, _ in network.calls] == sizes
    assert model.tally.evaluations == 4
    assert model.tally.skipped == sizes.count(2)


def test_timestep_samplers_compare_timesteps() -> None:
    network = Network()
    model = denoiser(network, s_min_uncond=2.0, s_min_uncond_all=True, levels_are_timesteps=True)
    model(X, float(EPS.sigmas[3]))
    model(X, float(EPS.sigmas[1]))
    assert [size for size, _ in network.calls] == [4, 2]


def test_hooks_may_replace_what_goes_in_and_what_comes_out() -> None:
    seen: list[Evaluation] = []

    def before(now: Evaluation) -> Evaluation:
        seen.append(now)
        return replace(now, positive=now.negative)

    found = denoiser(Network(), on_denoise=before, on_denoised=lambda now, denoised: denoised + now.sigma)(X, 2.0)
    torch.testing.assert_close(found, alone(NEGATIVE) + 2.0)
    assert (seen[0].index, seen[0].sigma) == (0, 2.0)
    assert seen[0].x is X


def test_a_hook_may_interrupt() -> None:
    def stop(now: Evaluation) -> Evaluation:
        raise Interrupted

    network = Network()
    with pytest.raises(Interrupted):
        denoiser(network, on_denoise=stop)(X, 2.0)
    assert network.calls == []


class Changing:
    """Another conditioning from the second evaluation on."""

    def at(self, evaluation: int) -> Conditioning:
        return POSITIVE if evaluation < 1 else NEGATIVE


def test_prompts_may_change_from_one_evaluation_to_the_next() -> None:
    model = denoiser(Network(), positive=Changing())
    torch.testing.assert_close(model(X, 2.0), denoiser(Network())(X, 2.0))
    torch.testing.assert_close(model(X, 2.0), alone(NEGATIVE))


ROWS = (1.0, 3.0, 2.0)
JOINED = replace(conditioning(*ROWS), weights=((1.0, -0.5), (0.7,)))
"""The first image has two prompts, the second one."""


def each(values: tuple[float, ...]) -> Tensor:
    """The estimate of both images under prompts of these values."""
    return alone(conditioning(*values))


def pulled(base: Tensor, scale: float) -> Tensor:
    first, second, other = each((1.0, 1.0))[0], each((3.0, 3.0))[0], each((2.0, 2.0))[1]
    one = base[0] + scale * (first - base[0]) - 0.5 * scale * (second - base[0])
    return torch.stack([one, base[1] + 0.7 * scale * (other - base[1])])


@pytest.mark.parametrize("scale", [0.0, 1.0, 7.0])
@pytest.mark.parametrize("batched", [True, False])
def test_every_prompt_pulls_with_its_weight(scale: float, batched: bool) -> None:
    network = Network()
    found = denoiser(network, positive=JOINED, cfg_scale=scale, batch_cond_uncond=batched)(X, 2.0)
    torch.testing.assert_close(found, pulled(alone(NEGATIVE), scale))
    assert network.calls == ([(5, 77)] if batched else [(3, 77), (2, 77)])


def test_without_the_negative_prompt_the_others_are_relative_to_the_first() -> None:
    network = Network()
    found = denoiser(network, positive=JOINED, s_min_uncond=9.0, s_min_uncond_all=True)(X, 2.0)
    torch.testing.assert_close(found, pulled(each((1.0, 2.0)), 1.0))
    assert network.calls == [(3, 77)]


def test_one_prompt_of_weight_one_is_a_plain_prompt() -> None:
    joined = replace(POSITIVE, weights=((1.0,), (1.0,)))
    torch.testing.assert_close(denoiser(Network(), positive=joined)(X, 2.0), denoiser(Network())(X, 2.0))
