"""Bringing a picture to a size by A1111's resize modes. Start with `resized`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PIL import Image

JUST_RESIZE: Final = 0
CROP_AND_RESIZE: Final = 1
RESIZE_AND_FILL: Final = 2
LATENT: Final = 3
"""The picture keeps its size and its latent is resized; masks are filled as by RESIZE_AND_FILL."""

Scale = Callable[[Image.Image, int, int], Image.Image]
"""(picture, width, height) -> the picture at that size, whatever becomes of its shape."""


def lanczos(image: Image.Image, width: int, height: int) -> Image.Image:
    """The usual Scale."""
    return image.copy() if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)


def resized(mode: int, image: Image.Image, width: int, height: int, scale: Scale = lanczos) -> Image.Image:
    """The picture at width x height pixels, in its own colour mode.

    JUST_RESIZE changes its shape, CROP_AND_RESIZE covers the size and cuts off what is over, RESIZE_AND_FILL
    fits in and stretches the outermost rows or columns over the rest.
    """
    if mode == JUST_RESIZE:
        return scale(image, width, height)
    wider = width * image.height > image.width * height
    by_width = wider if mode == CROP_AND_RESIZE else not wider
    inner_width = width if by_width else image.width * height // image.height
    inner_height = height if not by_width else image.height * width // image.width
    inner = scale(image, max(inner_width, 1), max(inner_height, 1))
    whole = Image.new(image.mode, (width, height))
    left, top = width // 2 - inner.width // 2, height // 2 - inner.height // 2
    whole.paste(inner, (left, top))
    if mode != CROP_AND_RESIZE:
        _stretch_edges(whole, inner, left, top)
    return whole


def _stretch_edges(whole: Image.Image, inner: Image.Image, left: int, top: int) -> None:
    """Fill what `inner`, pasted at (left, top), leaves free with its outermost rows or columns.

    They are resampled from a part of no height or width, which is what Pillow makes of the two rows nearest to it.
    """
    width, height = inner.size
    if top > 0:
        size = (whole.width, top)
        whole.paste(inner.resize(size, box=(0, 0, width, 0)), (0, 0))
        whole.paste(inner.resize(size, box=(0, height, width, height)), (0, top + height))
    elif left > 0:
        size = (left, whole.height)
        whole.paste(inner.resize(size, box=(0, 0, 0, height)), (0, 0))
        whole.paste(inner.resize(size, box=(width, 0, width, height)), (left + width, 0))
