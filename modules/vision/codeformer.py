"""CodeFormer (Zhou et al. 2022, arXiv:2206.11253): a face is encoded, its codes are predicted, and decoded again.

The layout is that of `codeformer-v0.1.0.pth`; all sizes are read from the weights. Start at `built`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from modules.foundation.errors import BadFile

WIDTHS = (1, 2, 2, 4, 4, 8)
"""Of the levels from fine to coarse, in multiples of the first convolution's."""
BLOCKS = 2
HEADS = 8
GROUPS = 32
FROM_ENCODER = (14, 11, 8, 5)
INTO_DECODER = (9, 12, 15, 18)
"""Blocks between which detail is carried over, from coarse to fine."""


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, channels, 1e-6), nn.Conv2d(channels, width, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, width, 1e-6), nn.Conv2d(width, width, 3, padding=1)
        self.conv_out = nn.Conv2d(channels, width, 1) if channels != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, h, w] -> [B, width, h, w]."""
        inner = self.conv1(functional.silu(self.norm1(x)))
        return self.conv_out(x) + self.conv2(functional.silu(self.norm2(inner)))


class Attention(nn.Module):
    """Every place looks at every other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels, 1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        normed = self.norm(x)
        query, key, value = (part(normed).flatten(2).transpose(1, 2)[:, None] for part in (self.q, self.k, self.v))
        seen = functional.scaled_dot_product_attention(query, key, value)
        return x + self.proj_out(seen[:, 0].transpose(1, 2).reshape(x.shape))


class Smaller(nn.Module):
    """Half as large."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, C, h / 2, w / 2]."""
        return self.conv(functional.pad(x, (0, 1, 0, 1)))


class Larger(nn.Module):
    """Twice as large."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, C, 2h, 2w]."""
        return self.conv(functional.interpolate(x, scale_factor=2))


class Blocks(nn.Module):
    """The blocks of the encoder or the decoder, one after another."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)


class Codes(nn.Module):
    """The codebook."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(count, width)


class Carried(nn.Module):
    """Detail of the encoder scales and shifts what the decoder has."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encode_enc = Residual(2 * width, width)
        self.scale, self.shift = _two_convolutions(width), _two_convolutions(width)

    def forward(self, encoded: Tensor, decoded: Tensor, weight: float) -> Tensor:
        """`weight` 0 leaves what is decoded, 1 carries all detail over."""
        both = self.encode_enc(torch.cat([encoded, decoded], 1))
        return decoded + weight * (decoded * self.scale(both) + self.shift(both))


def _two_convolutions(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(width, width, 3, padding=1)
    )


class Layer(nn.Module):
    """A transformer's layer; places are added to queries and keys."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, HEADS)
        self.linear1, self.linear2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        """[N, B, width] -> the same shape."""
        normed = self.norm1(x)
        asked = normed + places
        x = x + self.self_attn(asked, asked, normed, need_weights=False)[0]
        return x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))


class CodeFormer(nn.Module):
    """The whole network, for faces of `side` pixels."""

    def __init__(
        self, first: int, code: int, codes: int, places: int, width: int, inner: int, layers: int, names: list[str]
    ) -> None:
        """`names` are those of the carrying blocks, from coarse to fine."""
        super().__init__()
        self.side = math.isqrt(places) * 2 ** (len(WIDTHS) - 1)
        self.names = names
        self.encoder, self.generator = Blocks(_encoder(first, code)), Blocks(_decoder(first, code))
        self.quantize = Codes(codes, code)
        self.position_emb = nn.Parameter(torch.zeros(places, width))
        self.feat_emb = nn.Linear(code, width)
        self.ft_layers = nn.Sequential(*(Layer(width, inner) for _ in range(layers)))
        self.idx_pred_layer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes, bias=False))
        carried = [first * WIDTHS[len(WIDTHS) - 2 - level] for level in range(len(names))]
        self.fuse_convs_dict = nn.ModuleDict({name: Carried(count) for name, count in zip(names, carried, strict=True)})

    def forward(self, x: Tensor, weight: float) -> Tensor:
        """[1, 3, side, side] in -1..1 -> the same. `weight` 0 changes the face most, 1 least."""
        encoded: list[Tensor] = []
        for number, block in enumerate(self.encoder.blocks):
            x = block(x)
            if number in FROM_ENCODER:
                encoded.insert(0, x)
        read = self.feat_emb(x.flatten(2).permute(2, 0, 1))
        for layer in self.ft_layers:
            read = layer(read, self.position_emb[:, None])
        chosen = self.idx_pred_layer(read).argmax(-1)[:, 0]
        codes = self.quantize.embedding(chosen).T.reshape(x.shape)
        x = _toned(codes, x)
        for number, block in enumerate(self.generator.blocks):
            x = block(x)
            if weight > 0 and number in INTO_DECODER:
                level = INTO_DECODER.index(number)
                x = self.fuse_convs_dict[self.names[level]](encoded[level], x, weight)
        return x


def built(weights: Mapping[str, Tensor], name: str) -> CodeFormer:
    """The network of a file's tensors, in 32 bits. Raises BadFile, naming `name`, if they are not CodeFormer's."""
    try:
        names = sorted({key.split(".")[1] for key in weights if key.startswith("fuse_convs_dict.")}, key=int)
        codes, code = weights["quantize.embedding.weight"].shape
        places, width = weights["position_emb"].shape
        layers = 1 + max(int(key.split(".")[1]) for key in weights if key.startswith("ft_layers."))
        network = CodeFormer(
            weights["encoder.blocks.0.weight"].shape[0],
            code,
            codes,
            places,
            width,
            weights["ft_layers.0.linear1.weight"].shape[0],
            layers,
            names,
        )
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except (KeyError, ValueError, RuntimeError) as error:
        raise BadFile(f"{name} is not CodeFormer ({' '.join(str(error).split())[:200]}).") from None
    return network.eval()


def _encoder(first: int, code: int) -> list[nn.Module]:
    blocks: list[nn.Module] = [nn.Conv2d(3, first, 3, padding=1)]
    channels = first
    for level, multiple in enumerate(WIDTHS):
        last = level == len(WIDTHS) - 1
        for _ in range(BLOCKS):
            blocks.append(Residual(channels, first * multiple))
            channels = first * multiple
            blocks += [Attention(channels)] if last else []
        blocks += [] if last else [Smaller(channels)]
    return [*blocks, *_middle(channels), nn.GroupNorm(GROUPS, channels, 1e-6), nn.Conv2d(channels, code, 3, padding=1)]


def _decoder(first: int, code: int) -> list[nn.Module]:
    channels = first * WIDTHS[-1]
    blocks: list[nn.Module] = [nn.Conv2d(code, channels, 3, padding=1), *_middle(channels)]
    for level, multiple in reversed(list(enumerate(WIDTHS))):
        for _ in range(BLOCKS):
            blocks.append(Residual(channels, first * multiple))
            channels = first * multiple
            blocks += [Attention(channels)] if level == len(WIDTHS) - 1 else []
        blocks += [Larger(channels)] if level else []
    return [*blocks, nn.GroupNorm(GROUPS, channels, 1e-6), nn.Conv2d(channels, 3, 3, padding=1)]


def _middle(channels: int) -> list[nn.Module]:
    return [Residual(channels, channels), Attention(channels), Residual(channels, channels)]


def _toned(x: Tensor, like: Tensor) -> Tensor:
    """`x` with the mean and deviation of every channel of `like` (Huang & Belongie 2017, arXiv:1703.06868)."""

    def of(values: Tensor) -> tuple[Tensor, Tensor]:
        flat = values.flatten(2)
        return flat.mean(-1)[..., None, None], (flat.var(-1) + 1e-5).sqrt()[..., None, None]

    (mean, deviation), (wanted, spread) = of(x), of(like)
    return (x - mean) / deviation * spread + wanted
