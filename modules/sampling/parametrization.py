"""Parametrization: what a network predicts, and which of its timesteps means which noise level.

Start with `discrete`, or `flow` for rectified flows. Everything here is in sigma space (Karras et al. 2022,
arXiv:2206.00364): the noisy latent is x = x0 + sigma * noise, and a network trained on sqrt(a) * x0 +
sqrt(1 - a) * noise sees x / sqrt(sigma^2 + 1). Tables stay on the CPU, so that reading a noise level never waits
for a device.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from modules.foundation.errors import UserError
from modules.sampling.types import Conditioning, Latent, Sigma

Network = Callable[[Latent, Tensor, Conditioning], Latent]
"""(x [B, C, h, w], t [B] timesteps, conditioning) -> the raw prediction [B, C, h, w]."""
Prediction = Literal["epsilon", "v_prediction", "flow"]


@dataclass(frozen=True, slots=True)
class Parametrization:
    """A noise table, and how a prediction becomes the denoised latent.

    `alphas_cumprod` [T] falls, `sigmas` [T] rises, float32 on the CPU; index i is timestep i. A network that
    is `quantized` is only asked for whole timesteps.
    """

    alphas_cumprod: Tensor
    sigmas: Tensor
    log_sigmas: Tensor
    prediction: Prediction
    quantized: bool = field(default=False, kw_only=True)

    @property
    def sigma_min(self) -> float:
        return float(self.sigmas[0])

    @property
    def sigma_max(self) -> float:
        return float(self.sigmas[-1])

    @property
    def t_range(self) -> tuple[float, float]:
        """The timesteps of the table's first and last entry."""
        return 0.0, float(len(self.sigmas) - 1)

    def to_t(self, sigma: Sigma) -> Tensor:
        """Timestep of a noise level, of sigma's shape; linear in log sigma between entries, clamped to the table."""
        log_sigma = torch.as_tensor(sigma, dtype=torch.float32).log()
        high = torch.searchsorted(self.log_sigmas, log_sigma, right=True).clamp(1, len(self.sigmas) - 1)
        low_value, high_value = self.log_sigmas[high - 1], self.log_sigmas[high]
        weight = ((low_value - log_sigma) / (low_value - high_value)).clamp(0, 1)
        t = (1 - weight) * (high - 1) + weight * high
        return t.round() if self.quantized else t

    def to_sigma(self, t: float | Tensor) -> Tensor:
        """Noise level of a timestep, of t's shape; the inverse of `to_t`."""
        t = torch.as_tensor(t, dtype=torch.float32)
        low, high, weight = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - weight) * self.log_sigmas[low] + weight * self.log_sigmas[high]).exp()

    def denoised(self, network: Network, x: Latent, sigma: Sigma, conditioning: Conditioning) -> Latent:
        """The network's estimate of x0 [B, C, h, w] from x at one noise level."""
        sigma = float(sigma)
        scale = 1 / math.sqrt(sigma**2 + 1)
        t = torch.full((x.shape[0],), float(self.to_t(sigma)), device=x.device)
        predicted = network(x * scale, t, conditioning)
        if self.prediction == "epsilon":
            return torch.sub(x, predicted, alpha=sigma)
        return torch.sub(x * scale**2, predicted, alpha=sigma * scale)


@dataclass(frozen=True, slots=True)
class Flow(Parametrization):
    """A rectified flow: the network sees (1 - t) * x0 + t * noise and predicts noise - x0.

    Liu et al. 2022 (arXiv:2209.03003). In sigma space t is sigma / (1 + sigma), and what the network sees is
    x / (1 + sigma), so that every solver walks the flow's own straight lines. The table's index i stands for the
    unshifted time (i + 1) / T; `shift` above 1 gives more of them to high noise, as Esser et al. 2024
    (arXiv:2403.03206), equation 23. The network is told 1000 t.
    """

    def denoised(self, network: Network, x: Latent, sigma: Sigma, conditioning: Conditioning) -> Latent:
        sigma = float(sigma)
        scale = 1 / (1 + sigma)
        t = torch.full((x.shape[0],), 1000 * sigma * scale, device=x.device)
        predicted = network(x * scale, t, conditioning)
        return torch.sub(x * scale, predicted, alpha=sigma * scale)


@dataclass(frozen=True, slots=True)
class Consistency(Parametrization):
    """Latent consistency models know only some levels of their teacher's table, `stride` timesteps apart.

    The estimate is mixed with x so that it is x itself at no noise. Luo et al. 2023 (arXiv:2310.04378),
    with the teacher's x left unscaled and every prediction taken as epsilon, as in A1111.
    """

    stride: int

    @property
    def t_range(self) -> tuple[float, float]:
        return float(self.stride - 1), float(len(self.sigmas) * self.stride - 1)

    def to_t(self, sigma: Sigma) -> Tensor:
        log_sigma = torch.as_tensor(sigma, dtype=torch.float32).log()
        nearest = (log_sigma.unsqueeze(-1) - self.log_sigmas).abs().argmin(dim=-1)
        return (nearest * self.stride + self.stride - 1).float()

    def to_sigma(self, t: float | Tensor) -> Tensor:
        index = (torch.as_tensor(t, dtype=torch.float32) - (self.stride - 1)) / self.stride
        # Named by class: a slotted dataclass is made anew by its decorator, and bare super() misses that.
        return Parametrization.to_sigma(self, index.clamp(0, len(self.sigmas) - 1))

    def denoised(self, network: Network, x: Latent, sigma: Sigma, conditioning: Conditioning) -> Latent:
        estimate = Parametrization.denoised(self, network, x, sigma, conditioning)
        scaled_t = 10.0 * float(self.to_t(sigma))
        skip = 0.25 / (scaled_t**2 + 0.25)
        return torch.add(x * skip, estimate, alpha=scaled_t / math.sqrt(scaled_t**2 + 0.25))


def discrete(alphas_cumprod: Tensor, prediction: Prediction, *, quantized: bool = False) -> Parametrization:
    """A network trained on the timesteps of a table, `alphas_cumprod` [T] falling from nearly 1."""
    alphas = alphas_cumprod.detach().to("cpu", torch.float32)
    sigmas = ((1 - alphas) / alphas) ** 0.5
    return Parametrization(alphas, sigmas, sigmas.log(), prediction, quantized=quantized)


def flow(shift: float = 1.0, *, levels: int = 1000) -> Flow:
    """A rectified flow with its times shifted towards noise, `shift` above 0."""
    times = torch.arange(1, levels + 1, dtype=torch.float64) / levels
    shifted = shift * times / (1 + (shift - 1) * times)
    # At t = 1 there is no signal and no finite sigma; this is near enough for the start to be noise alone.
    shifted[-1] = min(float(shifted[-1]), 1 - 1e-4)
    sigmas = (shifted / (1 - shifted)).float()
    return Flow(1 / (1 + sigmas**2), sigmas, sigmas.log(), "flow")


def within(parametrization: Parametrization, first: float, last: float) -> Parametrization:
    """The table cut down to the noise levels of timesteps `first` to `last` (rising, both included), for schedules.

    Timesteps of what is returned are counted anew, so a network must be asked through the whole one. Raises
    UserError if fewer than two levels are left.
    """
    low, high = (float(parametrization.to_sigma(t)) for t in (first, last))
    inside = (parametrization.sigmas >= low * (1 - 1e-6)) & (parametrization.sigmas <= high * (1 + 1e-6))
    if int(inside.sum()) < 2:
        raise UserError(
            f"The timestep range {last:g} to {first:g} holds less than two of the model's noise levels: widen it."
        )
    return replace(
        parametrization,
        alphas_cumprod=parametrization.alphas_cumprod[inside],
        sigmas=parametrization.sigmas[inside],
        log_sigmas=parametrization.log_sigmas[inside],
    )


def consistency(teacher: Parametrization, levels: int = 50) -> Consistency:
    """The levels a consistency model distilled from `teacher` knows: every (T / levels)-th, the last included."""
    stride = len(teacher.sigmas) // levels
    chosen = slice(stride - 1, stride * levels, stride)
    sigmas = teacher.sigmas[chosen]
    return Consistency(teacher.alphas_cumprod[chosen], sigmas, sigmas.log(), "epsilon", stride)


def zero_terminal_snr(alphas_cumprod: Tensor) -> Tensor:
    """The table stretched so that its last entry is noise alone. Lin et al. 2023 (arXiv:2305.08891), algorithm 1."""
    roots = alphas_cumprod.float().sqrt()
    stretched = ((roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))) ** 2
    # Not 0, which no finite sigma stands for: A1111's value, sigma is about 4519 there.
    stretched[-1] = 4.8973451890853435e-08
    return stretched


def scaled_linear(beta_start: float = 0.00085, beta_end: float = 0.012, steps: int = 1000) -> Tensor:
    """`alphas_cumprod` [steps] of Stable Diffusion's schedule: the square roots of the betas are evenly spaced."""
    betas = torch.linspace(beta_start**0.5, beta_end**0.5, steps, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, dim=0).float()
