"""DPM fast and DPM adaptive: single-step solvers that choose their noise levels themselves.

Lu et al. 2022, "DPM-Solver" (arXiv:2206.00927): exponential integrators of the predicted noise in lambda =
-log sigma. Of the noise levels they are given only the first, the last (above 0) and the number count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch

from modules.sampling.solvers import ancestral
from modules.sampling.types import Denoiser, Latent, OnStep, Sigmas, Step, StepNoise, ignore

Slope = Callable[[Latent, float], Latent]
"""The noise [B, C, h, w] the model sees in x at a noise level."""


def dpm_fast(
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
    """As many calls as there are steps, in intervals of third order and a rest. The paper's DPM-Solver-fast.

    The intervals are even in lambda. Every call counts as a step.
    """
    calls, end = len(sigmas) - 1, float(sigmas[-1])
    told = 0

    def slope(x: Latent, sigma: float) -> Latent:
        nonlocal told
        denoised = model(x, sigma)
        on_step(Step(told, sigma, x, denoised))
        told += 1
        return (x - denoised) / sigma

    orders = [3] * (calls // 3 - 1) + [2, 1] if calls % 3 == 0 else [3] * (calls // 3) + [calls % 3]
    levels = torch.linspace(math.log(sigmas[0]), math.log(end), len(orders) + 1, dtype=torch.float64).exp()
    for order, (sigma, sigma_next) in zip(orders, pairwise(levels.tolist()), strict=True):
        down, up = _ancestral_within(sigma, sigma_next, end, eta)
        x = _STEPS[order](slope, x, slope(x, sigma), sigma, down)
        if eta:
            x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * up)
    return x


def dpm_adaptive(
    model: Denoiser,
    x: Latent,
    sigmas: Sigmas,
    *,
    noise: StepNoise,
    on_step: OnStep = ignore,
    eta: float = 1.0,
    s_noise: float = 1.0,
    rtol: float = 0.05,
    atol: float = 0.0078,
    **_: object,
) -> Latent:
    """Steps as long as their error allows: third order, measured against second. The paper's DPM-Solver-23.

    A step whose error is too large is tried again at a shorter length; the images of a batch share their steps. The
    way in lambda is told in as many steps as `sigmas` has.
    """

    def slope(x: Latent, sigma: float) -> Latent:
        return (x - model(x, sigma)) / sigma

    start, end = -math.log(sigmas[0]), -math.log(sigmas[-1])
    steps, told = len(sigmas) - 1, -1
    at, length = start, 0.05
    low = x
    while at < end - 1e-5:
        sigma, sigma_next = math.exp(-at), math.exp(-min(end, at + length))
        down, up = _ancestral_within(sigma, sigma_next, math.exp(-end), eta)
        denoised = model(x, sigma)
        index = min(int((at - start) / (end - start) * steps), steps - 1)
        if index > told:
            on_step(Step(index, sigma, x, denoised))
            told = index
        second, third = _thirds(slope, x, (x - denoised) / sigma, sigma, down)
        tolerance = torch.clamp(rtol * torch.maximum(second.abs(), low.abs()), min=atol)
        error = float(((second - third) / tolerance).square().mean().sqrt())
        if not math.isfinite(error):
            return third  # No length of step mends a model that answers NaNs; the caller sees them.
        # An integral controller, which takes noise for an error of lower order; the arctangent keeps it from leaping.
        factor = 1 + math.atan((error + 1e-8) ** (-1 / (1.5 if eta else 3)) - 1)
        length *= factor
        if factor >= 0.81:
            at, low, x = -math.log(sigma_next), second, third
            if eta:
                x = torch.add(x, noise(sigma, sigma_next), alpha=s_noise * up)
    return x


def _first(_slope: Slope, x: Latent, eps: Latent, sigma: float, sigma_next: float) -> Latent:
    """The paper's DPM-Solver-1, from x with noise `eps` in it."""
    return torch.add(x, eps, alpha=sigma_next - sigma)


def _second(slope: Slope, x: Latent, eps: Latent, sigma: float, sigma_next: float) -> Latent:
    """DPM-Solver-2: a second look in the middle."""
    middle = math.sqrt(sigma * sigma_next)
    change = slope(torch.add(x, eps, alpha=middle - sigma), middle) - eps
    return torch.add(torch.add(x, eps, alpha=sigma_next - sigma), change, alpha=sigma_next - sigma)


def _third(slope: Slope, x: Latent, eps: Latent, sigma: float, sigma_next: float) -> Latent:
    """DPM-Solver-3: looks at one and two thirds of the way."""
    return _thirds(slope, x, eps, sigma, sigma_next)[1]


_STEPS = {1: _first, 2: _second, 3: _third}


def _thirds(slope: Slope, x: Latent, eps: Latent, sigma: float, sigma_next: float) -> tuple[Latent, Latent]:
    """What the look at one third makes of the step in second order, and both looks in third."""
    h = math.log(sigma / sigma_next)
    one, two = sigma * math.exp(-h / 3), sigma * math.exp(-2 * h / 3)
    change = slope(torch.add(x, eps, alpha=one - sigma), one) - eps
    second = torch.add(torch.add(x, eps, alpha=sigma_next - sigma), change, alpha=1.5 * (sigma_next - sigma))
    at_two = torch.add(torch.add(x, eps, alpha=two - sigma), change, alpha=-2 * two * _phi(2 * h / 3))
    change = slope(at_two, two) - eps
    return second, torch.add(torch.add(x, eps, alpha=sigma_next - sigma), change, alpha=-1.5 * sigma_next * _phi(h))


def _phi(h: float) -> float:
    return math.expm1(h) / h - 1


def _ancestral_within(sigma: float, sigma_next: float, end: float, eta: float) -> tuple[float, float]:
    """(sigma to step down to, noise to add there), never below the `end` of the way."""
    down = max(ancestral(sigma, sigma_next, eta)[0], end)
    return down, math.sqrt(max(sigma_next**2 - down**2, 0))
