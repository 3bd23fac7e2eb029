"""Guides: what is made of the estimates with and without the prompt. Plain CFG is `plain`; the others refine it.

A guide is a function of `Estimates`. Those that take another guide as `inner` correct what it answers, so they can
be put together: `Perturbed(2.0, Rescaled(0.7))`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from modules.sampling.types import Latent


@dataclass(frozen=True, slots=True)
class Estimates:
    """One call's estimates of the clean latent, all [B, C, h, w], from x at the noise level `sigma`.

    `positive` is that under the prompts alone, `negative` that under the negative prompt; where the negative one was
    left out, both are the same and `scale` is 1. `perturbed` asks a weakened network under the prompts.
    """

    x: Latent
    sigma: float
    positive: Latent
    negative: Latent
    scale: float
    perturbed: Callable[[], Latent]


Guide = Callable[[Estimates], Latent]


def plain(estimates: Estimates) -> Latent:
    """Classifier-free guidance. Ho & Salimans 2022 (arXiv:2207.12598), equation 6."""
    difference = estimates.positive - estimates.negative
    return torch.add(estimates.negative, difference, alpha=estimates.scale)


@dataclass(frozen=True, slots=True)
class Rescaled:
    """Brings the spread of the guided prediction back to that under the prompt, by the share `phi` (0 to 1).

    Against the glare of high scales. Lin et al. 2023 (arXiv:2305.08891), equations 14 to 16, on the velocity as there,
    whatever the network itself predicts.
    """

    phi: float
    inner: Guide = plain

    def __call__(self, estimates: Estimates) -> Latent:
        guided = self.inner(estimates)
        wanted = _spread(_velocity(estimates, estimates.positive))
        velocity = _velocity(estimates, guided)
        factor = torch.lerp(torch.ones_like(wanted), wanted / _spread(velocity), self.phi)
        return _denoised(estimates, velocity * factor)


class Projected:
    """Adaptive projected guidance: of the pull away from the negative prompt, what only amplifies is damped.

    `eta` is the share that is kept of the part parallel to the estimate (1 is plain), `norm_threshold` the greatest
    length of the pull of one image (0 is without limit), `momentum` the share of the earlier pulls that is added,
    negative to push off from them. Sadat et al. 2024 (arXiv:2410.02416), algorithm 1. Remembers one run's pulls.
    """

    def __init__(self, eta: float = 0.0, norm_threshold: float = 15.0, momentum: float = -0.5) -> None:
        self._eta, self._norm_threshold, self._momentum = eta, norm_threshold, momentum
        self._pull: Latent | None = None

    def __call__(self, estimates: Estimates) -> Latent:
        if estimates.scale == 1:
            return estimates.positive
        pull = estimates.positive - estimates.negative
        if self._pull is not None and self._momentum:
            pull = torch.add(pull, self._pull, alpha=self._momentum)
        self._pull = pull
        if self._norm_threshold > 0:
            pull = pull * (self._norm_threshold / _length(pull)).clamp(max=1)
        direction = estimates.positive / _length(estimates.positive).clamp(min=1e-12)
        parallel = (pull * direction).sum(dim=(1, 2, 3), keepdim=True) * direction
        update = torch.sub(pull, parallel, alpha=1 - self._eta)
        return torch.add(estimates.positive, update, alpha=estimates.scale - 1)


@dataclass(frozen=True, slots=True)
class Perturbed:
    """Perturbed-attention guidance: away from what a network sees whose self-attention looks at nothing around it.

    Adds `scale` times the difference to what `inner` says; one more call of the network. Ahn et al. 2024
    (arXiv:2403.17377), equation 15.
    """

    scale: float
    inner: Guide = plain

    def __call__(self, estimates: Estimates) -> Latent:
        pull = estimates.positive - estimates.perturbed()
        return torch.add(self.inner(estimates), pull, alpha=self.scale)


def _velocity(estimates: Estimates, denoised: Latent) -> Latent:
    """The v-prediction that would have meant `denoised`. Salimans & Ho 2022 (arXiv:2202.00512), in sigma space."""
    sigma = estimates.sigma
    return (estimates.x / (sigma**2 + 1) - denoised) * (math.sqrt(sigma**2 + 1) / sigma)


def _denoised(estimates: Estimates, velocity: Latent) -> Latent:
    sigma = estimates.sigma
    return estimates.x / (sigma**2 + 1) - velocity * (sigma / math.sqrt(sigma**2 + 1))


def _spread(values: Latent) -> Latent:
    """The standard deviation of each image, [B, 1, 1, 1]; never quite 0."""
    return values.std(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)


def _length(values: Latent) -> Latent:
    """The Euclidean length of each image, [B, 1, 1, 1]."""
    return torch.linalg.vector_norm(values, dim=(1, 2, 3), keepdim=True)
