"""Solvers of the probability flow in its plain form: Euler, Heun, DPM2, LMS, Restart, and LCM's own way.

Each walks x from the first noise level to the last. With d = (x - denoised) / sigma as slope this is an
ordinary differential equation (Karras et al. 2022, equation 1, arXiv:2206.00364). Noise levels are
read as Python floats: coefficients then cost nothing and no step waits for the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch

from modules.sampling.schedules import karras
from modules.sampling.types import Denoiser, Latent, OnStep, Sigmas, Step, StepNoise, ignore


def euler(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """Euler's method, first order, with optional churn: noise added back before each step.

    Karras et al. 2022, algorithm 2 without its second-order correction.
    """
    churn = _Churn(noise, s_churn / (len(sigmas) - 1), s_tmin, s_tmax, s_noise)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        x, sigma = churn(x, sigma, sigma_next)
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        x = _towards(denoised, x, sigma_next / sigma)
    return x


def heun(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """Second order from two calls a step: the mean of the slopes at both ends. Karras et al. 2022, algorithm 2."""
    churn = _Churn(noise, s_churn / (len(sigmas) - 1), s_tmin, s_tmax, s_noise)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        x, sigma = churn(x, sigma, sigma_next)
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        x = _heun_step(model, x, denoised, sigma, sigma_next)
    return x


def dpm2(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """Second order from two calls a step: the slope in the middle of log sigma. Lu et al. 2022 (arXiv:2206.00927)."""
    churn = _Churn(noise, s_churn / (len(sigmas) - 1), s_tmin, s_tmax, s_noise)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        x, sigma = churn(x, sigma, sigma_next)
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        x = _midpoint_step(model, x, denoised, sigma, sigma_next)
    return x


def dpm2_ancestral(
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
    """DPM2 steps that go deeper than asked and return with fresh noise; `eta` 0 is DPM2."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        down, up = ancestral(sigma, sigma_next, eta)
        x = _midpoint_step(model, x, denoised, sigma, down)
        if sigma_next > 0:
            x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * up)
    return x


def lms(
    model: Denoiser, x: Latent, sigmas: Sigmas, *, noise: StepNoise, on_step: OnStep = ignore, **_: object
) -> Latent:
    """Adams and Bashforth's linear multistep method: the cubic through the last four slopes, integrated.

    Fourth order from one call a step, after a start with as many slopes as there are.
    """
    slopes: list[tuple[float, Latent]] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        slopes = [*slopes[-3:], (sigma, (x - denoised) / sigma)]
        weights = _multistep_weights([level for level, _ in slopes], sigma, sigma_next)
        for weight, (_level, slope) in zip(weights, slopes, strict=True):
            x = torch.add(x, slope, alpha=weight)
    return x


def restart(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    s_noise: float = 1.0,
    **_: object,
) -> Latent:
    """Heun's method that goes back up to more noise and down again. Xu et al. 2023 (arXiv:2306.14878), algorithm 1."""
    reached = math.inf
    for i, (sigma, sigma_next) in enumerate(restarting(sigmas)):
        if sigma > reached:
            x = torch.add(x, noise(reached, sigma), alpha=s_noise * math.sqrt(sigma**2 - reached**2))
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        x = _heun_step(model, x, denoised, sigma, sigma_next)
        reached = sigma_next
    return x


def restarting(sigmas: Sigmas) -> list[tuple[float, float]]:
    """Restart's steps, as many as `sigmas` has: from 20 on some are saved to go from near 0.1 up to near 2 and back.

    Once, and twice from 36 on. Only the ends of `sigmas` are kept then: the levels between are Karras's.
    """
    steps = len(sigmas) - 1
    if steps < 20:
        return list(pairwise(sigmas.tolist()))
    again, times = (9, 1) if steps < 36 else (steps // 4, 2)
    levels = karras(steps - again * times, float(sigmas[-2]), float(sigmas[0]))
    low, high = (int((levels - sigma).abs().argmin()) for sigma in (0.1, 2.0))
    path = list(pairwise(levels.tolist()))
    if high >= low:
        return path
    back = karras(again + 1, float(levels[low]), float(levels[high]))[:-1].tolist()
    return [*path[:low], *(list(pairwise(back)) * times), *path[low:]]


def euler_ancestral(
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
    """Euler steps that go deeper than asked and return with fresh noise; `eta` 0 is plain Euler."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        down, up = ancestral(sigma, sigma_next, eta)
        x = _towards(denoised, x, down / sigma)
        if sigma_next > 0:
            x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * up)
    return x


def lcm(
    model: Denoiser, x: Latent, sigmas: Sigmas, *, noise: StepNoise, on_step: OnStep = ignore, **_: object
) -> Latent:
    """Multistep consistency sampling: jump to the estimate, noise it again to the next level.

    Luo et al. 2023 (arXiv:2310.04378), algorithm 3.
    """
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        x = denoised
        if sigma_next > 0:
            x = torch.add(x, noise(sigma, sigma_next), alpha=sigma_next)
    return x


def ancestral(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """(sigma to step down to, noise to add there) so that their squares sum to that of `sigma_next`."""
    up = min(sigma_next, eta * math.sqrt(sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2))
    return math.sqrt(sigma_next**2 - up**2), up


@dataclass(frozen=True, slots=True)
class _Churn:
    """Raises x by the share `gamma` of its noise level where that lies between the limits."""

    noise: StepNoise
    gamma: float
    s_tmin: float
    s_tmax: float
    s_noise: float

    def __call__(self, x: Latent, sigma: float, sigma_next: float) -> tuple[Latent, float]:
        if self.gamma <= 0:
            return x, sigma
        # k-diffusion draws churn noise on every step, used or not; the generators must stay in step.
        drawn = self.noise(sigma, sigma_next)
        if not self.s_tmin <= sigma <= self.s_tmax:
            return x, sigma
        raised = sigma * (1 + min(self.gamma, math.sqrt(2) - 1))
        return torch.add(x, drawn, alpha=self.s_noise * math.sqrt(raised**2 - sigma**2)), raised


def _heun_step(model: Denoiser, x: Latent, denoised: Latent, sigma: float, sigma_next: float) -> Latent:
    predicted = _towards(denoised, x, sigma_next / sigma)
    if sigma_next == 0:
        return predicted
    slopes = (x - denoised) / sigma + (predicted - model(predicted, sigma_next)) / sigma_next
    return torch.add(x, slopes, alpha=0.5 * (sigma_next - sigma))


def _midpoint_step(model: Denoiser, x: Latent, denoised: Latent, sigma: float, sigma_next: float) -> Latent:
    if sigma_next == 0:
        return denoised
    middle = math.sqrt(sigma * sigma_next)
    half = _towards(denoised, x, middle / sigma)
    return torch.add(x, half - model(half, middle), alpha=(sigma_next - sigma) / middle)


def _multistep_weights(levels: list[float], sigma: float, sigma_next: float) -> list[float]:
    """The integrals from `sigma` to `sigma_next` of the Lagrange polynomials over `levels`, at most four."""
    # Gauss and Legendre's two points integrate what is at most cubic exactly.
    centre, reach = (sigma + sigma_next) / 2, (sigma_next - sigma) / (2 * math.sqrt(3))
    weights: list[float] = []
    for j, level in enumerate(levels):
        others = levels[:j] + levels[j + 1 :]
        values = (math.prod((at - k) / (level - k) for k in others) for at in (centre - reach, centre + reach))
        weights.append(sum(values) * (sigma_next - sigma) / 2)
    return weights


def _towards(denoised: Latent, x: Latent, remaining: float) -> Latent:
    """Euler's step: x where only the share `remaining` of its noise is left."""
    return torch.lerp(denoised, x, remaining)
