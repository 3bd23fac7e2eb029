"""The preview decoder comes nearer to the starter's own than the linear preview, enlarged, does."""

from __future__ import annotations

import torch
import yaml
from safetensors.torch import load_file
from torch.nn import functional

from modules.families import taesd
from modules.families.preview import colors, decoded
from modules.families.types import PreviewMap
from starter import export
from starter.companions import decoder


def test_the_preview_decoder_beats_the_linear_preview() -> None:
    weights = load_file(str(decoder.FILE))
    assert decoder.FILE.stat().st_size <= 200_000
    network = taesd.built(weights, decoder.FILE.name)
    assert weights["1.weight"].shape[0] == decoder.WIDTH
    latents, pictures = decoder.pool("held out", 24)
    told = yaml.safe_load(export.FILE.with_suffix(".yaml").read_text(encoding="utf-8"))["atelier"]["preview"]
    linear = PreviewMap(tuple(tuple(row) for row in told["weight"]), tuple(told["bias"]))
    enlarged = functional.interpolate(colors(latents, linear), scale_factor=8, mode="bicubic").clamp(0, 1)

    def psnr(made: torch.Tensor) -> float:
        return float((-10 * (made - pictures).square().mean((1, 2, 3)).log10()).mean())

    assert psnr(decoded(latents, network)) > psnr(enlarged) + 0.2
