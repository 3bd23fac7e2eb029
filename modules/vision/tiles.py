"""A picture cut into overlapping tiles of one size, and tiles faded together into a picture again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from modules.foundation.errors import UserError


@dataclass(frozen=True, slots=True)
class Tiles:
    """Where the tiles lie: left edges by column and upper edges by row, the sizes and the overlap, all in pixels."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    overlap: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]

    @classmethod
    def over(cls, width: int, height: int, tile_width: int, tile_height: int, overlap: int) -> Tiles:
        """The fewest tiles that cover the size with at least this overlap, evenly spaced, the last at the edge.

        Raises UserError for an overlap that leaves nothing of a tile.
        """
        if overlap >= min(tile_width, tile_height):
            raise UserError(
                f"Tiles of {tile_width}x{tile_height} cannot overlap by {overlap} pixels; choose a smaller overlap."
            )
        lefts = _starts(width, tile_width, overlap)
        return cls(width, height, tile_width, tile_height, overlap, lefts, _starts(height, tile_height, overlap))

    @property
    def count(self) -> int:
        return len(self.lefts) * len(self.tops)

    def cut(self, image: Image.Image) -> list[Image.Image]:
        """The tiles of a picture of this size, row by row; one smaller than a tile is stretched to it."""
        cropped = (
            image.crop((left, top, left + self.tile_width, top + self.tile_height))
            for top in self.tops
            for left in self.lefts
        )
        if self.width < self.tile_width or self.height < self.tile_height:
            return [image.resize((self.tile_width, self.tile_height))] * self.count
        return list(cropped)

    def joined(self, tiles: Sequence[Image.Image]) -> Image.Image:
        """The picture, each tile fading in over the one left of it, each row over the one above, linearly."""
        whole = Image.new("RGB", (self.width, self.height))
        for row, top in enumerate(self.tops):
            strip = Image.new("RGB", (self.width, self.tile_height))
            for column, left in enumerate(self.lefts):
                tile = tiles[row * len(self.lefts) + column].convert("RGB")
                strip.paste(tile, (left, 0), self._fade(tile.size, along=1) if left else None)
            whole.paste(strip, (0, top), self._fade(strip.size, along=0) if top else None)
        return whole

    def _fade(self, size: tuple[int, int], along: int) -> Image.Image:
        """A mask that rises from 0 over the overlap, downward (`along` 0) or to the right (1)."""
        mask = np.full((size[1], size[0]), 255, np.uint8)
        ramp = (np.arange(self.overlap) * 255 / max(self.overlap, 1)).astype(np.uint8)
        if along == 0:
            mask[: self.overlap, :] = ramp[:, None]
        else:
            mask[:, : self.overlap] = ramp[None, :]
        return Image.fromarray(mask)


def _starts(whole: int, tile: int, overlap: int) -> tuple[int, ...]:
    count = max(math.ceil((whole - overlap) / (tile - overlap)), 1)
    step = (whole - tile) / (count - 1) if count > 1 else 0
    return tuple(max(min(int(number * step), whole - tile), 0) for number in range(count))
