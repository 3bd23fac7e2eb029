"""Reads a picture on a plain ground back into words from image statistics alone: prompt following as a number."""

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from starter.draw.canvas import render
from starter.draw.palette import names, nearest, to_lab
from starter.draw.records import Picture, Thing

Mask = NDArray[np.bool_]

TEMPLATE = 48
"""Side of a mask after its bounding box is stretched to a square."""
FOREGROUND_DISTANCE = 16.0
"""Lab distance from the background beyond which a pixel belongs to a thing."""
COUNTED_SHARE = 0.3
"""Components smaller than this part of the largest are crumbs, not things."""


@dataclass(frozen=True, slots=True)
class Found:
    """One component: the colour most of it has, its best template with the overlap, its centroid in picture sizes."""

    color: str
    kind: str
    overlap: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the checker sees; `things` from the largest to the smallest that counts."""

    background: str
    things: tuple[Found, ...]


def read(image: Image.Image, kinds: tuple[str, ...]) -> Reading:
    """Read an RGB image on a plain ground; shapes are chosen among `kinds`."""
    lab = to_lab(np.asarray(image.convert("RGB")))
    border = np.concatenate(
        [lab[:4].reshape(-1, 3), lab[-4:].reshape(-1, 3), lab[:, :4].reshape(-1, 3), lab[:, -4:].reshape(-1, 3)]
    )
    ground = np.median(border, axis=0)
    foreground = np.sqrt(((lab - ground) ** 2).sum(-1)) > FOREGROUND_DISTANCE
    foreground = np.asarray(ndimage.binary_opening(foreground, iterations=1), dtype=np.bool_)
    labels, _ = cast(tuple[NDArray[np.int32], int], ndimage.label(foreground, structure=np.ones((3, 3))))
    sizes = np.bincount(labels.ravel())[1:]
    order = [int(i) for i in np.argsort(-sizes) if sizes[i] > COUNTED_SHARE * sizes.max()]
    return Reading(nearest(ground), tuple(_found(lab, labels == i + 1, kinds) for i in order))


def _found(lab: NDArray[np.float64], component: Mask, kinds: tuple[str, ...]) -> Found:
    inner: Mask = np.asarray(ndimage.binary_erosion(component, iterations=2), dtype=np.bool_)
    called = names(lab[inner if inner.any() else component])
    colors, votes = np.unique(called, return_counts=True)
    rows, columns = np.nonzero(component)
    mask = _boxed(component)
    overlaps = {kind: _overlap(mask, template(kind)) for kind in kinds}
    kind = max(overlaps, key=overlaps.__getitem__)
    height, width = component.shape
    x, y = float(columns.mean()) / width, float(rows.mean()) / height
    return Found(str(colors[np.argmax(votes)]), kind, overlaps[kind], x, y)


def share(image: Image.Image, color: str) -> float:
    """The part of the picture, 0..1, whose pixels are nearest to this colour."""
    return float((names(to_lab(np.asarray(image.convert("RGB"))).reshape(-1, 3)) == color).mean())


def blur(image: Image.Image) -> float:
    """How blurred a picture is, 0..1: the part of its brightness steps that a further blur would hardly take away.

    Crete et al. 2007, "The blur effect": a blurred picture loses little by being blurred again, along either axis. Here
    over all three channels, because red and blue can be equally bright.
    """
    colors = np.asarray(image.convert("RGB"), np.float64)
    found: list[float] = []
    for axis in (0, 1):
        steps = np.abs(np.diff(colors, axis=axis))
        again = np.abs(np.diff(ndimage.uniform_filter1d(colors, 11, axis=axis), axis=axis))
        found.append(1 - float(np.maximum(0, steps - again).sum() / max(1e-9, steps.sum())))
    return max(found)


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
