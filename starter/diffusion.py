"""Noise schedule, velocity target and sampling, as stable-diffusion's `scaled_linear` schedule defines them."""

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 1000
LINEAR_START, LINEAR_END = 0.00085, 0.012

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(noisy latent [B, 4, h, w], step [B]) -> v of the same shape."""


def kept_signal() -> Tensor:
    """Cumulated alpha [1000]: the share of the clean latent's variance that step t keeps."""
    betas = torch.linspace(LINEAR_START**0.5, LINEAR_END**0.5, STEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


ALPHAS = kept_signal()


def noised(clean: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The noisy latent and its velocity target (Salimans & Ho 2022, arXiv:2202.00512); t is [B]."""
    signal, spread = _weights(t)
    return signal * clean + spread * noise, signal * noise - spread * clean


def denoised(x: Tensor, v: Tensor, t: Tensor) -> Tensor:
    """The clean latent that a velocity implies."""
    signal, spread = _weights(t)
    return signal * x - spread * v


def loss_weight(t: Tensor) -> Tensor:
    """Weight [B] on the squared velocity error: 1 up to a signal to noise ratio of 5, falling beyond."""
    kept = ALPHAS[t]
    ratio = kept / (1 - kept)
    return (ratio.clamp(max=5) + 1) * (1 - kept)


def random_steps(count: int) -> Tensor:
    """Training steps [count]: two thirds around the middle, where shape is decided, the rest uniform."""
    middle = torch.sigmoid(torch.randn(count) * 0.9 + 0.5) * STEPS
    return torch.where(torch.rand(count) < 0.65, middle, torch.rand(count) * STEPS).long().clamp(0, STEPS - 1)


def sample(velocity: Velocity, noise: Tensor, steps: int = 20) -> Tensor:
    """DPM-Solver++ (2M) in its multistep form (Lu et al. 2022, arXiv:2211.01095) on evenly spaced steps."""
    times = torch.linspace(STEPS - 1, 0, steps + 1).round().long()[:-1]
    x, previous, last_h = noise, None, None
    for i, t in enumerate(times):
        batch = t.expand(len(x))
        clean = denoised(x, velocity(x, batch), batch)
        kept = ALPHAS[t]
        following = ALPHAS[times[i + 1]] if i + 1 < len(times) else torch.tensor(1.0)
        if following == 1:
            return clean
        log_snr, log_snr_next = (torch.log(a / (1 - a)) / 2 for a in (kept, following))
        h = log_snr_next - log_snr
        guess = clean
        if previous is not None and last_h is not None:
            r = last_h / h
            guess = (1 + 1 / (2 * r)) * clean - previous / (2 * r)
        x = ((1 - following) / (1 - kept)).sqrt() * x - following.sqrt() * torch.expm1(-h) * guess
        previous, last_h = clean, h
    return x


def _weights(t: Tensor) -> tuple[Tensor, Tensor]:
    kept = ALPHAS[t][:, None, None, None]
    return kept.sqrt(), (1 - kept).sqrt()
