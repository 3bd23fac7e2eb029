"""Soft inpainting: the original fades into what is painted over it, and what did not change is kept.

The arithmetic of A1111's built-in extension. `blended` takes the place of the mask's mixing at each step,
`change_masks` says in the end how far each place came away from the original.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from modules.vision.resize import RESIZE_AND_FILL, resized

if TYPE_CHECKING:
    from modules.engine.request import SoftInpainting

REACH: Final = 2
"""Latent cells around each that its filters look at."""
SPREAD: Final = 1.5
"""Latent cells: where the weight of a neighbour has fallen to 1/e."""
EDGE: Final = 4
"""Pixels: the blur of the mask that comes out, which is as coarse as the latent before."""

LABELS: Final = {
    "schedule_bias": "Soft inpainting schedule bias",
    "preservation_strength": "Soft inpainting preservation strength",
    "transition_contrast_boost": "Soft inpainting transition contrast boost",
    "mask_influence": "Soft inpainting mask influence",
    "difference_threshold": "Soft inpainting difference threshold",
    "difference_contrast": "Soft inpainting difference contrast",
}
"""Field -> its label in an infotext."""


def recorded(settings: SoftInpainting) -> dict[str, object]:
    """What an infotext tells of it."""
    values = {label: getattr(settings, field) for field, label in LABELS.items()}
    return {"Soft inpainting enabled": True, **values}


def blended(original: Tensor, current: Tensor, mask: Tensor, level: float, settings: SoftInpainting) -> Tensor:
    """`original` and `current` [B, C, h, w] mixed by `mask` (1 is current), the more the less noise is left.

    Mixing two vectors shortens them, so each cell's vector over the channels gets a length between theirs; the
    contrast boost draws that to the greater.
    """
    share = mask ** (level**settings.schedule_bias * settings.preservation_strength)
    mixed = torch.lerp(original, current, share)
    power = settings.transition_contrast_boost
    # Great powers of lengths leave the range of 32 bits.
    lengths = [torch.linalg.vector_norm(x, dim=1, keepdim=True).double() ** power for x in (original, current)]
    wanted = ((1 - share) * lengths[0] + share * lengths[1]) ** (1 / power)
    length = torch.linalg.vector_norm(mixed, dim=1, keepdim=True).double() + 1e-5
    return mixed * (wanted / length).to(mixed.dtype)


def change_masks(
    original: Tensor, painted: Tensor, mask: Tensor, size: tuple[int, int], settings: SoftInpainting
) -> list[Image.Image]:
    """For each of the latents [B, C, h, w] a mask of `size` (width, height), white where it came away from `original`.

    `mask` [1, 1, h, w] is the inpainting's; by the mask influence it makes changes count for more where it is light.
    """
    distances = torch.linalg.vector_norm(painted - original, dim=1).float().cpu().numpy()
    cover = mask[0, 0].clamp(0, 1).cpu().numpy() ** (settings.preservation_strength / 2)
    bias = 0.5 * (1 - settings.mask_influence) + (1 - cover) * settings.mask_influence
    half = settings.difference_threshold * bias / (1.00001 - bias)
    return [_change_mask(distance, half, size, settings.difference_contrast) for distance in distances]


def _change_mask(distance: np.ndarray, half: np.ndarray, size: tuple[int, int], contrast: float) -> Image.Image:
    """White where the distance [h, w] is far beyond `half`, at which it is grey."""
    for lowest, highest in ((0.9, 1.0), (0.25, 0.75)):  # grown by the near maximum, then smoothed by the median
        distance = _ranked(distance, lowest, highest)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kept = 1 / (1 + np.nan_to_num(distance / half, nan=0.0, posinf=np.inf) ** contrast)
    kept = kept**3 * (kept * (6 * kept - 15) + 10)
    levels = Image.fromarray((255 * (1 - kept)).astype(np.uint8))
    return resized(RESIZE_AND_FILL, levels, *size).filter(ImageFilter.GaussianBlur(EDGE))


def _ranked(values: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """[h, w] -> the weighted mean of each neighbourhood's values between two ranks (shares of the whole weight).

    The span of ranks is as wide as one neighbour of full weight at least.
    """
    weights = _weights()
    h, w = values.shape
    wide = np.pad(values.astype(np.float64), REACH, constant_values=np.inf)
    inside = np.pad(np.ones((h, w)), REACH)
    offsets = [(y, x) for y in range(2 * REACH + 1) for x in range(2 * REACH + 1)]
    found = np.stack([wide[y : y + h, x : x + w] for y, x in offsets], axis=-1)
    weight = np.stack([inside[y : y + h, x : x + w] * weights[y, x] for y, x in offsets], axis=-1)
    order = np.argsort(found, axis=-1, kind="stable")
    found, weight = np.take_along_axis(found, order, -1), np.take_along_axis(weight, order, -1)
    ends = np.cumsum(weight, axis=-1)
    total = ends[..., -1:]
    low, high = _at_least_one(total * lowest, total * highest, total)
    share = np.clip(np.minimum(ends, high) - np.maximum(ends - weight, low), 0, None)
    summed = (share * np.where(np.isfinite(found), found, 0)).sum(-1)
    return (summed / share.sum(-1)).astype(values.dtype)


def _at_least_one(low: np.ndarray, high: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A span of ranks widened to 1 where it is narrower, and moved to lie within 0..total."""
    narrow = high - low < 1
    middle = (low + high) / 2
    wide_low = np.where(middle + 0.5 > total, total - 1, np.maximum(middle - 0.5, 0))
    wide_low = np.maximum(wide_low, 0)
    return np.where(narrow, wide_low, low), np.where(narrow, wide_low + 1, high)


@cache
def _weights() -> np.ndarray:
    """[5, 5]: a Gaussian of the distance that is lowered to reach 0 one cell beyond the last, 1 in the middle."""
    beyond = math.exp(-(((REACH + 1) / SPREAD) ** 2))
    reach = np.arange(-REACH, REACH + 1)
    squares = reach[:, None] ** 2 + reach[None, :] ** 2
    return np.clip((np.exp(-squares / SPREAD**2) - beyond) / (1 - beyond), 0, None)
