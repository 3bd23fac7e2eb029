"""What is known of a model family and of one model's files, as plain values. Imports no torch.

Start with `Family`; `LatentFormat` says how its latents relate to pixels, `Recommended` what the
maker of one model advises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Prediction = Literal["epsilon", "v_prediction"]
"""What the network's output is: the noise, or the velocity of Salimans and Ho 2022 (arXiv:2202.00512)."""

Part = Literal["unet", "vae", "text"]


class Told(Protocol):
    """What a network is told besides the latent, for a batch; `sampling.types.Conditioning` is one.

    `context` is [B, T, D], `concat` [B, C, h, w] further input channels.
    """

    @property
    def context(self) -> Tensor: ...

    @property
    def concat(self) -> Tensor | None: ...


@dataclass(frozen=True, slots=True)
class PreviewMap:
    """A linear map from latent to picture: `weight` has a row of R, G, B per latent channel, `bias` is R, G, B.

    It takes the latent as the UNet sees it and gives colours in -1..1.
    """

    weight: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class LatentFormat:
    """Channels of a latent, how many pixels a latent cell is wide, and what the VAE's output is multiplied by."""

    channels: int
    downscale: int
    scale_factor: float
    preview: PreviewMap


@dataclass(frozen=True, slots=True)
class Recommended:
    """What a model's yaml advises under `atelier:`. Each is None where it says nothing; sizes are pixels."""

    native_resolution: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    sampler_name: str | None = None
    scheduler: str | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """What a family's network may see besides the noisy latent: another latent, and before it a mask.

    `name` is that of `weights.recognise`. An "inpainting" model sees where it has to paint and the rest of the picture,
    an "instruct-pix2pix" model the picture it has to change.
    """

    name: str = ""
    sees_mask: bool = False
    sees_latent: bool = False

    def extra_channels(self, latent_channels: int) -> int:
        """Input channels beyond the latent's own."""
        return self.sees_mask + self.sees_latent * latent_channels


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of model. `config` is the name of its file in `families/configs`, without the ending."""

    name: str
    label: str
    config: str
    native_resolution: int
    has_clip_skip: bool
