"""Inpainting and guidance by a picture, inside the denoiser: where the original is laid in, and what guides what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from modules.foundation.errors import UserError
from modules.sampling.guidance import CfgDenoiser
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.types import Conditioning

EPS = discrete(scaled_linear(), "epsilon")
X = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
ORIGINAL = torch.full((1, 4, 8, 8), 3.0)
MASK = torch.zeros(1, 1, 8, 8)
MASK[..., 4:] = 1


def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
    noise = x * 0.1 + conditioning.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)
    return noise if conditioning.concat is None else noise + 5 * conditioning.concat.mean(dim=1, keepdim=True)


def told(value: float, seen: float | None = None) -> Conditioning:
    concat = None if seen is None else torch.full((1, 4, 8, 8), seen)
    return Conditioning(torch.full((1, 77, 8), value), concat=concat)


def denoiser(**changes: object) -> CfgDenoiser:
    return replace(CfgDenoiser(EPS, network, told(1.0), told(-1.0), 7.0), **changes)  # type: ignore[arg-type]


def blend(current: Tensor, level: float) -> Tensor:
    return current * MASK + ORIGINAL * (1 - MASK)


def test_the_estimate_is_the_original_outside_of_the_mask() -> None:
    plain, found = denoiser()(X, 2.0), denoiser(blend=blend)(X, 2.0)
    assert torch.equal(found[..., :4], ORIGINAL[..., :4])
    assert torch.equal(found[..., 4:], plain[..., 4:])


def test_the_blend_is_told_the_noise_level_or_the_timestep() -> None:
    levels: list[float] = []

    def watched(current: Tensor, level: float) -> Tensor:
        levels.append(level)
        return current

    denoiser(blend=watched)(X, 2.0)
    denoiser(blend=watched, levels_are_timesteps=True)(X, 2.0)
    assert levels == [2.0, pytest.approx(float(EPS.to_t(2.0)))]


def test_by_timestep_the_network_is_shown_the_original_and_its_noise_taken_from_x() -> None:
    sigma = 2.0
    scale = (sigma**2 + 1) ** 0.5
    shown = blend(X / scale, 0) * scale
    noise = (shown - denoiser()(shown, sigma)) / sigma
    found = denoiser(blend=blend, levels_are_timesteps=True)(X, sigma)
    torch.testing.assert_close(found, X - sigma * noise)
    torch.testing.assert_close(found[..., 4:], denoiser()(X, sigma)[..., 4:])


def test_a_picture_guides_with_a_scale_of_its_own() -> None:
    positive, negative = told(1.0, 0.5), told(-1.0, 0.5)
    seeing = {"positive": positive, "negative": negative}

    def alone(conditioning: Conditioning) -> Tensor:
        return EPS.denoised(network, X, 2.0, conditioning)

    found = denoiser(**seeing, image_cfg_scale=1.5)(X, 2.0)
    unseen = alone(replace(negative, concat=torch.zeros_like(X)))
    expected = unseen + 7.0 * (alone(positive) - alone(negative)) + 1.5 * (alone(negative) - unseen)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("scale", [None, 1.0])
def test_without_such_a_scale_it_is_plain_guidance(scale: float | None) -> None:
    seeing = {"positive": told(1.0, 0.5), "negative": told(-1.0, 0.5)}
    torch.testing.assert_close(denoiser(**seeing, image_cfg_scale=scale)(X, 2.0), denoiser(**seeing)(X, 2.0))


def test_and_does_not_go_with_it() -> None:
    joined = replace(told(1.0, 0.5), weights=((1.0,),))
    with pytest.raises(UserError, match="AND does not go with an Image CFG scale"):
        denoiser(positive=joined, negative=told(-1.0, 0.5), image_cfg_scale=2.0)(X, 2.0)
