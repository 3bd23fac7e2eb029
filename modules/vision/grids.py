"""Contact sheets: several pictures in rows and columns of equal cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from modules.foundation.errors import UserError

LARGEST = 200_000_000
"""Pixels. A larger grid is refused, as A1111's `img_max_size_mp` does by default."""


def row_count(count: int, *, wanted: int, batch_size: int, prevent_empty: bool) -> int:
    """Rows of a grid of `count` pictures, by A1111's rule.

    `wanted` is the setting `n_rows`: 0 means the batch size, -1 about as many rows as columns, or
    with `prevent_empty` the most rows up to that which leave no cell empty.
    """
    if wanted > 0:
        rows = wanted
    elif wanted == 0:
        rows = batch_size
    elif prevent_empty:
        rows = math.isqrt(count)
        while count % rows:
            rows -= 1
    else:
        rows = round(math.sqrt(count))
    return max(1, min(rows, count))


def grid(images: Sequence[Image.Image], rows: int, background: str = "#ffffff") -> Image.Image:
    """The pictures row by row, each centred in a cell as large as the largest of them.

    Raises UserError if the whole would be too large.
    """
    columns = math.ceil(len(images) / rows)
    width, height = max(image.width for image in images), max(image.height for image in images)
    if columns * width * rows * height > LARGEST:
        raise UserError(
            f"A grid of {columns} by {rows} pictures of {width}x{height} would be too large;"
            " the pictures themselves are not affected."
        )
    sheet = Image.new("RGB", (columns * width, rows * height), background)
    for number, image in enumerate(images):
        x, y = number % columns * width, number // columns * height
        sheet.paste(image, (x + (width - image.width) // 2, y + (height - image.height) // 2))
    return sheet
