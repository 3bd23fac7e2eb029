"""Operations that cut pictures up for a training set: split, focal point, best size, flipped copies.

The focal point is where corners, detail and faces are; see `focal_point`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from modules.vision.postprocessing import Operation, Piece

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""
FindFaces = Callable[[Image.Image], Sequence[Box]]
LANCZOS = Image.Resampling.LANCZOS
CORNERS = 100
"""Corners looked at, the strongest ones."""
STEP = 4
"""Pixels the window of most detail moves by, of a picture whose crop is at hand."""
GRID = 64
"""Pixels; sizes tried by `best_size` are multiples apart."""


def split_oversized(threshold: float, overlap: float) -> Operation:
    """Overlapping crops of the target size along the longer side, of pictures much longer than the target.

    `threshold` (0..1) is the greatest relation of the aspect ratios at which a picture is split, `overlap` (below 1)
    the least share of a crop that its neighbour shows, too.
    """

    def operation(piece: Piece) -> list[Piece]:
        width, height = piece.target
        if width < 1 or height < 1:
            return [piece]
        image, tall = piece.image, piece.image.height > piece.image.width
        relation = image.width * height / (image.height * width)
        relation = relation if tall else 1 / relation
        if relation >= 1 or relation > threshold:
            return [piece]
        return [piece.told(image=part) for part in _split(image, tall, (width, height), overlap)]

    return operation


def _split(image: Image.Image, tall: bool, target: tuple[int, int], overlap: float) -> list[Image.Image]:
    width, height = target
    if tall:
        image = image.resize((width, image.height * width // image.width), LANCZOS)
        length, side = image.height, height
    else:
        image = image.resize((image.width * height // image.height, height), LANCZOS)
        length, side = image.width, width
    count = math.ceil((length - side * overlap) / (side * (1 - overlap)))
    starts = [int((length - side) / (count - 1) * number) for number in range(count)] if count > 1 else [0]
    boxes = [(0, at, width, at + height) if tall else (at, 0, at + width, height) for at in starts]
    return [image.crop(box) for box in boxes]


def best_size(
    sides: tuple[int, int],
    areas: tuple[int, int],
    threshold: float,
    *,
    largest: bool,
    say: Callable[[str], None],
) -> Operation:
    """A centre crop to the size within the bounds that fits the picture's aspect ratio.

    `sides` and `areas` are least and greatest, in pixels; `threshold` is the error allowed, 0..1. `largest` prefers
    area, else the smallest error counts. A picture that no size fits passes, and `say` tells the user.
    """

    def operation(piece: Piece) -> list[Piece]:
        ratio = piece.image.width / piece.image.height

        def error(width: int, height: int) -> float:
            relation = ratio / (width / height)
            return 1 - min(relation, 1 / relation)

        lengths = range(sides[0], sides[1] + 1, GRID)
        fitting = [
            (width, height)
            for width in lengths
            for height in lengths
            if areas[0] <= width * height <= areas[1] and error(width, height) <= threshold
        ]
        if not fitting:
            size = f"{piece.image.width}x{piece.image.height}"
            say(
                f"Auto-sized crop: no size within the bounds fits {size} within the error threshold; it stays as it is."
            )
            return [piece]
        rank: Callable[[tuple[int, int]], tuple[float, float]]
        if largest:
            rank = lambda size: (size[0] * size[1], -error(*size))  # noqa: E731
        else:
            rank = lambda size: (-error(*size), size[0] * size[1])  # noqa: E731
        chosen = max(fitting, key=rank)
        return [piece.told(image=ImageOps.fit(piece.image, chosen, LANCZOS))]

    return operation


@dataclass(frozen=True, slots=True)
class Weights:
    """How much faces, the window of most detail and corners draw the focal point, 0..1 each."""

    face: float = 0.9
    entropy: float = 0.15
    edges: float = 0.5


def focal_crop(weights: Weights, faces: FindFaces, *, debug: bool) -> Operation:
    """A crop to the target size about the focal point; with `debug` also the picture with what was found drawn in."""

    def operation(piece: Piece) -> list[Piece]:
        width, height = piece.target
        if width < 1 or height < 1:
            return [piece]
        scale = max(width / piece.image.width, height / piece.image.height)
        size = (max(round(piece.image.width * scale), width), max(round(piece.image.height * scale), height))
        image = piece.image.resize(size, LANCZOS)
        x, y = focal_point(image, (width, height), weights, faces)
        left = min(max(int(x - width / 2), 0), image.width - width)
        top = min(max(int(y - height / 2), 0), image.height - height)
        box = (left, top, left + width, top + height)
        made = [piece.told(image=image.crop(box))]
        if debug:
            seen = image.convert("RGB")
            pen = ImageDraw.Draw(seen)
            pen.rectangle(box, outline="#ff0000")
            pen.ellipse((x - 8, y - 8, x + 8, y + 8), outline="#00ff00", width=2)
            made.append(piece.told(image=seen, tags=(*piece.tags, "focal-crop-debug"), finished=True))
        return made

    return operation


def focal_point(image: Image.Image, window: tuple[int, int], weights: Weights, faces: FindFaces) -> tuple[float, float]:
    """Where a crop of `window` pixels should have its middle: the weighted mean of what was found, else the middle."""
    grey = np.asarray(image.convert("L").filter(ImageFilter.GaussianBlur(1)), dtype=np.float32)
    found: list[tuple[float, float, float]] = []
    if weights.edges > 0 and (corners := _corners(grey)) is not None:
        found.append((*corners, weights.edges))
    if weights.entropy > 0:
        found.append((*_busiest(grey, window), weights.entropy))
    if weights.face > 0 and (boxes := faces(image)):
        x = sum((box[0] + box[2]) / 2 for box in boxes) / len(boxes)
        # The upper part of a face, where the eyes are.
        y = sum(box[1] + (box[3] - box[1]) / 3 for box in boxes) / len(boxes)
        found.append((x, y, weights.face))
    whole = sum(weight for *_, weight in found)
    if whole <= 0:
        return image.width / 2, image.height / 2
    return sum(x * w for x, _, w in found) / whole, sum(y * w for _, y, w in found) / whole


def flipped_copies(*, horizontal: bool, vertical: bool, both: bool) -> Operation:
    """The picture and mirrored copies of it."""

    def operation(piece: Piece) -> list[Piece]:
        mirrored = piece.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        copies = [
            *([mirrored] if horizontal else []),
            *([piece.image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)] if vertical else []),
            *([mirrored.transpose(Image.Transpose.FLIP_TOP_BOTTOM)] if both else []),
        ]
        return [piece, *(piece.told(image=copy) for copy in copies)]

    return operation


def _corners(grey: NDArray[np.float32]) -> tuple[float, float] | None:
    """Mean place of the strongest corners (Shi & Tomasi 1994); None of a picture that has none."""
    down, right = (np.asarray(slope, dtype=np.float32) for slope in np.gradient(grey))
    xx, yy, xy = _smooth(right * right), _smooth(down * down), _smooth(right * down)
    least = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    strongest = np.argsort(least, axis=None)[-CORNERS:]
    rows, columns = np.unravel_index(strongest, least.shape)
    strength = least[rows, columns].clip(0)
    if strength.sum() <= 1e-3:
        return None
    return float((columns * strength).sum() / strength.sum()), float((rows * strength).sum() / strength.sum())


def _busiest(grey: NDArray[np.float32], window: tuple[int, int]) -> tuple[float, float]:
    """Middle of the window that has most detail, by the sum of edges in it."""
    down, right = np.gradient(grey)
    sums = np.pad(np.hypot(down, right).astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = grey.shape
    best, place = -1.0, (width / 2, height / 2)
    for top in range(0, height - window[1] + 1, STEP):
        for left in range(0, width - window[0] + 1, STEP):
            bottom, across = top + window[1], left + window[0]
            detail = sums[bottom, across] - sums[top, across] - sums[bottom, left] + sums[top, left]
            if detail > best:
                best, place = detail, (left + window[0] / 2, top + window[1] / 2)
    return place


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over 3x3."""
    padded = np.pad(values, 1, mode="edge")
    height, width = values.shape
    total = np.zeros_like(values)
    for y in range(3):
        for x in range(3):
            total += padded[y : y + height, x : x + width]
    return total / np.float32(9)
