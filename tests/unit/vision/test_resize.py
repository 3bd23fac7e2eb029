"""The resize modes: what is cut, what is stretched, and that a mask keeps its levels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modules.vision.resize import CROP_AND_RESIZE, JUST_RESIZE, LATENT, RESIZE_AND_FILL, resized


def columns(*colors: int, height: int = 40) -> Image.Image:
    """Grey columns of ten pixels each."""
    return Image.fromarray(np.repeat(np.array(colors, dtype=np.uint8), 10)[None].repeat(height, 0))


@pytest.mark.parametrize("mode", [JUST_RESIZE, CROP_AND_RESIZE, RESIZE_AND_FILL, LATENT])
@pytest.mark.parametrize("color", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(64, 128), (128, 64), (72, 104), (8, 8), (200, 8)])
def test_every_mode_gives_the_size_and_keeps_the_colours_mode(mode: int, color: str, size: tuple[int, int]) -> None:
    found = resized(mode, Image.new(color, (30, 50), 100), *size)  # type: ignore[arg-type]
    assert (found.size, found.mode) == (size, color)


def test_the_same_size_changes_nothing() -> None:
    image = columns(0, 90, 180, 255)
    for mode in range(4):
        assert resized(mode, image, 40, 40).tobytes() == image.tobytes()


def test_cropping_cuts_both_sides_alike() -> None:
    found = np.asarray(resized(CROP_AND_RESIZE, columns(0, 100, 200, 50), 20, 40))
    assert found[:, :8].min() > 90 and abs(int(found[0, 5]) - 100) < 12
    assert found[:, 12:].min() > 180


def test_filling_draws_out_the_first_and_the_last_column() -> None:
    found = np.asarray(resized(RESIZE_AND_FILL, columns(10, 100, 100, 240), 120, 40))
    assert (found[:, :40] == 10).all()
    assert (found[:, 80:] == 240).all()
    assert abs(int(found[20, 60]) - 100) < 3


def test_a_picture_goes_through_the_upscaler_that_is_given() -> None:
    asked: list[tuple[int, int]] = []

    def scale(image: Image.Image, width: int, height: int) -> Image.Image:
        asked.append((width, height))
        return image.resize((width, height), Image.Resampling.NEAREST)

    resized(RESIZE_AND_FILL, Image.new("RGB", (10, 20)), 64, 64, scale)
    assert asked == [(32, 64)]


def test_a_sliver_does_not_vanish() -> None:
    assert resized(RESIZE_AND_FILL, Image.new("RGB", (1000, 1)), 16, 16).size == (16, 16)
    assert resized(CROP_AND_RESIZE, Image.new("RGB", (1, 1000)), 16, 16).size == (16, 16)
