"""What a network predicts, and its timesteps and noise levels."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from modules.foundation.errors import UserError
from modules.sampling.parametrization import (
    Parametrization,
    consistency,
    discrete,
    flow,
    scaled_linear,
    within,
    zero_terminal_snr,
)
from modules.sampling.solvers import euler
from modules.sampling.types import Conditioning

NOTHING = Conditioning(torch.zeros(2, 77, 8))
EPS = discrete(scaled_linear(), "epsilon")
V = discrete(scaled_linear(), "v_prediction")


def test_stable_diffusions_table() -> None:
    alphas = scaled_linear()
    assert float(alphas[0]) == pytest.approx(0.99915, abs=1e-7)
    assert float(alphas[-1]) == pytest.approx(0.0046600985)
    assert EPS.sigma_min == pytest.approx(0.0291675348)
    assert EPS.sigma_max == pytest.approx(14.6146421)


@pytest.mark.parametrize("parametrization", [EPS, V], ids=["epsilon", "v"])
@pytest.mark.parametrize("sigma", [0.05, 1.0, 14.0])
def test_a_perfect_network_gives_back_the_clean_latent(parametrization: Parametrization, sigma: float) -> None:
    clean, noise = torch.randn(2, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    alpha = 1 / (1 + sigma**2)
    asked: list[Tensor] = []

    def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        assert conditioning is NOTHING
        asked.append(t)
        torch.testing.assert_close(x, alpha**0.5 * clean + (1 - alpha) ** 0.5 * noise, rtol=1e-4, atol=1e-5)
        return noise if parametrization is EPS else alpha**0.5 * noise - (1 - alpha) ** 0.5 * clean

    found = parametrization.denoised(network, clean + sigma * noise, sigma, NOTHING)
    torch.testing.assert_close(found, clean, rtol=1e-4, atol=1e-4)
    assert asked[0].shape == (2,)
    torch.testing.assert_close(asked[0], parametrization.to_t(sigma).expand(2))


def test_levels_and_timesteps_are_inverse() -> None:
    timesteps = torch.tensor([0.0, 0.5, 17.25, 500.0, 998.5, 999.0])
    torch.testing.assert_close(EPS.to_t(EPS.to_sigma(timesteps)), timesteps, rtol=1e-5, atol=2e-3)
    torch.testing.assert_close(EPS.to_t(EPS.sigmas), torch.arange(1000.0))


def test_levels_outside_the_table_are_its_ends() -> None:
    assert float(EPS.to_t(0.001)) == 0
    assert float(EPS.to_t(1000.0)) == 999


def test_consistency_models_know_every_twentieth_level() -> None:
    lcm = consistency(EPS)
    torch.testing.assert_close(lcm.sigmas, EPS.sigmas[19::20])
    assert lcm.t_range == (19.0, 999.0)
    assert float(lcm.to_t(EPS.sigma_max)) == 999
    assert float(lcm.to_t(0.001)) == 19
    assert float(lcm.to_t(float(EPS.sigmas[57]))) == 59
    torch.testing.assert_close(lcm.to_sigma(torch.tensor([19.0, 999.0])), EPS.sigmas[[19, 999]])


def test_consistency_keeps_x_where_there_is_no_noise() -> None:
    lcm = consistency(V)
    x, predicted = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    found = lcm.denoised(lambda x, t, c: predicted, x, float(EPS.sigmas[19]), Conditioning(torch.zeros(1, 77, 8)))
    scaled = 190.0
    skip, out = 0.25 / (scaled**2 + 0.25), scaled / (scaled**2 + 0.25) ** 0.5
    torch.testing.assert_close(found, skip * x + out * (x - EPS.sigmas[19] * predicted))


def test_a_quantized_network_is_asked_for_whole_timesteps() -> None:
    whole = discrete(scaled_linear(), "epsilon", quantized=True)
    sigmas = torch.tensor([0.03, 0.5, 7.7, 14.6])
    torch.testing.assert_close(whole.to_t(sigmas), EPS.to_t(sigmas).round())


def test_zero_terminal_snr_ends_in_noise_alone() -> None:
    alphas = zero_terminal_snr(scaled_linear())
    expected = [0.99915, 0.998233, 0.2410188, 1.9679e-07, 4.8973451890853435e-08]
    torch.testing.assert_close(alphas[[0, 1, 500, 998, 999]], torch.tensor(expected), rtol=1e-4, atol=0)
    assert discrete(alphas, "v_prediction").sigma_max == pytest.approx(4518.764, rel=1e-5)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 14.0, 900.0])
def test_a_perfect_flow_gives_back_the_clean_latent(sigma: float) -> None:
    clean, noise = torch.randn(2, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    time = sigma / (1 + sigma)

    def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        torch.testing.assert_close(x, (1 - time) * clean + time * noise, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(t, torch.full((2,), 1000 * time))
        return noise - clean

    found = flow(3.0).denoised(network, clean + sigma * noise, sigma, NOTHING)
    torch.testing.assert_close(found, clean, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_a_flows_levels_are_diffusers(shift: float) -> None:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    theirs = torch.as_tensor(FlowMatchEulerDiscreteScheduler(shift=shift).sigmas).flip(0)
    sigmas = flow(shift).sigmas
    torch.testing.assert_close((sigmas / (1 + sigmas))[:-1], theirs[:-1])
    assert float(sigmas[-1]) == pytest.approx(9999, rel=1e-3)
    assert flow(shift).to_t(flow(shift).sigmas[[0, 500, 999]]).tolist() == pytest.approx([0, 500, 999], abs=1e-2)


def test_euler_on_a_flow_is_the_flows_own_euler() -> None:
    """x + (t_next - t) * v on the straight lines, as diffusers steps, from the start to t = 0."""
    parametrization = flow(2.0)
    start = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        return torch.sin(3 * x) + t.reshape(-1, 1, 1, 1) / 1000

    sigmas = torch.cat([parametrization.sigmas[[900, 600, 300, 50]], torch.zeros(1)])
    times = sigmas / (1 + sigmas)
    straight = start.clone()
    for time, following in pairwise(times):
        straight = straight + (following - time) * network(straight, torch.full((2,), float(time) * 1000), NOTHING)

    def model(x: Tensor, sigma: float | Tensor) -> Tensor:
        return parametrization.denoised(network, x, sigma, NOTHING)

    found = euler(model, start * (1 + sigmas[0]), sigmas, noise=lambda *_: torch.zeros_like(start))
    torch.testing.assert_close(found, straight, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("parametrization", [EPS, V, consistency(EPS), flow()], ids=["epsilon", "v", "lcm", "flow"])
def test_a_part_of_the_table_keeps_its_levels(parametrization: Parametrization) -> None:
    part = within(parametrization, 199.0, 799.0)
    assert type(part) is type(parametrization)
    low, high = parametrization.to_sigma(199.0), parametrization.to_sigma(799.0)
    assert (part.sigma_min, part.sigma_max) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert set(part.sigmas.tolist()) <= set(parametrization.sigmas.tolist())
    first, last = part.t_range
    torch.testing.assert_close(part.to_sigma(torch.tensor([first, last])), part.sigmas[[0, -1]])


def test_a_part_without_two_levels_is_refused() -> None:
    with pytest.raises(UserError, match="widen"):
        within(EPS, 300.2, 300.4)
