"""A1111's grid rule and where each picture comes to lie."""

from __future__ import annotations

import pytest
from PIL import Image

from modules.foundation.errors import UserError
from modules.vision import grids

AUTO = [(1, 1), (1, 2), (2, 2), (2, 2), (2, 3), (2, 3), (3, 3), (3, 3), (3, 3), (3, 4), (3, 4), (3, 4)]
FULL = [(1, 1), (1, 2), (1, 3), (2, 2), (1, 5), (2, 3), (1, 7), (2, 4), (3, 3), (2, 5), (1, 11), (3, 4)]


@pytest.mark.parametrize(("prevent_empty", "shapes"), [(False, AUTO), (True, FULL)])
def test_rows_and_columns_as_a1111(prevent_empty: bool, shapes: list[tuple[int, int]]) -> None:
    found = []
    for count in range(1, 13):
        rows = grids.row_count(count, wanted=-1, batch_size=1, prevent_empty=prevent_empty)
        sheet = grids.grid([Image.new("RGB", (2, 2))] * count, rows)
        found.append((sheet.height // 2, sheet.width // 2))
    assert found == shapes


@pytest.mark.parametrize(("wanted", "rows"), [(3, 3), (16, 6), (0, 2)])
def test_rows_by_setting(wanted: int, rows: int) -> None:
    assert grids.row_count(6, wanted=wanted, batch_size=2, prevent_empty=False) == rows


def test_pictures_go_row_by_row_and_small_ones_to_the_middle() -> None:
    red, blue = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (2, 2), "blue")
    sheet = grids.grid([red, blue, red], 2, "#00ff00")
    assert sheet.size == (8, 8)
    at = {spot: sheet.getpixel(spot) for spot in [(0, 0), (4, 0), (5, 1), (6, 2), (7, 3), (3, 7), (6, 6)]}
    assert at == {
        (0, 0): (255, 0, 0),
        (4, 0): (0, 255, 0),
        (5, 1): (0, 0, 255),
        (6, 2): (0, 0, 255),
        (7, 3): (0, 255, 0),
        (3, 7): (255, 0, 0),
        (6, 6): (0, 255, 0),
    }


def test_a_grid_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "LARGEST", 100)
    with pytest.raises(UserError, match="2 by 2 pictures of 10x10"):
        grids.grid([Image.new("L", (10, 10))] * 4, 2)
