"""Reads a picture back into words from image statistics alone, so that prompt following is a number."""

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from starter.draw.canvas import render
from starter.draw.palette import nearest, to_lab
from starter.draw.records import Picture, Thing

Mask = NDArray[np.bool_]

TEMPLATE = 48
"""Side of a mask after its bounding box is stretched to a square."""
FOREGROUND_DISTANCE = 16.0
"""Lab distance from the background beyond which a pixel belongs to a thing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the checker sees; `x`, `y` is the centroid of the largest component in picture widths."""

    background: str
    color: str
    kind: str
    overlap: float
    count: int
    x: float
    y: float


def read(image: Image.Image, kinds: tuple[str, ...]) -> Reading:
    """Read an RGB image on a plain ground; the shape is chosen among `kinds`."""
    lab = to_lab(np.asarray(image.convert("RGB")))
    border = np.concatenate(
        [lab[:4].reshape(-1, 3), lab[-4:].reshape(-1, 3), lab[:, :4].reshape(-1, 3), lab[:, -4:].reshape(-1, 3)]
    )
    ground = np.median(border, axis=0)
    foreground = np.sqrt(((lab - ground) ** 2).sum(-1)) > FOREGROUND_DISTANCE
    foreground = np.asarray(ndimage.binary_opening(foreground, iterations=1), dtype=np.bool_)
    labels, found = cast(tuple[NDArray[np.int32], int], ndimage.label(foreground, structure=np.ones((3, 3))))
    if not found:
        return Reading(nearest(ground), "", "", 0.0, 0, 0.5, 0.5)
    sizes = np.bincount(labels.ravel())[1:]
    largest = labels == int(np.argmax(sizes)) + 1
    inner: Mask = np.asarray(ndimage.binary_erosion(largest, iterations=2), dtype=np.bool_)
    color = nearest(np.median(lab[inner if inner.any() else largest], axis=0))
    rows, columns = np.nonzero(largest)
    x, y = float(columns.mean()) / image.width, float(rows.mean()) / image.height
    mask = _boxed(largest)
    overlaps = {kind: _overlap(mask, template(kind)) for kind in kinds}
    kind = max(overlaps, key=overlaps.__getitem__)
    return Reading(nearest(ground), color, kind, overlaps[kind], int((sizes > 0.3 * sizes.max()).sum()), x, y)


@cache
def template(kind: str) -> Mask:
    """The mask of a kind as it is drawn, box-normalised."""
    drawn = render(
        Picture("plain", "white", (255, 255, 255), (0, 0, 0), (Thing(kind, "black", (0, 0, 0), 0.5, 0.5, 0.35),)), 256
    )
    return _boxed(np.asarray(drawn.convert("L")) < 240)


def _boxed(mask: Mask) -> Mask:
    """The part of a mask inside its bounding box, stretched to a square."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(Image.fromarray(part).resize((TEMPLATE, TEMPLATE), Image.Resampling.NEAREST))


def _overlap(a: Mask, b: Mask) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max(1, (a | b).sum()))
