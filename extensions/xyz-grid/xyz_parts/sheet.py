"""The sheet of cells while it grows and when it is done."""

import itertools
from dataclasses import dataclass, field

from PIL import Image

from modules import images

PREVIEW = 1024
"""Pixels: the longer side of the growing sheet in the progress preview."""


@dataclass
class Cell:
    """What came of one combination: None if nothing did."""

    image: Image.Image | None = None
    infotext: str = ""
    prompt: str = ""
    negative_prompt: str = ""
    seed: int = -1
    subseed: int = -1


@dataclass
class Sheet:
    """Cells by (x, y, z), and how many there are each way."""

    columns: int
    rows: int
    sheets: int
    cells: dict = field(default_factory=dict)
    small: Image.Image | None = None
    shown: int = 0

    def places(self):
        """Every place in the order of the result: x runs fastest, z slowest."""
        ranges = (range(self.sheets), range(self.rows), range(self.columns))
        return [(x, y, z) for z, y, x in itertools.product(*ranges)]

    def first(self):
        """Any cell with a picture; None if there is none."""
        return next((cell for place in self.places() if (cell := self.cells.get(place)) and cell.image), None)

    def size(self):
        """Pixels of the largest picture."""
        pictures = [cell.image for cell in self.cells.values() if cell.image]
        return max(image.width for image in pictures), max(image.height for image in pictures)

    def preview(self, place):
        """The growing sheet of this place's z, made small, after its cell has come."""
        x, y, z = place
        image = self.cells[place].image
        if image is None:
            return self.small
        scale = min(PREVIEW / (self.columns * image.width), PREVIEW / (self.rows * image.height), 1.0)
        width, height = (max(int(side * scale), 1) for side in image.size)
        if self.small is None or self.shown != z:
            self.small, self.shown = Image.new("RGB", (width * self.columns, height * self.rows), "#26262b"), z
        self.small.paste(image.convert("RGB").resize((width, height)), (x * width, y * height))
        return self.small.copy()

    def drawn(self, labels, margin):
        """The whole grid and one for each z. `labels` of x, y and z, or None for no legend."""
        width, height = self.size()
        empty = Image.new("RGB", (width, height))
        parts = []
        for z in range(self.sheets):
            places = [(x, y, z) for y in range(self.rows) for x in range(self.columns)]
            cells = (self.cells.get(place) for place in places)
            grid = images.image_grid([(cell.image if cell else None) or empty for cell in cells], rows=self.rows)
            if labels:
                grid = images.draw_grid_annotations(grid, width, height, lines(labels[0]), lines(labels[1]), margin)
            parts.append(grid)
        whole = images.image_grid(parts, rows=1)
        if labels:
            whole = images.draw_grid_annotations(whole, *parts[0].size, lines(labels[2]), [lines([""])[0]], margin)
        return whole, parts


def lines(labels):
    """Labels as legends of one line."""
    return [[images.GridAnnotation(label)] for label in labels]
