"""Solvers of the probability flow in its plain form: Euler, Euler ancestral, LCM.

Each walks x from the first noise level to the last. With d = (x - denoised) / sigma as slope this is an
ordinary differential equation (Karras et al. 2022, equation 1, arXiv:2206.00364). Noise levels are
read as Python floats: coefficients then cost nothing and no step waits for the device.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch

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
    gamma = min(s_churn / (len(sigmas) - 1), math.sqrt(2) - 1)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas.tolist())):
        if gamma > 0:
            # k-diffusion draws churn noise on every step, used or not; the generators must stay in step.
            drawn = noise(sigma, sigma_next)
            if s_tmin <= sigma <= s_tmax:
                raised = sigma * (1 + gamma)
                x = torch.add(x, drawn, alpha=s_noise * math.sqrt(raised**2 - sigma**2))
                sigma = raised
        denoised = model(x, sigma)
        on_step(Step(i, sigma, x, denoised))
        x = _towards(denoised, x, sigma_next / sigma)
    return x


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


def _towards(denoised: Latent, x: Latent, remaining: float) -> Latent:
    """Euler's step: x where only the share `remaining` of its noise is left."""
    return torch.lerp(denoised, x, remaining)
