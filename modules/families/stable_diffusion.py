"""Stable Diffusion 1.x and 2.x: what the text encoder, the UNet and the VAE are asked.

Each function takes one part as `Placed.ready()` gives it and casts to that part's type and back, so
that everything between the parts is float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel

from modules.families.types import Told

_END = 49407


def predict(unet: UNet2DConditionModel, x: Tensor, t: Tensor, conditioning: Told) -> Tensor:
    """The network's raw output [B, 4, h, w] for x [B, 4, h, w] at timesteps t [B], which may be fractions.

    `conditioning.context` is [B, T, D], T any multiple of 77; `concat` holds further input channels.
    """
    inputs = x if conditioning.concat is None else torch.cat([x, conditioning.concat], dim=1)
    dtype = unet.conv_in.weight.dtype  # unet.dtype would go through every weight, at every step
    answer = unet(inputs.to(dtype), t, encoder_hidden_states=conditioning.context.to(dtype), return_dict=False)
    return answer[0].to(x.dtype)


def encode_tokens(text: CLIPTextModel, tokens: Tensor, clip_skip: int = 1) -> Tensor:
    """Tokens [B, 77] -> context [B, 77, D], float32.

    `clip_skip` n reads the n-th last layer, final layer norm included; beyond the first layer it stops
    there. Encoders of Stable Diffusion 2.x always read the second last, and have padding of their own.
    """
    tokens = tokens.to(text.device)
    if getattr(text.config, "reads_penultimate", False):
        clip_skip = 2
        tokens = _padded_after_end(tokens, text.config.pad_token_id or 0)
    if clip_skip <= 1:
        return text(input_ids=tokens).last_hidden_state.float()
    states = text(input_ids=tokens, output_hidden_states=True).hidden_states
    # states[0] is the embedding of the tokens, before any layer.
    layer = max(1, len(states) - clip_skip)
    return text.final_layer_norm(states[layer]).float()


def decode(vae: AutoencoderKL, latent: Tensor) -> Tensor:
    """Latents [B, 4, h, w] as the UNet sees them -> pixels [B, 3, 8h, 8w] in 0..1, float32."""
    scaled = (latent / _scale_factor(vae)).to(vae.dtype)
    pixels = vae.decode(cast(torch.FloatTensor, scaled), return_dict=False)[0].float()
    return ((pixels + 1) / 2).clamp(0, 1)


def encode(vae: AutoencoderKL, pixels: Tensor, noise: Callable[[torch.Size], Tensor] | None = None) -> Tensor:
    """Pixels [B, 3, H, W] in 0..1 -> latents [B, 4, H/8, W/8] as the UNet sees them, float32.

    A sample of the posterior with the unit `noise` of the latents' shape, or its mean without.
    """
    posterior = vae.encode(2 * pixels.to(vae.dtype) - 1, return_dict=False)[0]
    latent = posterior.mean
    if noise is not None:
        latent = latent + posterior.std * noise(latent.shape).to(latent)
    return latent.float() * _scale_factor(vae)


def _scale_factor(vae: AutoencoderKL) -> float:
    return float(vae.config["scaling_factor"])


def _padded_after_end(tokens: Tensor, padding: int) -> Tensor:
    """Replace all that follows a row's first end mark."""
    ends = (tokens == _END).int()
    after = (ends.cumsum(dim=1) - ends) > 0
    return tokens.masked_fill(after, padding)
