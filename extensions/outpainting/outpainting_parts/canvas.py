"""How far each side is extended, and masks that are black where the picture stays."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

MULTIPLE = 64
"""Pixels. The extended picture's sides are rounded up to this; what that adds is shared among the sides."""


@dataclass(frozen=True)
class Sides:
    """Pixels to add on each side of a picture, and the size with them."""

    left: int
    right: int
    up: int
    down: int
    width: int
    height: int

    @classmethod
    def of(cls, direction, pixels, size):
        """Raises ValueError for directions that are none."""
        unknown = set(direction) - {"left", "right", "up", "down"}
        if unknown or not direction:
            raise ValueError(f"The direction cannot be {sorted(direction)}; choose some of left, right, up, down.")
        left, right, width = shared_out("left" in direction, "right" in direction, pixels, size[0])
        up, down, height = shared_out("up" in direction, "down" in direction, pixels, size[1])
        return cls(left, right, up, down, width, height)


def shared_out(first, second, pixels, length):
    """What two opposite sides get, and the whole length: nothing for a side that is not to be extended."""
    whole = -(-(length + pixels * (first + second)) // MULTIPLE) * MULTIPLE
    if not first and not second:
        return 0, 0, whole
    before = (whole - length) // (first + second) if first else 0
    return before, (whole - length - before if second else 0), whole


def darkened(size, rectangle):
    """A mask (L) of `size` that is white but for a rectangle (left, top, right, bottom), its edges included."""
    mask = Image.new("L", size, 255)
    left, top, right, bottom = rectangle
    if right >= left and bottom >= top:
        ImageDraw.Draw(mask).rectangle((left, top, right, bottom), fill=0)
    return mask
