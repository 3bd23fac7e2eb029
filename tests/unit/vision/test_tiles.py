"""Tiles and their joining, by A1111's rule."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modules.foundation.errors import UserError
from modules.vision.tiles import Tiles


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("size", "tile", "overlap", "lefts"),
    [(256, 128, 32, (0, 64, 128)), (384, 128, 16, (0, 85, 170, 256)), (128, 128, 64, (0,)), (100, 128, 0, (0,))],
)
def test_where_tiles_lie(size: int, tile: int, overlap: int, lefts: tuple[int, ...]) -> None:
    assert Tiles.over(size, tile, tile, tile, overlap).lefts == lefts


def test_tiles_that_are_not_changed_make_the_picture_again() -> None:
    picture = noise(200, 150)
    tiles = Tiles.over(200, 150, 64, 64, 16)
    joined = np.asarray(tiles.joined(tiles.cut(picture)), int)
    assert np.abs(joined - np.asarray(picture, int)).max() <= 1


def test_a_tile_fades_in_over_the_overlap() -> None:
    tiles = Tiles.over(112, 64, 64, 64, 16)
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    line = np.asarray(tiles.joined([black, white]))[0, :, 0]
    assert line[:48].max() == 0 and line[64:].min() == 255
    assert list(line[48:64]) == [int(n * 255 / 16) for n in range(16)]


def test_an_overlap_larger_than_a_tile_is_refused() -> None:
    with pytest.raises(UserError, match="cannot overlap by 64"):
        Tiles.over(256, 256, 64, 64, 64)
