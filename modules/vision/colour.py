"""Bringing a picture's colours back to those of another: A1111's colour correction. Start with `corrected`."""

from __future__ import annotations

import numpy as np
from PIL import Image

_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], dtype=np.float64
)
"""Linear RGB with sRGB's primaries -> XYZ."""
_WHITE = np.array([0.950456, 1.0, 1.088754])
"""XYZ of white under D65."""
_LUMA = np.array([0.299, 0.587, 0.114])


def corrected(image: Image.Image, like: Image.Image) -> Image.Image:
    """The RGB picture with the distribution of colours of `like` and its own lights and shades.

    In L*a*b* each channel is mapped so that its histogram becomes that of `like`; then each pixel gets its old
    luminosity back.
    """
    source, target = to_lab(image), to_lab(like)
    matched = np.stack([_matched(source[..., i], target[..., i]) for i in range(3)], axis=-1)
    return with_luminosity(from_lab(matched), image)


def to_lab(image: Image.Image) -> np.ndarray:
    """[H, W, 3] uint8: L* scaled to 0..255, a* and b* moved up by 128."""
    linear = _linear(np.asarray(image.convert("RGB"), dtype=np.float64) / 255)
    t = linear @ _XYZ.T / _WHITE
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    lightness = np.where(t[..., 1] > 0.008856, 116 * y - 16, 903.3 * t[..., 1])
    lab = np.stack([lightness * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128], axis=-1)
    return np.clip(np.rint(lab), 0, 255).astype(np.uint8)


def from_lab(lab: np.ndarray) -> Image.Image:
    """The inverse of `to_lab`; colours that sRGB does not have are cut to those it has."""
    levels = lab.astype(np.float64)
    y = (levels[..., 0] / 2.55 + 16) / 116
    x, z = y + (levels[..., 1] - 128) / 500, y - (levels[..., 2] - 128) / 200
    f = np.stack([x, y, z], axis=-1)
    t = np.where(f > 6 / 29, f**3, (f - 16 / 116) / 7.787)
    linear = (t * _WHITE) @ np.linalg.inv(_XYZ).T
    return Image.fromarray(np.rint(_gamma(linear.clip(0, 1)) * 255).astype(np.uint8))


def with_luminosity(image: Image.Image, of: Image.Image) -> Image.Image:
    """Hue and saturation of one RGB picture, luminosity of another of the same size.

    "Luminosity" of the W3C's Compositing and Blending, with the weights of television.
    """
    colors = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    wanted = np.asarray(of.convert("RGB"), dtype=np.float64) / 255 @ _LUMA
    colors = colors + (wanted - colors @ _LUMA)[..., None]
    middle = (colors @ _LUMA)[..., None]
    least, most = colors.min(-1, keepdims=True), colors.max(-1, keepdims=True)
    low = middle + (colors - middle) * middle / np.where(least < 0, middle - least, 1)
    colors = np.where(least < 0, low, colors)
    high = middle + (colors - middle) * (1 - middle) / np.where(most > 1, most - middle, 1)
    colors = np.where(most > 1, high, colors)
    return Image.fromarray(np.rint(colors.clip(0, 1) * 255).astype(np.uint8))


def _matched(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[H, W] uint8: each level becomes that below which as large a share of `target` lies."""
    counts = np.bincount(source.ravel(), minlength=256)
    wanted = np.bincount(target.ravel(), minlength=256)
    levels = np.nonzero(wanted)[0]
    mapped = np.interp(np.cumsum(counts) / source.size, np.cumsum(wanted[levels]) / target.size, levels)
    return mapped.astype(np.uint8)[source]


def _linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _gamma(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
