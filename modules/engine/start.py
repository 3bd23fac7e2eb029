"""Start: what a run begins with besides noise, and how a text-to-image run differs from the others. A frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from modules.engine import soft_inpainting
from modules.engine.request import SoftInpainting
from modules.sampling.guidance import Blend
from modules.sampling.types import Conditioning, Prompted


@dataclass(frozen=True, slots=True)
class Start:
    """From noise alone, or with `latent` [B, C, h, w] from a clean latent that is noised.

    `denoising_strength` (0..1), `exact_steps`, `noise_multiplier` and `extra_noise` are those of `sample.img2img`.
    `concat` [B, C', h, w] is what the network sees beside the latent, on its device. With `mask` [1, 1, h, w] the
    latent stays where that is 0 and is made anew where it is 1, or as `soft` has it. `image_cfg_scale` guides by
    the picture in `concat`. `noise` [B, C, h, w] takes the place of the seeds' first one.
    """

    latent: Tensor | None = None
    denoising_strength: float = 1.0
    exact_steps: bool = False
    noise_multiplier: float = 1.0
    extra_noise: float = 0.0
    concat: Tensor | None = None
    mask: Tensor | None = None
    soft: SoftInpainting | None = None
    image_cfg_scale: float | None = None
    noise: Tensor | None = None

    def of_first(self, count: int) -> Start:
        """The same for the first `count` images of the batch."""
        latent, concat = self.latent, self.concat
        return replace(
            self,
            latent=None if latent is None else latent[:count],
            concat=None if concat is None else concat[:count],
        )

    @property
    def blend(self) -> Blend | None:
        """What each step does with its latent; None without a mask."""
        return None if self.mask is None else self._blended

    def finished(self, latents: Tensor) -> Tensor:
        """The solver's latents with the original where nothing was to change. Soft inpainting leaves them."""
        return latents if self.mask is None or self.soft else self._mixed(latents)

    def _blended(self, current: Tensor, level: float) -> Tensor:
        if self.soft is None:
            return self._mixed(current)
        assert self.latent is not None and self.mask is not None
        return soft_inpainting.blended(self.latent, current, self.mask, level, self.soft)

    def _mixed(self, current: Tensor) -> Tensor:
        assert self.latent is not None and self.mask is not None
        return current * self.mask + self.latent * (1 - self.mask)

    def told(self, prompted: Prompted) -> Prompted:
        """What a network is told that sees `concat` too."""
        return prompted if self.concat is None else _Beside(prompted, self.concat)


class _Beside:
    """A conditioning with further input channels, for each of an image's prompts."""

    def __init__(self, prompted: Prompted, concat: Tensor) -> None:
        self._prompted, self._concat = prompted, concat
        self._of: Conditioning | None = None
        self._now: Conditioning | None = None

    def at(self, evaluation: int, /) -> Conditioning:
        plain = self._prompted.at(evaluation)
        if self._now is None or plain is not self._of:
            rows = torch.tensor([len(weights) for weights in plain.weights or ()], device=self._concat.device)
            concat = self._concat if plain.weights is None else self._concat.repeat_interleave(rows, dim=0)
            self._of, self._now = plain, replace(plain, concat=concat)
        return self._now
