"""Masks of inpainting, 8-bit grey: white is painted anew. Each function is one of A1111's rules.

`mask_of` reads one, `blurred` softens it, `region` and `expanded` find the part to paint alone, `filled` takes away
what is masked, `overlay` and `composited` bring back what is not.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from modules.vision.resize import CROP_AND_RESIZE, RESIZE_AND_FILL, Scale, lanczos, resized

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are the first beyond."""

_FILLS: Final = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Radius of a blur in pixels, and how often what it gives is laid over what is there."""


def mask_of(image: Image.Image, *, rounded: bool = True) -> Image.Image:
    """The mask a picture means: its transparency if it has some, else its brightness. `rounded` makes that black or
    white; a grey mask keeps its levels, for those are rounded with the latent.
    """
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        alpha = image.getchannel("A")
        return alpha.point([255 if level > 128 else 0 for level in range(256)]) if rounded else alpha
    return image.convert("L")


def scaled(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The mask at another size, stretched."""
    return lanczos(mask, *size)


def inverted(mask: Image.Image) -> Image.Image:
    """White where the mask is black."""
    return ImageOps.invert(mask)


def blurred(mask: Image.Image, x: int, y: int) -> Image.Image:
    """A Gaussian blur with standard deviations of `x` and `y` pixels, each way by itself; 0 leaves it."""
    levels = np.asarray(mask)
    if x > 0:
        levels = _blurred_rows(levels, x)
    if y > 0:
        levels = _blurred_rows(levels.T, y).T
    return Image.fromarray(np.ascontiguousarray(levels))


def region(mask: Image.Image, padding: int) -> Box | None:
    """What holds all that is masked and `padding` pixels around it; None for a black mask."""
    box = mask.getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    return (
        max(left - padding, 0),
        max(top - padding, 0),
        min(right + padding, mask.width),
        min(bottom + padding, mask.height),
    )


def expanded(box: Box, shape: tuple[int, int], size: tuple[int, int]) -> Box:
    """The box made higher or wider until it has the proportions of `shape`, as far as a picture of `size` has room.

    Both are (width, height). What has no room on one side goes to the other.
    """
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    proportion = shape[0] / shape[1]
    if width / height > proportion:
        top, bottom = _lengthened(top, bottom, int(width / proportion - height), size[1])
    else:
        left, right = _lengthened(left, right, int(height * proportion - width), size[0])
    return left, top, right, bottom


def strengthened(mask: Image.Image) -> Image.Image:
    """The mask for the overlay when the whole picture is painted: half-masked counts as masked, so that the
    blurred edge lies inside what was painted.
    """
    return mask.point([min(level * 2, 255) for level in range(256)])


def filled(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The RGB picture with colours of its surroundings where it is masked: what is not masked, blurred ever less and
    laid over one another.
    """
    kept = _kept(image, mask)
    whole = Image.new("RGBA", image.size)
    for radius, times in _FILLS:
        layer = kept.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            whole.alpha_composite(layer)
    return whole.convert("RGB")


def overlay(image: Image.Image, mask: Image.Image) -> Image.Image:
    """What is not masked, RGBA, the more transparent the more it is masked."""
    return _kept(image, mask).convert("RGBA")


def composited(
    image: Image.Image, overlay: Image.Image, place: Box | None, scale: Scale = lanczos
) -> tuple[Image.Image, Image.Image]:
    """The painted picture under the overlay, RGB, and as it is without it, in the overlay's size.

    With a `place` the picture belongs there and nowhere else. Where the overlay is opaque the result is the
    original to the bit.
    """
    if place is not None:
        left, top, right, bottom = place
        whole = Image.new("RGBA", overlay.size)
        whole.paste(resized(CROP_AND_RESIZE, image, right - left, bottom - top, scale), (left, top))
        image = whole
    under = image.convert("RGBA")
    under.alpha_composite(overlay)
    return under.convert("RGB"), image


def uncropped(mask: Image.Image, size: tuple[int, int], place: Box) -> Image.Image:
    """A mask of one place as a mask of the whole picture, black elsewhere."""
    left, top, right, bottom = place
    whole = Image.new("L", size)
    whole.paste(resized(CROP_AND_RESIZE, mask, right - left, bottom - top), (left, top))
    return whole


def masked_alone(painted: Image.Image, mask: Image.Image) -> Image.Image:
    """What was painted where it is masked and nothing elsewhere, RGBA; A1111's "masked composite"."""
    mask = resized(RESIZE_AND_FILL, mask, *painted.size)
    return Image.composite(painted.convert("RGBA").convert("RGBa"), Image.new("RGBa", painted.size), mask).convert(
        "RGBA"
    )


def on_latent(mask: Image.Image, w: int, h: int, *, rounded: bool) -> np.ndarray:
    """The mask at the latent's size [h, w], float32 in 0..1; `rounded` to whole numbers."""
    levels = np.asarray(mask.resize((w, h), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    return np.around(levels) if rounded else levels


def sketched(
    sketch: Image.Image, original: Image.Image, transparency: float = 0.0, blur: int = 4
) -> tuple[Image.Image, Image.Image]:
    """Inpaint sketch: what was painted over a picture of the same size, and where.

    The picture to start from and its mask. `transparency` is in percent, `blur` in pixels.
    """
    differs = ImageChops.difference(sketch.convert("RGB"), original.convert("RGB"))
    mask = Image.fromarray(np.where(np.asarray(differs).any(axis=-1), 255, 0).astype(np.uint8))
    mask = ImageEnhance.Brightness(mask).enhance(1 - transparency / 100)
    soft = ImageFilter.GaussianBlur(blur)
    blended = Image.composite(sketch.convert("RGB").filter(soft), original.convert("RGB"), mask.filter(soft))
    return blended, mask


def _kept(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Premultiplied, so that blurring lets no colour of what is masked through."""
    kept = Image.new("RGBa", image.size)
    kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    return kept


def _lengthened(start: int, end: int, by: int, room: int) -> tuple[int, int]:
    start, end = start - by // 2, end + by - by // 2
    if end >= room:
        start, end = start - (end - room), room
    if start < 0:
        start, end = 0, end - start
    return start, min(end, room)


def _blurred_rows(levels: np.ndarray, sigma: int) -> np.ndarray:
    """[H, W] uint8 blurred along W. The borders are mirrored about the outermost pixel."""
    weights = _weights(sigma)
    reach = len(weights) // 2
    wide = np.pad(levels, ((0, 0), (reach, reach)), mode="reflect" if levels.shape[1] > 1 else "edge")
    total = np.zeros(levels.shape, dtype=np.uint32)
    for i, weight in enumerate(weights):
        total += wide[:, i : i + levels.shape[1]] * np.uint32(weight)
    return ((total + 128) >> 8).astype(np.uint8)


@cache
def _weights(sigma: int) -> tuple[int, ...]:
    """A Gaussian's weights in 256ths, which sum to 256, over A1111's length of 2.5 sigma each way.

    OpenCV computes so with bytes: what rounding one weight takes or leaves is given to the next.
    """
    reach = int(2.5 * sigma + 0.5)
    values = [math.exp(-0.5 * (x / sigma) ** 2) for x in range(-reach, 1)]
    total = 2 * sum(values) - 1
    side: list[int] = []
    rest = 0.0
    for value in values[:-1]:
        exact = value / total * 256 + rest
        side.append(round(exact))
        rest = exact - side[-1]
    return (*side, 256 - 2 * sum(side), *reversed(side))
