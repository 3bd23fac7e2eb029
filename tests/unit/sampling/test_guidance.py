"""CfgDenoiser: how the two predictions are computed and combined."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from modules.foundation.errors import Interrupted
from modules.sampling.guidance import CfgDenoiser, Evaluation
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
