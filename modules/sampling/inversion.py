"""The way back: the noise from which a solver would come to a given picture, after the img2img alternative test."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from modules.sampling.types import Latent, Sigma, Sigmas


def inverted(model: Callable[[Latent, Sigma], Latent], x: Latent, sigmas: Sigmas, *, adjusted: bool = False) -> Latent:
    """Noise [B, C, h, w] of about unit variance for clean latents `x`, by Euler's method up the levels.

    `sigmas` descend to 0. `adjusted` judges each step at the level it comes from and divides by the last level;
    otherwise a step is judged at the level it goes to, and each image is divided by its own deviation.
    """
    rising = sigmas.flip(0)
    for number in range(1, len(rising)):
        before, level = rising[number - 1], rising[number]
        first = number == 1
        at = before if adjusted and not first else level
        length = 2 * level if adjusted and first else at
        x = x + (x - model(x, at)) / length * (level - before)
    return x / rising[-1] if adjusted else x / x.std(dim=(1, 2, 3), keepdim=True)


def mixed(found: Tensor, drawn: Tensor, randomness: float) -> Tensor:
    """Two noises of unit variance as one; `randomness` 0..1 is the share of `drawn`."""
    return ((1 - randomness) * found + randomness * drawn) / (randomness**2 + (1 - randomness) ** 2) ** 0.5
