"""A picture made larger for outpainting: something to start from beyond its edges, and the mask of what to paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageColor

from modules.foundation.errors import UserError

MIRROR: Final = "mirror"
EDGE: Final = "edge"
NOISE: Final = "noise"
FILLS: Final = (MIRROR, EDGE, NOISE)
"""What new parts can begin as, besides a colour such as "#ffffff"."""
LARGEST: Final = 1 << 26
"""Pixels of the result."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Pixels to add on each side."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def around(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size of a picture of this size with its margins. Raises UserError if that is none, or absurd."""
        width, height = size[0] + self.left + self.right, size[1] + self.top + self.bottom
        if min(self.left, self.top, self.right, self.bottom) < 0:
            raise UserError("A picture can be extended by 0 pixels or more on each side; crop it to make it smaller.")
        if width * height > LARGEST:
            raise UserError(f"{width}x{height} pixels are too many to paint; extend the picture by less.")
        return width, height


def extended(image: Image.Image, margins: Margins, fill: str = MIRROR) -> tuple[Image.Image, Image.Image]:
    """The RGB picture with its margins, and the mask (L) that is white in them.

    `fill` is one of FILLS or a colour: the picture mirrored at its edges, its outermost pixels drawn out, noise with
    the picture's textures and colours. Raises UserError for another fill.
    """
    whole, mask = _on_canvas(image.convert("RGB"), margins, fill)
    if fill == NOISE and mask.getbbox() is not None:
        whole = matched_noise(whole, mask)
    return whole, mask


def matched_noise(image: Image.Image, mask: Image.Image, falloff: float = 1.0, variation: float = 0.05) -> Image.Image:
    """The RGB picture with noise of its own textures and colours where the mask (L) is white.

    The noise gets the spectrum of the rest of the picture, to the power `falloff`: the greater, the coarser it is.
    Then the rest's distribution of colours. `variation` is how coloured it is at first. Always the same noise. After
    A1111's outpainting mk2.
    """
    colors = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    hidden = np.asarray(mask, dtype=np.float64)[..., None] / 255
    new, old = hidden[..., 0] > 1e-6, hidden[..., 0] < 1e-3
    if not old.any():
        raise UserError("The whole picture is masked, so that there is nothing to take textures and colours from.")
    seen = colors * (1 - hidden)
    # The mean instead of black, whose edge would be the strongest feature of all.
    seen = seen / max(seen.max(), 1e-9) + colors.mean() * hidden
    spectrum = _spectrum(seen)
    strength = np.abs(spectrum)
    phase = spectrum / np.where(strength > 0, strength, 1)
    rough = _spectrum(_smooth_noise(colors.shape, variation))
    shaped = _picture(np.abs(rough) ** 2 * strength**falloff * phase)
    shaped = (shaped - shaped.min()) / max(float(np.ptp(shaped)), 1e-12)
    for channel in range(3):
        shaped[new, channel] = _matched(shaped[new, channel], colors[old, channel])
    mixed = colors * (1 - hidden) + shaped * hidden
    return Image.fromarray((mixed.clip(0, 1) * 255).astype(np.uint8))


def _on_canvas(image: Image.Image, margins: Margins, fill: str) -> tuple[Image.Image, Image.Image]:
    size = margins.around(image.size)
    sides = ((margins.top, margins.bottom), (margins.left, margins.right), (0, 0))
    levels = np.asarray(image)
    if fill in (MIRROR, EDGE):
        # Mirrored again and again where a margin is wider than the picture.
        mode = "symmetric" if fill == MIRROR else "edge"
        whole = Image.fromarray(np.pad(levels, sides, mode=mode))
    else:
        whole = Image.new("RGB", size, _color(fill))
        whole.paste(image, (margins.left, margins.top))
    mask = Image.new("L", size, 255)
    mask.paste(0, (margins.left, margins.top, margins.left + image.width, margins.top + image.height))
    return whole, mask


def _color(fill: str) -> tuple[int, ...]:
    if fill == NOISE:
        return 0, 0, 0
    try:
        return ImageColor.getcolor(fill, "RGB")  # type: ignore[return-value] - of RGB it is a tuple
    except ValueError:
        raise UserError(
            f"'{fill}' is nothing to fill with; choose {', '.join(FILLS)} or a colour such as #808080."
        ) from None


def _smooth_noise(shape: tuple[int, ...], variation: float) -> np.ndarray:
    """[H, W, 3] noise, mostly grey, with less of the fine than white noise has."""
    height, width, _ = shape
    noise = np.random.default_rng(0).random(shape)
    noise = noise * variation + (1 - variation) * noise.mean(axis=-1, keepdims=True)
    shorter = min(width, height)
    y, x = ((np.arange(n) / n * 2 - 1) * n / shorter for n in (height, width))
    window = 1 / ((y[:, None] ** 2 + 1) * (x[None, :] ** 2 + 1))
    return _picture(_spectrum(noise) * window[..., None])


def _spectrum(picture: np.ndarray) -> np.ndarray:
    """Fourier transform over the first two axes, the lowest frequency in the middle."""
    return np.fft.ifftshift(np.fft.fft2(np.fft.fftshift(picture, (0, 1)), axes=(0, 1), norm="ortho"), (0, 1))


def _picture(spectrum: np.ndarray) -> np.ndarray:
    """The inverse of `_spectrum`."""
    return np.real(np.fft.ifftshift(np.fft.ifft2(np.fft.fftshift(spectrum, (0, 1)), axes=(0, 1), norm="ortho"), (0, 1)))


def _matched(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """[N] mapped so that their distribution is that of `like` [M]."""
    _levels, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    wanted, wanted_counts = np.unique(like, return_counts=True)
    mapped = np.interp(np.cumsum(counts) / len(values), np.cumsum(wanted_counts) / len(like), wanted)
    return mapped[where]
