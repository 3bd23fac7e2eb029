"""What inpainting and instruct-pix2pix models see beside the noisy latent: a mask and a picture's latent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from modules.engine.latents import encode
from modules.engine.options import Img2ImgOptions

if TYPE_CHECKING:
    from torch import Tensor

    from modules.engine.model import ModelHandle
    from modules.engine.run import RunContext


def blank(handle: ModelHandle, count: int, width: int, height: int, run: RunContext) -> Tensor | None:
    """[B, C', h, w] for `count` pictures that start from nothing; None for a model that sees no more than the latent.

    An inpainting model is told to paint everything of a grey picture, an instruct-pix2pix model sees no picture.
    """
    if handle.variant.sees_mask:
        grey = torch.full((1, 3, height, width), 0.5)
        return _told(torch.ones(1, 1, height, width), encode(handle, grey, run)).expand(count, -1, -1, -1)
    if handle.variant.sees_latent:
        latent, side = handle.latent_format, handle.latent_format.downscale
        return torch.zeros(count, latent.channels, height // side, width // side, device=handle.device)
    return None


def of_pixels(
    handle: ModelHandle, pixels: Tensor, mask: Tensor | None, size: tuple[int, int], run: RunContext
) -> Tensor | None:
    """[B, C', h, w] for pixels [B, 3, H, W] in 0..1 to be changed; None for a model that sees no more than the latent.

    `mask` [1, 1, H, W] is 1 where an inpainting model has to paint, everywhere if it is None; there it sees grey, or
    as much of the picture as the conditional mask weight leaves. `size` is the latent's (h, w).
    """
    if handle.variant.sees_mask:
        mask = torch.ones(1, 1, *pixels.shape[-2:]) if mask is None else mask
        hidden = mask * run.settings[Img2ImgOptions].inpainting_mask_weight
        # Grey is the middle of the range, as nothing is in the network's own -1..1.
        seen = torch.lerp(pixels, torch.full_like(pixels, 0.5), hidden.to(pixels))
        return _told(mask, _sized(encode(handle, seen, run), size))
    if handle.variant.sees_latent:
        # This kind was trained on latents as the VAE gives them.
        return _sized(encode(handle, pixels, run), size) / handle.latent_format.scale_factor
    return None


def _told(mask: Tensor, latent: Tensor) -> Tensor:
    """The mask at the latents' size before them."""
    small = functional.interpolate(mask.float(), size=latent.shape[-2:])
    return torch.cat([small.to(latent).expand(len(latent), -1, -1, -1), latent], dim=1)


def _sized(latent: Tensor, size: tuple[int, int]) -> Tensor:
    return latent if latent.shape[-2:] == size else functional.interpolate(latent, size=size, mode="bilinear")
