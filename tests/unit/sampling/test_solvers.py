"""Solvers on a Gaussian, whose exact path is known: their order of convergence, and the noise they leave."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.sampling.dpm_solver import dpm_adaptive, dpm_fast
from modules.sampling.dpmpp import dpmpp_2m, dpmpp_2m_sde, dpmpp_2s_ancestral, dpmpp_3m_sde, dpmpp_sde
from modules.sampling.schedules import karras
from modules.sampling.solvers import dpm2, dpm2_ancestral, euler, euler_ancestral, heun, lcm, lms, restart, restarting
from modules.sampling.timestep_solvers import ddim, ddim_cfgpp, plms, unipc
from modules.sampling.types import GuidedDenoiser, Latent, Sigma, Step

MEAN, SPREAD = 0.7, 0.5
START, END = 10.0, 0.3


class Gaussian(GuidedDenoiser):
    """The best estimate of values that are spread normally around MEAN by SPREAD, with or without a prompt."""

    def __call__(self, x: Latent, sigma: Sigma) -> Latent:
        return (SPREAD**2 * x + sigma**2 * MEAN) / (SPREAD**2 + sigma**2)

    def guided(self, x: Latent, sigma: Sigma, strength: float = 1.0) -> tuple[Latent, Latent]:
        return self(x, sigma), self(x, sigma)


denoise = Gaussian()


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
    pytest.param(heun, {}, 2, id="heun"),
    pytest.param(dpm2, {}, 2, id="dpm2"),
    pytest.param(dpm2_ancestral, {"eta": 0.0}, 2, id="dpm2_a without noise"),
    # Of order 4, from a start of lower order.
    pytest.param(lms, {}, 3.5, id="lms"),
    pytest.param(ddim, {}, 1, id="ddim"),
    pytest.param(ddim_cfgpp, {}, 1, id="ddim_cfgpp without guidance"),
    pytest.param(plms, {}, 2, id="plms"),
    pytest.param(dpmpp_2s_ancestral, {"eta": 0.0}, 2, id="dpmpp_2s_a without noise"),
    # Between 2 and 3, for half of the parabola's curvature is missing.
    pytest.param(dpmpp_3m_sde, {"eta": 0.0}, 2.7, id="dpmpp_3m_sde without noise"),
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


CHOOSING_THEIR_OWN = [
    # The finer list halves every interval: 41 calls are 13 of third order and one of second, 83 are 27 and one.
    pytest.param(dpm_fast, {"eta": 0.0}, (41, 83), 3, id="dpm_fast"),
    pytest.param(dpmpp_2m_sde, {"eta": 0.0, "solver_type": "heun"}, (160, 320), 2, id="dpmpp_2m_sde_heun"),
]


@pytest.mark.parametrize(("solver", "knobs", "steps", "order"), CHOOSING_THEIR_OWN)
def test_order_between_chosen_numbers_of_steps(
    solver: Any, knobs: dict[str, Any], steps: tuple[int, int], order: int
) -> None:
    x = torch.tensor([-9.0, 1.0, 12.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    ends = [solver(denoise, x, levels(number), noise=no_noise, **knobs) for number in steps]
    errors = [float((end - exact(x, START, END)).abs().max()) for end in ends]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def cubic(sigma: Sigma) -> Sigma:
    return 0.3 * sigma**3 - 2 * sigma**2 + 0.5 * sigma - 1


@pytest.mark.parametrize("solver", [lms, plms])
def test_after_its_start_a_four_step_method_integrates_cubics_exactly(solver: Any) -> None:
    sigmas = torch.linspace(4.0, 0.5, 9, dtype=torch.float64)
    if solver is lms:
        sigmas = sigmas**2 / 4  # plms knows even steps only
    told: list[Step] = []
    x = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    solver(lambda x, sigma: x - sigma * cubic(sigma), x, sigmas, noise=no_noise, on_step=told.append)
    antiderivative = 0.075 * sigmas**4 - 2 / 3 * sigmas**3 + 0.25 * sigmas**2 - sigmas
    found = torch.tensor([float(step.x) for step in told[3:]], dtype=torch.float64)
    torch.testing.assert_close(found.diff(), antiderivative[3:8].diff())
    assert not torch.allclose(torch.tensor(float(told[1].x)), antiderivative[:2].diff().float())


def test_adaptive_steps_keep_to_the_tolerance() -> None:
    x = torch.tensor([-9.0, 1.0, 12.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    errors, calls = [], []
    for tolerance in (0.05, 0.0005, 0.00001):
        asked: list[Sigma] = []

        def model(x: Tensor, sigma: Sigma, asked: list[Sigma] = asked) -> Tensor:
            asked.append(sigma)
            return denoise(x, sigma)

        end = dpm_adaptive(model, x, levels(20), noise=no_noise, eta=0.0, rtol=tolerance, atol=tolerance / 6)  # type: ignore[arg-type]
        errors.append(float((end - exact(x, START, END)).abs().max()))
        calls.append(len(asked))
    assert errors[0] > errors[1] > errors[2]
    assert calls[0] < calls[1] < calls[2]
    assert errors[0] < 0.05
    assert errors[2] < 0.0005


def test_adaptive_steps_end_where_a_model_answers_nans() -> None:
    x = torch.ones(1, 1, 2, 2)
    end = dpm_adaptive(lambda x, sigma: x * math.nan, x, levels(5), noise=lambda *_: x)  # type: ignore[arg-type]
    assert end.isnan().all()


@pytest.mark.parametrize("solver", [dpm_fast, dpm_adaptive])
def test_a_span_does_not_depend_on_the_levels_within(solver: Any) -> None:
    x = torch.full((1, 1, 2, 2), 9.0)
    uneven = torch.tensor([9.0, 8.0, 0.6, 0.5])
    even = torch.tensor([9.0, 5.0, 1.0, 0.5])
    ends = [solver(denoise, x, sigmas, noise=lambda *_: torch.ones_like(x)) for sigmas in (uneven, even)]
    assert torch.equal(*ends)


@pytest.mark.parametrize("steps", range(1, 9))
def test_dpm_fast_calls_as_often_as_there_are_steps(steps: int) -> None:
    told: list[Step] = []
    dpm_fast(denoise, torch.ones(1, 1, 2, 2), levels(steps), noise=lambda *_: torch.ones(1), on_step=told.append)
    assert [step.index for step in told] == list(range(steps))


def test_cfgpp_noises_again_with_what_the_negative_prompt_sees() -> None:
    x = torch.full((1, 1, 1, 1), 6.0)

    class Two(GuidedDenoiser):
        def __call__(self, x: Latent, sigma: Sigma) -> Latent:
            raise AssertionError("the two are wanted apart")

        def guided(self, x: Latent, sigma: Sigma, strength: float = 1.0) -> tuple[Latent, Latent]:
            assert strength == pytest.approx(0.08)
            return torch.full_like(x, 1.0), torch.full_like(x, 2.0)

    end = ddim_cfgpp(Two(), x, torch.tensor([8.0, 4.0]), noise=no_noise)
    assert float(end) == pytest.approx(1.0 + 4.0 * (6.0 - 2.0) / 8.0)


def test_restart_goes_back_up_from_20_steps_on() -> None:
    def ups(steps: int) -> list[tuple[float, float]]:
        sigmas = karras(steps, 0.03, 14.6)
        path = restarting(sigmas)
        assert len(path) == steps
        assert path[0][0] == pytest.approx(14.6, rel=1e-5)
        assert path[-1][1] == 0
        return [(end, start) for (_, end), (start, _) in pairwise(path) if start > end]

    assert ups(19) == []
    # The levels nearest to 0.1 and 2 of the eleven that are left.
    assert ups(20) == [(pytest.approx(0.0760, abs=1e-4), pytest.approx(2.2440, abs=1e-4))]
    assert len(ups(35)) == 1
    assert len(ups(36)) == 2


@pytest.mark.parametrize("variant", ["bh1", "bh2", "vary_coeff"])
def test_unipc_beats_euler_at_few_steps(variant: str) -> None:
    x = torch.tensor([-9.0, 1.0, 12.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    target = exact(x, START, END)
    end = unipc(denoise, x, levels(10), noise=no_noise, uni_pc_variant=variant)
    plain = euler(denoise, x, levels(10), noise=no_noise)
    assert (end - target).abs().max() < 0.7 * (plain - target).abs().max()


STOCHASTIC = [
    pytest.param(euler, {"s_churn": 10.0}, id="euler with churn"),
    pytest.param(heun, {"s_churn": 10.0}, id="heun with churn"),
    pytest.param(dpm2, {"s_churn": 10.0}, id="dpm2 with churn"),
    pytest.param(euler_ancestral, {}, id="euler_a"),
    pytest.param(dpm2_ancestral, {}, id="dpm2_a"),
    pytest.param(ddim, {"eta": 1.0}, id="ddim"),
    pytest.param(ddim_cfgpp, {"eta": 1.0}, id="ddim_cfgpp"),
    pytest.param(dpmpp_2m_sde, {}, id="dpmpp_2m_sde"),
    pytest.param(dpmpp_2m_sde, {"solver_type": "heun"}, id="dpmpp_2m_sde_heun"),
    pytest.param(dpmpp_3m_sde, {}, id="dpmpp_3m_sde"),
    pytest.param(dpmpp_2s_ancestral, {}, id="dpmpp_2s_a"),
    pytest.param(dpmpp_sde, {}, id="dpmpp_sde"),
    pytest.param(dpm_fast, {}, id="dpm_fast"),
    pytest.param(dpm_adaptive, {"rtol": 0.01, "atol": 0.001}, id="dpm_adaptive"),
    pytest.param(restart, {}, id="restart"),
]
DRAWS = {dpm_fast: 51, dpm_adaptive: 8, restart: 3}


@pytest.mark.parametrize(("solver", "knobs"), STOCHASTIC)
def test_what_comes_out_is_spread_as_the_data_is(solver: Any, knobs: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(3)
    draws = 0

    def noise(sigma: Sigma, sigma_next: Sigma) -> Tensor:
        nonlocal draws
        draws += 1
        return torch.randn(1, 1, 120, 120, generator=generator, dtype=torch.float64)

    x = MEAN + noise(0, 0) * math.hypot(START, SPREAD)
    sigmas = levels(150)
    if solver is restart:
        sigmas = torch.cat([sigmas[:-1], sigmas.new_zeros(1)])
    end = solver(denoise, x, sigmas, noise=noise, **knobs)
    assert draws >= DRAWS.get(solver, 150)
    assert float(end.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(end.std()) == pytest.approx(math.hypot(float(sigmas[-1]), SPREAD), rel=0.04)


TO_ZERO = [
    *(euler, euler_ancestral, heun, dpm2, dpm2_ancestral, lms, restart, lcm),
    *(dpmpp_2m, dpmpp_2m_sde, dpmpp_3m_sde, dpmpp_2s_ancestral, dpmpp_sde),
]
ABOVE_ZERO = [ddim, ddim_cfgpp, plms, unipc]


@pytest.mark.parametrize("solver", [*TO_ZERO, *ABOVE_ZERO])
def test_each_step_is_told_once_in_order(solver: Any) -> None:
    x = torch.full((1, 1, 2, 2), 9.0)
    sigmas = torch.tensor([9.0, 4.0, 2.0, 1.0, 0.5 if solver in ABOVE_ZERO else 0.0])
    told: list[Step] = []
    solver(denoise, x, sigmas, noise=lambda *_: torch.ones_like(x), on_step=told.append)
    assert [step.index for step in told] == [0, 1, 2, 3]
    assert [step.sigma for step in told] == [9.0, 4.0, 2.0, 1.0]
    for step in told:
        assert step.denoised.shape == x.shape


@pytest.mark.parametrize("solver", [solver for solver in TO_ZERO if solver is not lms])
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
