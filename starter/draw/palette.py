"""The twelve colours: their names, the words for them, their RGB centres, and colour distances in CIE Lab."""

import random

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]

COLORS: dict[str, Rgb] = {
    "red": (220, 30, 35),
    "orange": (250, 140, 20),
    "yellow": (250, 225, 40),
    "green": (40, 160, 60),
    "cyan": (40, 210, 220),
    "blue": (35, 70, 215),
    "purple": (130, 45, 170),
    "pink": (250, 150, 190),
    "brown": (120, 70, 35),
    "black": (20, 20, 22),
    "white": (245, 245, 245),
    "gray": (135, 135, 138),
}

SYNONYMS: dict[str, tuple[str, ...]] = {
    "red": ("crimson",),
    "green": ("emerald",),
    "cyan": ("turquoise", "teal"),
    "purple": ("violet",),
    "gray": ("grey",),
}


def jittered(rng: random.Random, name: str, amount: int = 9) -> Rgb:
    """A colour near the named centre: all channels move together, and each a little on its own."""
    common = rng.randint(-amount, amount)
    r, g, b = (min(255, max(0, c + common + rng.randint(-amount, amount) // 2)) for c in COLORS[name])
    return r, g, b


def to_lab(rgb: NDArray[np.floating] | NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB in 0..255, shape [..., 3], as CIE Lab under D65 (IEC 61966-2-1, CIE 15)."""
    c = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


_NAMES = list(COLORS)
_CENTRES = to_lab(np.array(list(COLORS.values())))


def nearest(lab: NDArray[np.floating]) -> str:
    """The colour name whose centre is nearest to one Lab value."""
    return _NAMES[int(np.argmin(((_CENTRES - lab) ** 2).sum(-1)))]


def names(lab: NDArray[np.floating]) -> NDArray[np.str_]:
    """The same for many values [N, 3] at once, [N]."""
    return np.array(_NAMES)[np.argmin(((lab[:, None] - _CENTRES) ** 2).sum(-1), axis=1)]
