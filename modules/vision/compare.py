"""How much two pictures differ. Start with `compare`."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two pictures of one size, over 8-bit RGB.

    `psnr` is in dB, infinite for equal pictures; `largest` is the greatest difference of a channel, 0..255; `share`
    the part of the pixels that differ, 0..1. `picture` shows where, the greatest difference as white.
    """

    psnr: float
    largest: int
    share: float
    picture: Image.Image

    @property
    def identical(self) -> bool:
        return self.largest == 0


def compare(one: Image.Image, other: Image.Image) -> Difference:
    """Raises ValueError for pictures of different size."""
    if one.size != other.size:
        raise ValueError(f"pictures of {one.size} and {other.size} pixels cannot be compared")
    apart = np.abs(np.asarray(one.convert("RGB"), np.int16) - np.asarray(other.convert("RGB"), np.int16))
    error = float(np.mean(np.square(apart, dtype=np.float64)))
    largest = int(apart.max())
    shown = (apart * (255 / largest) if largest else apart).astype(np.uint8)
    psnr = 10 * math.log10(255**2 / error) if error else math.inf
    return Difference(psnr, largest, float(np.mean(apart.any(axis=2))), Image.fromarray(shown))


def saved_like(image: Image.Image, example: Image.Image) -> Image.Image:
    """The picture as it would be in a JPEG with the compression of `example`, an opened one; else as it is."""
    tables = getattr(example, "quantization", None)
    if example.format != "JPEG" or not tables:
        return image
    out = io.BytesIO()
    options: dict[str, Any] = {"qtables": tables, "subsampling": JpegImagePlugin.get_sampling(example)}
    image.convert("RGB").save(out, "JPEG", **options)
    return Image.open(out)
