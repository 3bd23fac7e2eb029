"""Solvers on a Gaussian, whose exact path is known: their order of convergence, and the noise they leave."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.sampling.dpmpp import dpmpp_2m, dpmpp_2m_sde, dpmpp_sde
from modules.sampling.solvers import euler, euler_ancestral, lcm
from modules.sampling.timestep_solvers import ddim, unipc
from modules.sampling.types import Sigma, Step

MEAN, SPREAD = 0.7, 0.5
START, END = 10.0, 0.3


def denoise(x: Tensor, sigma: Sigma) -> Tensor:
    """The best estimate of values that are spread normally around MEAN by SPREAD."""
    return (SPREAD**2 * x + sigma**2 * MEAN) / (SPREAD**2 + sigma**2)


def exact(x: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Where the probability flow takes x."""
    return MEAN + (x - MEAN) * math.sqrt((SPREAD**2 + sigma_next**2) / (SPREAD**2 + sigma**2))


def levels(steps: int) -> Tensor:
    return torch.linspace(math.log(START), math.log(END), steps + 1, dtype=torch.float64).exp()


def no_noise(sigma: Sigma, sigma_next: Sigma) -> Tensor:
    raise AssertionError("no noise was asked for")


ORDERS = [
    pytest.param(euler, {}, 1, id="euler"),
    pytest.param(euler_ancestral, {"eta": 0.0}, 1, id="euler_a without noise"),
    pytest.param(ddim, {}, 1, id="ddim"),
    pytest.param(dpmpp_2m, {}, 2, id="dpmpp_2m"),
    pytest.param(dpmpp_2m_sde, {"eta": 0.0}, 2, id="dpmpp_2m_sde without noise"),
    pytest.param(dpmpp_sde, {"eta": 0.0}, 2, id="dpmpp_sde without noise"),
    pytest.param(unipc, {"uni_pc_order": 1, "uni_pc_variant": "bh2"}, 2, id="unipc 1 bh2"),
    pytest.param(unipc, {"uni_pc_order": 2, "uni_pc_variant": "bh1"}, 3, id="unipc 2 bh1"),
    pytest.param(unipc, {"uni_pc_order": 2, "uni_pc_variant": "bh2"}, 3, id="unipc 2 bh2"),
    # The authors' code mixes up its corrector's last coefficient; A1111 has it from there, and so have we.
    pytest.param(unipc, {"uni_pc_order": 3, "uni_pc_variant": "vary_coeff"}, 1, id="unipc 3 vary_coeff"),
]


@pytest.mark.parametrize(("solver", "knobs", "order"), ORDERS)
def test_halving_the_step_gains_what_the_order_says(solver: Any, knobs: dict[str, Any], order: int) -> None:
    x = torch.tensor([-9.0, 1.0, 12.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    noise = torch.zeros_like(x)
    errors = []
    for steps in (40, 80):
        knobs = {"uni_pc_lower_order_final": False, **knobs}
        end = solver(denoise, x, levels(steps), noise=lambda *_: noise, **knobs)
        errors.append(float((end - exact(x, START, END)).abs().max()))
    assert errors[0] < 0.5
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("variant", ["bh1", "bh2", "vary_coeff"])
def test_unipc_beats_euler_at_few_steps(variant: str) -> None:
    x = torch.tensor([-9.0, 1.0, 12.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    target = exact(x, START, END)
    end = unipc(denoise, x, levels(10), noise=no_noise, uni_pc_variant=variant)
    plain = euler(denoise, x, levels(10), noise=no_noise)
    assert (end - target).abs().max() < 0.7 * (plain - target).abs().max()


STOCHASTIC = [
    pytest.param(euler, {"s_churn": 10.0}, id="euler with churn"),
    pytest.param(euler_ancestral, {}, id="euler_a"),
    pytest.param(ddim, {"eta": 1.0}, id="ddim"),
    pytest.param(dpmpp_2m_sde, {}, id="dpmpp_2m_sde"),
    pytest.param(dpmpp_sde, {}, id="dpmpp_sde"),
]


@pytest.mark.parametrize(("solver", "knobs"), STOCHASTIC)
def test_what_comes_out_is_spread_as_the_data_is(solver: Any, knobs: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(3)
    draws = 0

    def noise(sigma: Sigma, sigma_next: Sigma) -> Tensor:
        nonlocal draws
        draws += 1
        return torch.randn(1, 1, 120, 120, generator=generator, dtype=torch.float64)

    x = MEAN + noise(0, 0) * math.hypot(START, SPREAD)
    end = solver(denoise, x, levels(150), noise=noise, **knobs)
    assert draws >= 150
    assert float(end.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(end.std()) == pytest.approx(math.hypot(END, SPREAD), rel=0.04)


ALL = [euler, euler_ancestral, lcm, ddim, unipc, dpmpp_2m, dpmpp_2m_sde, dpmpp_sde]


@pytest.mark.parametrize("solver", ALL)
def test_each_step_is_told_once_in_order(solver: Any) -> None:
    x = torch.full((1, 1, 2, 2), 9.0)
    sigmas = torch.tensor([9.0, 4.0, 2.0, 1.0, 0.0]) if solver is not unipc else torch.tensor([9.0, 4.0, 2.0, 1.0, 0.5])
    told: list[Step] = []
    solver(denoise, x, sigmas, noise=lambda *_: torch.ones_like(x), on_step=told.append)
    assert [step.index for step in told] == [0, 1, 2, 3]
    assert [step.sigma for step in told] == [9.0, 4.0, 2.0, 1.0]
    for step in told:
        assert step.denoised.shape == x.shape


@pytest.mark.parametrize("solver", [euler, euler_ancestral, lcm, dpmpp_2m, dpmpp_2m_sde, dpmpp_sde])
def test_the_step_to_zero_ends_at_the_estimate(solver: Any) -> None:
    x = torch.full((1, 1, 2, 2), 9.0)
    told: list[Step] = []
    end = solver(denoise, x, torch.tensor([9.0, 3.0, 0.0]), noise=lambda *_: torch.ones_like(x), on_step=told.append)
    torch.testing.assert_close(end, told[-1].denoised)


def test_churn_is_added_within_its_range_only_and_drawn_every_step() -> None:
    x = torch.full((1, 1, 2, 2), 9.0)
    drawn: list[float] = []

    def noise(sigma: Sigma, sigma_next: Sigma) -> Tensor:
        drawn.append(float(sigma))
        return torch.ones_like(x)

    seen: list[float] = []

    def model(x: Tensor, sigma: Sigma) -> Tensor:
        seen.append(float(sigma))
        return denoise(x, sigma)

    sigmas = torch.tensor([9.0, 4.0, 2.0, 1.0, 0.0])
    euler(model, x, sigmas, noise=noise, s_churn=1.0, s_tmin=1.5, s_tmax=5.0)
    assert drawn == [9.0, 4.0, 2.0, 1.0]
    assert seen == pytest.approx([9.0, 4.0 * 1.25, 2.0 * 1.25, 1.0])
