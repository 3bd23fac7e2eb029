"""Legends: where the cells lie, and that what is not in use is struck through."""

from __future__ import annotations

import numpy as np
from PIL import Image

from modules.vision.legends import Line, Style, annotated


def cells() -> Image.Image:
    grid = Image.new("RGB", (128, 64), "red")
    grid.paste("blue", (64, 0, 128, 64))
    return grid


def test_cells_are_kept_and_margins_between_them() -> None:
    sheet = annotated(cells(), (64, 64), [[Line("a")], [Line("b")]], [[Line("row")]], margin=6)
    assert sheet.width == 48 + 128 + 6 and sheet.height > 64
    top = sheet.height - 64
    assert sheet.getpixel((48, top)) == (255, 0, 0) and sheet.getpixel((48 + 70, top)) == (0, 0, 255)
    assert sheet.getpixel((48 + 66, top + 5)) == (255, 255, 255)


def test_without_text_nothing_is_added() -> None:
    assert annotated(cells(), (64, 64), [[Line("")], [Line("")]], [[Line("")]]).size == (128, 64)


def test_inactive_lines_have_their_colour_and_are_struck_through() -> None:
    style = Style(active="#00ff00", inactive="#ff00ff", background="#000000")
    sheet = annotated(cells(), (64, 64), [[Line("iiiii", is_active=False)], [Line("iiiii")]], [[Line("")]], style=style)
    pixels = np.asarray(sheet)[: sheet.height - 64]
    purple = (pixels[:, :64] == (255, 0, 255)).all(axis=2)
    assert purple.sum(axis=1).max() > 11, "a line as long as the word"
    assert not (pixels[:, 64:] == (255, 0, 255)).all(axis=2).any()


def test_long_texts_are_wrapped() -> None:
    short = annotated(cells(), (64, 64), [[Line("one")], [Line("")]], [[Line("")]])
    long = annotated(cells(), (64, 64), [[Line("one two three four five six seven")], [Line("")]], [[Line("")]])
    assert long.width == short.width and long.height > short.height


def test_a_long_word_is_shrunk_to_its_cell() -> None:
    word = [[Line("unbreakable_checkpoint_name")], [Line("")]]
    sheet = annotated(Image.new("RGB", (512, 256)), (256, 256), word, [[Line("")]])
    legend = np.asarray(sheet.crop((0, 0, 512, sheet.height - 256)).convert("L"))
    marked = np.flatnonzero((legend < 200).any(axis=0))
    assert marked.size and marked.max() < 256
