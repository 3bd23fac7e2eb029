"""Soft inpainting: mixing that keeps contrast, and masks of what changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modules.engine import soft_inpainting
from modules.engine.request import SoftInpainting
from modules.engine.soft_inpainting import blended, change_masks

DEFAULT = SoftInpainting()
GENERATOR = torch.Generator().manual_seed(0)
A, B = (torch.randn(1, 4, 16, 16, generator=GENERATOR) for _ in range(2))


def test_the_mask_decides_at_its_ends() -> None:
    ones = torch.ones(1, 1, 16, 16)
    torch.testing.assert_close(blended(A, B, ones, 3.0, DEFAULT), B, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(blended(A, B, ones * 0, 3.0, DEFAULT), A, atol=1e-4, rtol=1e-4)


def test_the_original_holds_the_more_the_more_noise_there_is() -> None:
    half = torch.full((1, 1, 16, 16), 0.5)

    def distance(level: float) -> float:
        return float((blended(A, B, half, level, DEFAULT) - A).norm())

    assert distance(10.0) < distance(2.0) < distance(0.1)
    assert distance(0.0) == pytest.approx(float((B - A).norm()), rel=1e-3)


def test_mixing_keeps_the_length_of_what_is_mixed() -> None:
    half = torch.full((1, 1, 16, 16), 0.5)
    level = 1.0 / DEFAULT.preservation_strength
    shorter, longer = torch.linalg.vector_norm(torch.stack([A, B]), dim=2).sort(dim=0).values
    length = torch.linalg.vector_norm(blended(A, B, half, level, DEFAULT), dim=1)
    assert bool((length > shorter - 1e-3).all()) and bool((length < longer + 1e-3).all())
    plain = torch.linalg.vector_norm((A + B) / 2, dim=1)
    assert float(plain.mean()) < 0.8 * float(length.mean())


def test_what_changed_is_masked_and_what_did_not_is_not() -> None:
    painted = A.clone()
    painted[..., 6:10, 6:10] += 5
    mask = torch.ones(1, 1, 16, 16)
    (found,) = change_masks(A, painted, mask, (128, 128), DEFAULT)
    levels = np.asarray(found)
    assert found.size == (128, 128) and found.mode == "L"
    assert levels[64, 64] > 250 and levels[:8].max() < 5 and levels[:, 120:].max() < 5
    assert 20 < levels[64, 36] < 250, "it fades"
    assert len(change_masks(A.repeat(3, 1, 1, 1), painted.repeat(3, 1, 1, 1), mask, (64, 64), DEFAULT)) == 3


def test_a_single_odd_cell_does_not_count() -> None:
    painted = A.clone()
    painted[..., 8, 8] += 0.3
    (found,) = change_masks(A, painted, torch.ones(1, 1, 16, 16), (128, 128), DEFAULT)
    assert np.asarray(found).max() < 128


@pytest.mark.parametrize(
    "settings", [{"difference_threshold": 0.0}, {"difference_contrast": 0.0}, {"mask_influence": 1.0}]
)
def test_the_ends_of_the_sliders_give_a_mask(settings: dict[str, float]) -> None:
    mask = torch.rand(1, 1, 16, 16, generator=GENERATOR)
    (found,) = change_masks(A, B, mask, (64, 64), SoftInpainting(**settings))
    assert found.size == (64, 64)
    assert torch.isfinite(
        blended(A, B, mask, 14.6, SoftInpainting(schedule_bias=8, transition_contrast_boost=32))
    ).all()


def test_what_an_infotext_tells() -> None:
    assert list(soft_inpainting.recorded(DEFAULT).items())[:2] == [
        ("Soft inpainting enabled", True),
        ("Soft inpainting schedule bias", 1.0),
    ]
