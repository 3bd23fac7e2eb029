"""The DPM++ family: exponential integrators that solve the linear part of the equation exactly.

Lu et al. 2022, "DPM-Solver++" (arXiv:2211.01095). With lambda = -log sigma as time and h the length of a
step, a step with a constant estimate is x' = e^-h x + (1 - e^-h) denoised; the solvers differ in how
they extrapolate the estimate and whether fresh noise comes in.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch

from modules.sampling.solvers import ancestral
from modules.sampling.types import Denoiser, Latent, OnStep, Sigmas, Step, StepNoise, ignore


def dpmpp_2m(
    model: Denoiser, x: Latent, sigmas: Sigmas, *, noise: StepNoise, on_step: OnStep = ignore, **_: object
) -> Latent:
    """Second order from one call a step: the last two estimates are extrapolated to the middle. Algorithm 2."""
    last: tuple[Latent, float] | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        estimate, h = denoised, _h(sigma, sigma_next)
        if last and sigma_next > 0:
            denoised_before, h_before = last
            estimate = torch.lerp(denoised, denoised_before, -h / (2 * h_before))
        x = torch.lerp(estimate, x, sigma_next / sigma)
        last = denoised, h
    return x


def dpmpp_2m_sde(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: Literal["midpoint", "heun"] = "midpoint",
    **_: object,
) -> Latent:
    """DPM++ 2M of the reverse stochastic equation. With `eta` 0 and the midpoint it is DPM++ 2M.

    The slope of the estimate comes in by the midpoint rule, or integrated exactly, which k-diffusion calls heun.
    """
    last: tuple[Latent, float] | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        if sigma_next == 0:
            return denoised
        h = _h(sigma, sigma_next)
        gone = -math.expm1(-h * (1 + eta))
        x = torch.add(x * (sigma_next / sigma * math.exp(-eta * h)), denoised, alpha=gone)
        if last:
            denoised_before, h_before = last
            weight = 0.5 * gone if solver_type == "midpoint" else 1 - gone / (h * (1 + eta))
            x = torch.add(x, denoised - denoised_before, alpha=weight * h / h_before)
        if eta:
            x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * _fresh(sigma_next, h, eta))
        last = denoised, h
    return x


def dpmpp_3m_sde(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 1.0,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """As DPM++ 2M SDE, with the parabola through the last three estimates. By the author of k-diffusion.

    It weighs the parabola's curvature by half, and so is more exact than second order without being of third.
    """
    known: list[tuple[Latent, float]] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        if sigma_next == 0:
            return denoised
        h = _h(sigma, sigma_next)
        length = h * (1 + eta)
        x = torch.lerp(denoised, x, math.exp(-length))
        slope, curvature = _derivatives(denoised, h, known)
        second = math.expm1(-length) / length + 1
        if slope is not None:
            x = torch.add(x, slope, alpha=second)
        if curvature is not None:
            x = torch.add(x, curvature, alpha=0.5 - second / length)
        if eta:
            x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * _fresh(sigma_next, h, eta))
        known = [*known[-1:], (denoised, h)]
    return x


def dpmpp_2s_ancestral(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 1.0,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """Second order from two calls a step, the second in the middle of lambda, with ancestral noise. Algorithm 1."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        down, up = ancestral(sigma, sigma_next, eta)
        if down > 0:
            middle = math.sqrt(sigma * down)
            denoised = model(torch.lerp(denoised, x, middle / sigma), middle)
        x = torch.lerp(denoised, x, down / sigma)
        if sigma_next > 0:
            x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * up)
    return x


def dpmpp_sde(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 1.0,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """Two ancestral calls a step: to the middle in lambda, then the whole step with what was found there."""
    # k-diffusion goes to lambda and back in float32, and the Brownian noise is looked up by the result.
    times = -sigmas.float().cpu().log()
    levels = (-times).exp().tolist()
    middles = (-(times[:-1] + (times[1:] - times[:-1]) * 0.5)).exp().tolist()
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        if sigma_next == 0:
            return denoised
        middle = middles[i]
        half, up = _ancestral_step(x, denoised, sigma, middle, eta)
        half = torch.add(half, noise(levels[i], middle), alpha=s_noise * up)
        x, up = _ancestral_step(x, model(half, middle), sigma, sigma_next, eta)
        x = torch.add(x, noise(levels[i], levels[i + 1]), alpha=s_noise * up)
    return x


def _ancestral_step(x: Latent, denoised: Latent, sigma: float, sigma_next: float, eta: float) -> tuple[Latent, float]:
    """(x stepped down below `sigma_next`, how much noise brings it up to there)."""
    down, up = ancestral(sigma, sigma_next, eta)
    return torch.lerp(denoised, x, down / sigma), up


def _derivatives(denoised: Latent, h: float, known: list[tuple[Latent, float]]) -> tuple[Latent | None, Latent | None]:
    """How the estimate changes at the current level in units of the step `h` to come: slope, and half of its change.

    `known` are the last estimates, oldest first, each with the step taken from it; None is what they are too few for.
    """
    if not known:
        return None, None
    before, h_before = known[-1]
    r0 = h_before / h
    slope = (denoised - before) / r0
    if len(known) == 1:
        return slope, None
    earlier, h_earlier = known[-2]
    r1 = h_earlier / h
    curvature = (slope - (before - earlier) / r1) / (r0 + r1)
    return torch.add(slope, curvature, alpha=r0), curvature


def _fresh(sigma_next: float, h: float, eta: float) -> float:
    """How much noise a stochastic step of length `h` ends with."""
    return sigma_next * math.sqrt(-math.expm1(-2 * eta * h))


def _h(sigma: float, sigma_next: float) -> float:
    return math.log(sigma / sigma_next) if sigma_next > 0 else math.inf
