"""Postprocessing: operations that take a finished picture and give one or several, with what is written of them.

A1111's Extras tab is a list of such operations. Start with `run`; the crops are in `crops`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from modules.foundation.errors import UserError
from modules.prompting.infotext import quote


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A picture on its way. `info` is label -> value in the order they are written; of None nothing is written.

    `target` is the size the operations after upscaling work towards, (0, 0) while there is none. A `finished` piece,
    such as a debug picture, passes by the other operations.
    """

    image: Image.Image
    info: Mapping[str, Any] = field(default_factory=dict)
    target: tuple[int, int] = (0, 0)
    tags: tuple[str, ...] = ()
    caption: str = ""
    finished: bool = False

    def told(self, **changes: Any) -> Piece:
        """A changed copy; `info` is added to what is there."""
        if "info" in changes:
            changes["info"] = {**self.info, **changes["info"]}
        return replace(self, **changes)

    def text(self) -> str:
        """What is written into the file: "Postprocess upscale by: 4, Postprocess upscaler: Lanczos"."""
        told = ((label, value) for label, value in self.info.items() if value is not None)
        return ", ".join(label if label == value else f"{label}: {quote(value)}" for label, value in told)


Operation = Callable[[Piece], Sequence[Piece]]


@dataclass(frozen=True, slots=True)
class Upscaling:
    """A1111's Upscale operation. `by` counts unless `to` is given, (width, height) in pixels; `crop` makes that exact.

    `longest`, if not 0, bounds the longer side of what `by` gives.
    """

    by: float = 2.0
    to: tuple[int, int] | None = None
    crop: bool = True
    longest: int = 0

    def size(self, image: Image.Image) -> tuple[int, int]:
        """Where the picture is to end; what crops after this one work towards."""
        if self.to is not None:
            return self.to
        width, height = image.width * self.by, image.height * self.by
        if self.longest and max(width, height) > self.longest:
            shrink = self.longest / max(width, height)
            return int(width * shrink), int(height * shrink)
        return int(width), int(height)

    def plan(self, image: Image.Image) -> tuple[float, tuple[int, int] | None, dict[str, Any]]:
        """Factor, the size to crop to if any, and what is written of it."""
        if self.to is not None:
            factor = max(self.to[0] / image.width, self.to[1] / image.height)
            return factor, self.to if self.crop else None, {"Postprocess upscale to": f"{self.to[0]}x{self.to[1]}"}
        told: dict[str, Any] = {"Postprocess upscale by": self.by}
        if not self.longest or max(image.size) * self.by <= self.longest:
            return self.by, None, told
        width, height = self.size(image)
        return max(width / image.width, height / image.height), None, {**told, "Max side length": self.longest}

    def apply(self, piece: Piece, enlarge: Callable[[Image.Image, float], Image.Image]) -> Piece:
        """The piece enlarged, and cropped or padded about its middle where an exact size is asked for."""
        factor, crop, told = self.plan(piece.image)
        if not math.isfinite(factor) or factor <= 0:
            raise UserError(f"A picture cannot be scaled by {factor:g}; choose a factor above 0.")
        image = enlarge(piece.image, factor)
        if crop is not None:
            sheet = Image.new(image.mode, crop)
            sheet.paste(image, (crop[0] // 2 - image.width // 2, crop[1] // 2 - image.height // 2))
            image, told = sheet, {**told, "Postprocess crop to": f"{sheet.width}x{sheet.height}"}
        return piece.told(image=image, info=told)


def blended(first: Image.Image, second: Image.Image, share: float) -> Image.Image:
    """`first` with this share (0..1) of `second`, which is brought to its size and mode."""
    if second.mode != first.mode:
        second = second.convert(first.mode)
    if second.size != first.size:
        second = second.resize(first.size, Image.Resampling.LANCZOS)
    return Image.blend(first, second, min(max(share, 0.0), 1.0))


def run(piece: Piece, operations: Iterable[Operation], check: Callable[[], None]) -> list[Piece]:
    """Every piece that the operations, one after another, make of one. `check` raises when it is time to stop."""
    pieces = [piece]
    for operation in operations:
        made: list[Piece] = []
        for one in pieces:
            check()
            made += [one] if one.finished else operation(one)
        pieces = made
    return pieces


def suffixes(pieces: Sequence[Piece]) -> list[str]:
    """What sets the pieces' files apart, "" for the only one: their tags, and a number where these are the same."""
    found: list[str] = []
    for piece in pieces:
        base = "".join(f"-{tag}" for tag in piece.tags)
        name, number = base, 0
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found.append(name)
    return found
