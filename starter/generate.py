"""The trained parts together, and pictures from prompts."""

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel

from starter import diffusion, latents, state, text, unet, vae


@dataclass(frozen=True, slots=True)
class Starter:
    """The three networks and the statistics [4] that turn the denoiser's latents into the autoencoder's.

    `samples` is how many the denoiser has seen.
    """

    vae: AutoencoderKL
    encoder: CLIPTextModel
    unet: UNet2DConditionModel
    mean: Tensor
    std: Tensor
    samples: int = 0


def trained() -> Starter:
    """What the state folder holds so far, with averaged weights."""
    saved = state.load("unet.pt")
    if saved is None:
        raise FileNotFoundError("The denoiser is not trained yet; run `python -m starter unet` first.")
    denoiser = unet.build()
    denoiser.load_state_dict(saved["average"])
    return Starter(
        latents.frozen_vae(),
        text.trained(),
        denoiser.eval().requires_grad_(False),
        *latents.statistics(),
        saved["samples"],
    )


def pictures(
    starter: Starter, prompts: list[str], *, seed: int = 0, steps: int = 20, cfg_scale: float = 4.0, batch: int = 16
) -> list[Image.Image]:
    """One 128x128 picture per prompt; picture i starts from noise of seed + i."""
    out: list[Image.Image] = []
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        noise = torch.stack(
            [
                torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(seed + start + i))
                for i in range(len(part))
            ]
        )
        context = unet.encode_prompts(starter.encoder, part + [""] * len(part))
        out += decode(starter, diffusion.sample(_guided(starter.unet, context, cfg_scale), noise, steps))
    return out


def _guided(network: UNet2DConditionModel, context: Tensor, cfg_scale: float) -> diffusion.Velocity:
    """Classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598); `context`: prompts, then empty ones."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            v = network(torch.cat([x, x]), torch.cat([t, t]), context).sample.float()
        prompted, empty = v.chunk(2)
        return empty + cfg_scale * (prompted - empty)

    return velocity


def decode(starter: Starter, latent: Tensor) -> list[Image.Image]:
    """Latents [B, 4, h, w] as the denoiser sees them, as images of 8 times the size."""
    with torch.no_grad():
        pixels = vae.decoded(starter.vae, latent * starter.std[:, None, None] + starter.mean[:, None, None])
    values = ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(v) for v in values]
