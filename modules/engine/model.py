"""ModelHandle: one loaded model, its parts behind their doors, and what is known of it.

    with handle.unet.ready() as unet:
        noise = stable_diffusion.predict(unet, x, t, conditioning)

Importing this module loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modules.families.types import Variant

if TYPE_CHECKING:
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from torch import Tensor
    from transformers import CLIPTextModel

    from modules.engine.placement import Placed
    from modules.families.types import Family, LatentFormat, Part, Recommended
    from modules.networks.patch import Patched
    from modules.sampling.parametrization import Parametrization


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which file a model came from. `name` is A1111's, the path below the models folder without its ending."""

    name: str
    title: str
    path: Path
    find_sha256: Callable[[], str | None] = field(default=lambda: None, compare=False, repr=False)

    @property
    def sha256(self) -> str | None:
        """The file's checksum, None where it is not to be had. The first call may read the whole file."""
        return self.find_sha256()

    @property
    def hash(self) -> str | None:
        """The ten characters of the checksum that titles and infotexts show."""
        digest = self.sha256
        return digest[:10] if digest else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is told of a model when it need not be in memory any more; as in ModelHandle."""

    ref: ModelRef
    family: Family
    vae_ref: ModelRef | None = None


def _unpatched() -> Patched:
    from modules.networks.patch import Patched

    return Patched()


PLAIN = Variant()
"""A network that sees the latent and the prompt alone."""


@dataclass(slots=True, eq=False)
class ModelHandle:
    """A loaded model. Two handles are equal only if they are the same object, so it can key a cache.

    `vae_ref` names the separate VAE file, None if the checkpoint's own VAE is used. `text_width` is that of the
    vectors its text encoders read. `contexts` are encoded prompts, kept by `conditioning`; `patched` is what networks
    changed, kept by `networks.patch.ensure`.
    """

    ref: ModelRef
    family: Family
    unet: Placed[UNet2DConditionModel]
    vae: Placed[AutoencoderKL]
    text: Placed[CLIPTextModel]
    parametrization: Parametrization
    latent_format: LatentFormat
    recommended: Recommended | None = None
    vae_ref: ModelRef | None = None
    variant: Variant = PLAIN
    text_width: int = 0
    contexts: dict[Hashable, Tensor] = field(default_factory=dict, repr=False)
    patched: Patched = field(default_factory=_unpatched, repr=False)

    @property
    def known(self) -> Known:
        """What stays when the model goes."""
        return Known(self.ref, self.family, self.vae_ref)

    @property
    def parts(self) -> Mapping[Part, Placed]:
        """Every part by name."""
        return {"unet": self.unet, "vae": self.vae, "text": self.text}

    @property
    def device(self) -> torch.device:
        """Where the UNet runs, and where latents belong."""
        return self.unet.device

    @property
    def dtype(self) -> torch.dtype:
        """What the UNet computes in."""
        return self.unet.dtype

    @property
    def vae_dtype(self) -> torch.dtype:
        """What the VAE computes in."""
        return self.vae.dtype

    def in_fp32(self, part: Part) -> bool:
        """Keep one part in 32 bits from now on, for a second try after NaNs.

        False if it was in 32 bits already and a second try can only fail again.
        """
        return self.parts[part].in_fp32()
