"""DDIM, PLMS and UniPC, whose papers work on the model's timesteps, rewritten in sigma space.

Their x is sqrt(a) times ours, with a = 1 / (sigma^2 + 1); `sample.txt2img` converts before and after, so
that these are solvers like any other.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from modules.sampling.solvers import ancestral
from modules.sampling.types import Denoiser, GuidedDenoiser, Latent, OnStep, Sigmas, Step, StepNoise, ignore


def ddim(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 0.0,
    **_: object,
) -> Latent:
    """Song et al. 2020 (arXiv:2010.02502), equation 12.

    In sigma space its sigma_t is the noise of an ancestral step, and the rest an Euler step.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        down, up = ancestral(sigma, sigma_next, eta)
        x = torch.lerp(denoised, x, down / sigma)
        if eta:
            x = torch.add(x, noise(sigma, sigma_next), alpha=up)
    return x


def ddim_cfgpp(
    model: GuidedDenoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 0.0,
    **_: object,
) -> Latent:
    """DDIM with CFG++: what is noised again is the estimate without the prompt. Chung et al. 2024 (arXiv:2406.08070).

    A guidance of 1 is the paper's greatest; the scales people know are 12.5 times as large, as in A1111.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised, negative = model.guided(x, sigma, 1 / 12.5)
        on_step(Step(i, sigma, x, denoised))
        down, up = ancestral(sigma, sigma_next, eta)
        x = torch.add(denoised, x - negative, alpha=down / sigma)
        if eta:
            x = torch.add(x, noise(sigma, sigma_next), alpha=up)
    return x


def plms(
    model: Denoiser, x: Latent, sigmas: Sigmas, *, noise: StepNoise, on_step: OnStep = ignore, **_: object
) -> Latent:
    """DDIM on the last four predictions of noise, extrapolated. Liu et al. 2022 (arXiv:2202.09778), equation 12.

    The first step takes a second call, Heun's.
    """
    known: list[Latent] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        known = [(x - denoised) / sigma, *known[:3]]
        eps = torch.zeros_like(x)
        for weight, one in zip(_ADAMS[len(known)], known, strict=True):
            eps = torch.add(eps, one, alpha=weight)
        if i == 0:
            ahead = torch.add(x, eps, alpha=sigma_next - sigma)
            eps = torch.lerp(eps, (ahead - model(ahead, sigma_next)) / sigma_next, 0.5)
        x = torch.add(x, eps, alpha=sigma_next - sigma)
    return x


_ADAMS = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}
"""Adams and Bashforth's weights by how many slopes are known, the latest first."""


def unipc(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    uni_pc_variant: str = "bh1",
    uni_pc_order: int = 3,
    uni_pc_lower_order_final: bool = True,
    **_: object,
) -> Latent:
    """A multistep predictor whose next estimate also corrects the step that led to it.

    Zhao et al. 2023 (arXiv:2302.04867), algorithms 1 and 2, predicting data. The estimate at the predicted
    point is kept for the next step, so a step costs one call; the last step is not corrected.
    """
    levels = sigmas.tolist()
    steps = len(levels) - 1
    known = [(levels[0], model(x, levels[0]))]
    for i in range(1, steps + 1):
        on_step(Step(i - 1, levels[i - 1], x, known[-1][1]))
        order = min(uni_pc_order, len(known))
        if uni_pc_lower_order_final:
            order = min(order, steps + 1 - i)
        step = _UniPCStep(known[-order:], levels[i], uni_pc_variant)
        predicted = step.predict(x)
        if i == steps:
            return predicted
        denoised = model(predicted, levels[i])
        x = step.correct(x, denoised)
        known = [*known[1 - uni_pc_order :], (levels[i], denoised)] if uni_pc_order > 1 else [(levels[i], denoised)]
    return x


class _UniPCStep:
    """One step from the last of the `known` (sigma, denoised) to `sigma`; the order is how many are known."""

    def __init__(self, known: list[tuple[float, Latent]], sigma: float, variant: str) -> None:
        sigma_now, self._now = known[-1]
        h = math.log(sigma_now / sigma)
        self._remaining = sigma / sigma_now
        ratios = [math.log(sigma_now / s) / h for s, _ in reversed(known[:-1])]
        self._slopes = [(d - self._now) / r for r, (_, d) in zip(ratios, reversed(known[:-1]), strict=True)]
        weights = _vary_weights if variant == "vary_coeff" else _bh_weights
        self._predictor, self._corrector = weights(h, [*ratios, 1.0], variant)

    def predict(self, x: Latent) -> Latent:
        return self._step(x, self._slopes, self._predictor)

    def correct(self, x: Latent, denoised: Latent) -> Latent:
        return self._step(x, [*self._slopes, denoised - self._now], self._corrector)

    def _step(self, x: Latent, slopes: list[Latent], weights: list[float]) -> Latent:
        x = torch.lerp(self._now, x, self._remaining)
        for slope, weight in zip(slopes, weights, strict=True):
            x = torch.add(x, slope, alpha=weight)
        return x


def _bh_weights(h: float, ratios: list[float], variant: str) -> tuple[list[float], list[float]]:
    """Weights of the slopes for predicting and correcting, by the B(h) of bh1 or bh2."""
    order = len(ratios)
    b_h = -h if variant == "bh1" else math.expm1(-h)
    phis = [phi * math.factorial(k) / b_h for k, phi in enumerate(_phis(h, order), start=1)]
    rows = torch.tensor([[r**k for r in ratios] for k in range(order)], dtype=torch.float64)
    target = torch.tensor(phis, dtype=torch.float64)
    # The paper's short forms for the lowest orders; they differ from the solved system.
    if order <= 2:
        predictor = torch.full((order - 1,), 0.5, dtype=torch.float64)
    else:
        predictor = torch.linalg.solve(rows[:-1, :-1], target[:-1])
    corrector = torch.full((1,), 0.5, dtype=torch.float64) if order == 1 else torch.linalg.solve(rows, target)
    return (-b_h * predictor).tolist(), (-b_h * corrector).tolist()


def _vary_weights(h: float, ratios: list[float], _variant: str) -> tuple[list[float], list[float]]:
    """Weights of the slopes by varying coefficients, as the authors' code has them."""
    order = len(ratios)
    columns = torch.tensor([[r**k / math.factorial(k + 1) for k in range(order)] for r in ratios], dtype=torch.float64)
    phis = torch.tensor(_phis(h, order), dtype=torch.float64)
    corrector = torch.linalg.inv(columns)
    if order == 1:
        return [], [-float(phis[0] * corrector[0, 0])]
    predictor = torch.linalg.inv(columns[:-1, :-1])
    # The paper would sum the last column over all rows; the published code takes its last but one entry alone.
    last = phis[-1] * corrector[-2, -1]
    return (-(phis[:-1] @ predictor)).tolist(), [*(-(phis[:-1] @ corrector[:-1, :-1])).tolist(), -float(last)]


def _phis(h: float, count: int) -> list[float]:
    """h times the phi functions of order 2 and up at -h: what a slope's k-th power contributes over the step."""
    phis: list[float] = []
    phi = math.expm1(-h)
    for k in range(1, count + 1):
        phi = phi / -h - 1 / math.factorial(k)
        phis.append(phi)
    return phis
