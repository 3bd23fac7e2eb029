"""A1111's own answers: single calls of the UNet and the VAE, at sizes that are multiples of 64 and at odd ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from modules.engine.device import Compute
from modules.engine.loader import Loader
from modules.engine.model import ModelHandle, ModelRef
from modules.families import stable_diffusion
from modules.sampling.types import Conditioning

HERE = Path(__file__).parent
RECORDED = np.load(HERE / "data" / "model_tiny-sd15.npz")
CALLS = [key for key in RECORDED if key.startswith("unet_")]
TOLERANCE = 1e-5
"""Of numbers around 1. Both compute in float32; only the order of additions differs."""


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Tensor]:
    return {key: torch.from_numpy(RECORDED[key]) for key in RECORDED}


@pytest.fixture(scope="module")
def model() -> ModelHandle:
    path = HERE / "checkpoints" / "tiny-sd15.safetensors"
    loader = Loader(Compute(torch.device("cpu"), torch.float32, torch.float32))
    return loader.prepare(ModelRef(path.stem, path.name, path)).load(lambda _text: None)


@pytest.mark.parametrize("call", CALLS)
def test_the_unet_answers_as_a1111s(call: str, model: ModelHandle, recorded: Mapping[str, Tensor]) -> None:
    _, shape, time, prompt = call.split("_")
    with model.unet.ready() as unet:
        answer = stable_diffusion.predict(
            unet, recorded[f"x_{shape}"], torch.tensor([float(time[1:])]), Conditioning(recorded[f"cond_{prompt}"])
        )
    torch.testing.assert_close(answer, recorded[call], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("latent", "picture"),
    [
        ("vae_encode_init_192x96_latent_mode_scaled", "vae_decode_of_that_latent"),
        ("x_1x4x8x8", "vae_decode_of_noise_x"),
    ],
)
def test_the_vae_decodes_as_a1111s(
    latent: str, picture: str, model: ModelHandle, recorded: Mapping[str, Tensor]
) -> None:
    with model.vae.ready() as vae:
        pixels = stable_diffusion.decode(vae, recorded[latent])
    torch.testing.assert_close(pixels, ((recorded[picture] + 1) / 2).clamp(0, 1), atol=TOLERANCE, rtol=0)


def test_the_vae_encodes_as_a1111s(model: ModelHandle, recorded: Mapping[str, Tensor]) -> None:
    pixels = recorded["pixels"].permute(2, 0, 1)[None].float() / 255
    with model.vae.ready() as vae:
        latent = stable_diffusion.encode(vae, pixels)
    torch.testing.assert_close(latent, recorded["vae_encode_init_192x96_latent_mode_scaled"], atol=TOLERANCE, rtol=0)


def test_what_is_known_of_the_model(model: ModelHandle) -> None:
    assert model.family.name == "sd1"
    assert (model.latent_format.channels, model.latent_format.downscale) == (4, 8)
    assert model.latent_format.scale_factor == pytest.approx(0.18215)
    assert model.parametrization.prediction == "epsilon"
    assert model.parametrization.sigma_max == pytest.approx(14.6146, abs=1e-4)
    assert model.recommended is None
