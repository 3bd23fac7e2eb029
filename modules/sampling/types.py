"""The few types the whole package is written in.

`x` is a noisy latent, `sigma` its noise level (standard deviation of the noise added to a latent of
unit variance), `denoised` the model's estimate of the clean latent (x0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

Latent = Tensor
"""[B, C, h, w]; h and w are an eighth of the picture's height and width for SD 1.x."""
Sigma = float | Tensor
"""One noise level: a number or a tensor without dimensions."""
Sigmas = Tensor
"""[steps + 1], falling, the last usually 0."""


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What the network is told besides the noisy latent, for a whole batch.

    `context` is [B, T, D] (T is 77 a chunk), `pooled` [B, P] for families that have one, `concat`
    [B, C, h, w] extra input channels (inpainting, depth). With `weights` an image may have several rows,
    one after another, of several prompts that pull it: a tuple of weights for each image.
    """

    context: Tensor
    pooled: Tensor | None = None
    concat: Tensor | None = None
    weights: tuple[tuple[float, ...], ...] | None = None

    def at(self, _evaluation: int) -> Conditioning:
        """The same at every evaluation, as a Prompted."""
        return self


class Prompted(Protocol):
    """What the network is told from one evaluation to the next, counted from 0."""

    def at(self, evaluation: int, /) -> Conditioning: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a solver tells the outside once a step, before it moves on."""

    index: int
    sigma: Sigma
    x: Latent
    denoised: Latent


OnStep = Callable[[Step], None]
StepNoise = Callable[[Sigma, Sigma], Latent]
"""Unit noise for the step from one sigma to the next, seeded per image."""


def ignore(_step: Step) -> None:
    """The OnStep of callers that do not watch."""


class Denoiser(Protocol):
    """Guided estimate of the clean latent: what solvers call. Returns [B, C, h, w]."""

    def __call__(self, x: Latent, sigma: Sigma) -> Latent: ...


class GuidedDenoiser(Denoiser, Protocol):
    """A denoiser that also tells what it guides away from, for solvers that use the two apart."""

    def guided(self, x: Latent, sigma: Sigma, strength: float = 1.0) -> tuple[Latent, Latent]:
        """The estimate at `strength` times the guidance, and the estimate under the negative prompt alone."""
        ...


class Solver(Protocol):
    """Walks x from sigmas[0] to sigmas[-1]. Knobs it does not know are ignored."""

    def __call__(
        self,
        model: GuidedDenoiser,
        x: Latent,
        sigmas: Sigmas,
        *,
        noise: StepNoise,
        on_step: OnStep = ignore,
        **knobs: Any,
    ) -> Latent: ...
