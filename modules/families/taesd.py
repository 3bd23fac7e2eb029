"""A tiny decoder from latents straight to pixels, in the layout of TAESD's files, of whatever width a file has.

TAESD: Bohan 2023, github.com/madebyollin/taesd; its published decoders are 64 channels wide. Start at `built`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from modules.foundation.errors import BadFile


class Block(nn.Module):
    """Three convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, width, h, w] -> the same shape."""
        return torch.relu(self.conv(x) + x)


class Soft(nn.Module):
    """Keeps values within -3..3, beyond which no latent means anything."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return torch.tanh(x / 3) * 3


class Decoder(nn.Sequential):
    """Latents [B, channels, h, w] as the denoiser sees them -> pixels [B, 3, 8h, 8w] in about 0..1."""

    def __init__(self, channels: int, width: int) -> None:
        def larger() -> tuple[nn.Module, ...]:
            return nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False)

        super().__init__(
            Soft(),
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(),
            *(Block(width) for _ in range(3)),
            *larger(),
            *(Block(width) for _ in range(3)),
            *larger(),
            *(Block(width) for _ in range(3)),
            *larger(),
            Block(width),
            nn.Conv2d(width, 3, 3, padding=1),
        )


def built(weights: Mapping[str, Tensor], name: str) -> Decoder:
    """The decoder of a file's tensors, in 32 bits; its width and the latents' channels are read from them.

    Raises BadFile, naming `name`, if they are not a TAESD decoder's.
    """
    first = weights.get("1.weight")
    if first is None or first.ndim != 4:
        raise BadFile(f"{name} is no TAESD decoder: it has no tensor '1.weight' of a convolution.")
    network = Decoder(first.shape[1], first.shape[0])
    try:
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except RuntimeError as error:
        raise BadFile(f"{name} is no TAESD decoder: {' '.join(str(error).split())[:200]}.") from None
    return network.eval()
