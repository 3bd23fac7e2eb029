"""Latents to pictures and back, and the check that neither holds a NaN."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from modules.engine.model import ModelHandle
from modules.engine.options import VaeOptions
from modules.engine.run import RunContext
from modules.families import stable_diffusion
from modules.foundation.errors import UserError
from modules.sampling.streams import SEEDS

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


def encode(handle: ModelHandle, pixels: Tensor, run: RunContext, seeds: Sequence[int] = ()) -> Tensor:
    """Pixels [B, 3, H, W] in 0..1 -> latents [B, C, h, w], float32 on the network's device.

    A VAE knows a latent up to a small uncertainty, and A1111 takes a sample: its noise comes from the CPU's generator
    at the picture's seed. (A1111 draws a whole batch from its last seed; ours keeps a picture the same in every
    batch.) Without seeds the latent is the likeliest. One picture at a time, and again in float32 after NaNs, as
    `decode`.
    """
    run.report.phase("Encoding")
    latents = _encoded(handle, pixels, seeds)
    if run.check_nans and not finite(latents):
        if run.settings[VaeOptions].auto_vae_precision and handle.in_fp32("vae"):
            run.report.comment("The VAE produced NaNs in 16 bits; the picture was encoded again in 32 bits.")
            latents = _encoded(handle, pixels, seeds)
        if not finite(latents):
            raise UserError(
                f"The VAE cannot encode the picture: it produced NaNs in {_bits(handle)} bits. "
                "Its file is damaged or does not fit the model, or 16 bits are too few: start with --no-half-vae."
            )
    return latents


def _encoded(handle: ModelHandle, pixels: Tensor, seeds: Sequence[int]) -> Tensor:
    def drawn(seed: int, shape: torch.Size) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed % SEEDS))

    with handle.vae.ready() as vae:
        noises = [partial(drawn, seed) for seed in seeds] or [None] * len(pixels)
        latents = [
            stable_diffusion.encode(vae, picture.to(handle.vae.device), noise)
            for picture, noise in zip(pixels.split(1), noises, strict=True)
        ]
    return torch.cat(latents).to(handle.device)


def _bits(handle: ModelHandle) -> int:
    return 32 if handle.vae_dtype == torch.float32 else 16


def to_pixels(images: Sequence[Image.Image], device: torch.device | str = "cpu") -> Tensor:
    """RGB pictures of one size -> pixels [B, 3, H, W] in 0..1, float32."""
    levels = np.stack([np.asarray(image.convert("RGB")) for image in images])
    # Contiguous: with the channels last torch's group norm loses so much of a plain area that the latent is another.
    return torch.from_numpy(levels).to(device).permute(0, 3, 1, 2).contiguous().float() / 255


def finite(values: Tensor) -> bool:
    """Whether there is no NaN. Infinities count as finite, as in A1111: clamping deals with them."""
    return not bool(torch.isnan(values).any())


def to_images(pixels: Tensor) -> list[Image.Image]:
    """Pixels [B, 3, H, W] in 0..1 -> 8-bit RGB pictures."""
    # A1111 cuts off the fraction instead of rounding.
    levels = (pixels.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return [Image.fromarray(level) for level in levels]
