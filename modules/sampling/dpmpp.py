"""The DPM++ family: exponential integrators that solve the linear part of the equation exactly.

Lu et al. 2022, "DPM-Solver++" (arXiv:2211.01095). With lambda = -log sigma as time and h the length of a
step, a step with a constant estimate is x' = e^-h x + (1 - e^-h) denoised; the solvers differ in how
they extrapolate the estimate and whether fresh noise comes in.
"""

from __future__ import annotations

import math
from itertools import pairwise

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
    **_: object,
) -> Latent:
    """DPM++ 2M of the reverse stochastic equation, corrected at the midpoint. `eta` 0 is DPM++ 2M."""
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
            x = torch.add(x, denoised - denoised_before, alpha=0.5 * gone * h / h_before)
        if eta:
            fresh = sigma_next * math.sqrt(-math.expm1(-2 * eta * h)) * s_noise
            x = torch.add(x, noise(sigma, sigma_next), alpha=fresh)
        last = denoised, h
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


def _h(sigma: float, sigma_next: float) -> float:
    return math.log(sigma / sigma_next) if sigma_next > 0 else math.inf
