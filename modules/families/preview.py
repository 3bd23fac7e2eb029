"""A latent as a rough picture: an eighth of its size at the cost of a matrix product, or whole by a tiny decoder."""

from __future__ import annotations

import torch
from torch import Tensor

from modules.families.taesd import Decoder
from modules.families.types import PreviewMap


def colors(latent: Tensor, preview: PreviewMap) -> Tensor:
    """Latents [B, C, h, w] as the UNet sees them -> colours [B, 3, h, w] in 0..1, float32 on the CPU."""
    values = latent.detach().float().cpu()
    weight, bias = torch.tensor(preview.weight), torch.tensor(preview.bias)
    mixed = torch.einsum("bchw,cr->brhw", values, weight) + bias[:, None, None]
    return ((mixed + 1) / 2).clamp(0, 1)


@torch.inference_mode()
def decoded(latent: Tensor, decoder: Decoder) -> Tensor:
    """Latents [B, C, h, w] as the UNet sees them -> pixels [B, 3, 8h, 8w] in 0..1, float32 on the CPU."""
    return decoder(latent.detach().float().cpu()).clamp(0, 1)
