"""Latents to pictures, and the check that neither holds a NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from PIL import Image

from modules.engine.model import ModelHandle
from modules.engine.options import VaeOptions
from modules.engine.run import RunContext
from modules.families import stable_diffusion
from modules.foundation.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def decode(handle: ModelHandle, latents: Tensor, run: RunContext) -> Tensor:
    """Latents [B, C, h, w] -> pixels [B, 3, H, W] in 0..1, float32 on the CPU.

    One picture at a time, so that memory does not grow with the batch. A picture with NaNs is decoded
    again in float32, and the user told; raises UserError if that does not help.
    """
    run.report.phase("Decoding")
    pixels = _decoded(handle, latents)
    if run.check_nans and not finite(pixels):
        retried = run.settings[VaeOptions].auto_vae_precision and handle.in_fp32("vae")
        if retried:
            run.report.comment("The VAE produced NaNs in 16 bits; the picture was decoded again in 32 bits.")
            pixels = _decoded(handle, latents)
        if not finite(pixels):
            raise UserError(
                "The VAE produced NaNs (a black picture) in 32 bits: its file is damaged or does not fit the model."
                if handle.vae_dtype == torch.float32
                else "The VAE produced NaNs (a black picture) in 16 bits. Allow 'Automatically revert VAE to 32-bit "
                "floats' in the settings, or start with --no-half-vae."
            )
    return pixels


def _decoded(handle: ModelHandle, latents: Tensor) -> Tensor:
    with handle.vae.ready() as vae:
        return torch.cat([stable_diffusion.decode(vae, latent).float().cpu() for latent in latents.split(1)])


def finite(values: Tensor) -> bool:
    """Whether there is no NaN. Infinities count as finite, as in A1111: clamping deals with them."""
    return not bool(torch.isnan(values).any())


def to_images(pixels: Tensor) -> list[Image.Image]:
    """Pixels [B, 3, H, W] in 0..1 -> 8-bit RGB pictures."""
    # A1111 cuts off the fraction instead of rounding.
    levels = (pixels.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return [Image.fromarray(level) for level in levels]
