"""Every shape and object, drawn in unit coordinates: centre 0, about -1..1 each way, y downwards."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageDraw

from starter.draw.palette import Rgb

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws at one place and scale; `x`, `y` and `radius` are canvas pixels, `color` is the thing's own."""

    canvas: ImageDraw.ImageDraw
    x: float
    y: float
    radius: float
    color: Rgb

    @property
    def dark(self) -> Rgb:
        """A darker tone of the own colour for parts that must stand out from it; lighter where that is nearly black."""
        if sum(self.color) < 150:
            return (90, 90, 92)
        r, g, b = (int(c * 0.55) for c in self.color)
        return r, g, b

    def polygon(self, points: list[Point], fill: Rgb | None = None) -> None:
        self.canvas.polygon(
            [(self.x + px * self.radius, self.y + py * self.radius) for px, py in points], fill=fill or self.color
        )

    def box(self, left: float, top: float, right: float, bottom: float, fill: Rgb | None = None) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill)

    def disc(self, cx: float, cy: float, rx: float, ry: float | None = None, fill: Rgb | None = None) -> None:
        ry = rx if ry is None else ry
        self.canvas.ellipse(self.bounds(cx, cy, rx, ry), fill=fill or self.color)

    def hoop(self, outer: float, inner: float) -> None:
        width = round((outer - inner) * self.radius)
        self.canvas.ellipse(self.bounds(0, 0, outer, outer), outline=self.color, width=width)

    def bounds(self, cx: float, cy: float, rx: float, ry: float) -> tuple[float, float, float, float]:
        x, y, r = self.x + cx * self.radius, self.y + cy * self.radius, self.radius
        return x - rx * r, y - ry * r, x + rx * r, y + ry * r


def _around_circle(n: int, radii: tuple[float, ...], turn: float = -90.0) -> list[Point]:
    """n points at equal angles, their distances taken from `radii` in turn; the first lies at `turn` degrees (up)."""
    angles = [math.radians(turn + 360 * i / n) for i in range(n)]
    return [(radii[i % len(radii)] * math.cos(a), radii[i % len(radii)] * math.sin(a)) for i, a in enumerate(angles)]


def _heart(pen: Pen) -> None:
    curve = [2 * math.pi * i / 60 for i in range(60)]
    heights = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in curve]
    pen.polygon([(math.sin(t) ** 3, -height / 16 - 0.1) for t, height in zip(curve, heights, strict=True)])


def _cross(pen: Pen) -> None:
    pen.box(-0.32, -0.95, 0.32, 0.95)
    pen.box(-0.95, -0.32, 0.95, 0.32)


def _house(pen: Pen) -> None:
    pen.box(-0.7, -0.1, 0.7, 0.9)
    pen.polygon([(-0.95, -0.1), (0, -0.95), (0.95, -0.1)], pen.dark)
    pen.box(-0.18, 0.35, 0.18, 0.9, pen.dark)


def _tree(pen: Pen) -> None:
    pen.box(-0.16, 0.2, 0.16, 1.0, (95, 60, 35))
    pen.disc(0, -0.35, 0.7, 0.65)


def _flower(pen: Pen) -> None:
    for px, py in _around_circle(6, (0.6,)):
        pen.disc(px, py, 0.36)
    pen.disc(0, 0, 0.32, fill=pen.dark)


def _fish(pen: Pen) -> None:
    pen.disc(-0.2, 0, 0.75, 0.48)
    pen.polygon([(0.4, 0), (1.0, -0.5), (1.0, 0.5)])
    pen.disc(-0.6, -0.1, 0.09, fill=pen.dark)


def _car(pen: Pen) -> None:
    pen.polygon([(-0.5, 0), (-0.32, -0.5), (0.35, -0.5), (0.6, 0)], pen.dark)
    pen.box(-1.0, -0.08, 1.0, 0.38)
    for wheel in (-0.55, 0.55):
        pen.disc(wheel, 0.4, 0.24, fill=(40, 40, 42))


def _boat(pen: Pen) -> None:
    pen.polygon([(-0.95, 0.35), (0.95, 0.35), (0.6, 0.85), (-0.6, 0.85)])
    pen.box(-0.05, -0.95, 0.05, 0.4, pen.dark)
    pen.polygon([(0, -0.95), (0, 0.2), (0.8, 0.2)])
    pen.polygon([(0, -0.7), (0, 0.2), (-0.6, 0.2)], pen.dark)


def _balloon(pen: Pen) -> None:
    pen.box(-0.03, 0.4, 0.03, 1.0, pen.dark)
    pen.disc(0, -0.25, 0.62, 0.72)
    pen.polygon([(0, 0.4), (-0.14, 0.58), (0.14, 0.58)])


def _mushroom(pen: Pen) -> None:
    pen.box(-0.25, 0, 0.25, 0.9, (225, 205, 175))
    pen.canvas.pieslice(pen.bounds(0, 0.15, 0.95, 0.95), 180, 360, fill=pen.color)


def _face(pen: Pen) -> None:
    pen.disc(0, 0, 0.95)
    pen.disc(-0.35, -0.25, 0.13, fill=pen.dark)
    pen.disc(0.35, -0.25, 0.13, fill=pen.dark)
    pen.box(-0.4, 0.32, 0.4, 0.48, pen.dark)


def _mood(pen: Pen, top: float, start: int) -> None:
    """A face with two eyes and half an ellipse as its mouth, above or below `top`."""
    pen.disc(0, 0, 0.95)
    for eye in (-0.36, 0.36):
        pen.disc(eye, -0.28, 0.15, fill=pen.dark)
    pen.canvas.chord(pen.bounds(0, top, 0.55, 0.42), start, start + 180, fill=pen.dark)


def _apple(pen: Pen) -> None:
    pen.disc(-0.32, 0.2, 0.55, 0.68)
    pen.disc(0.32, 0.2, 0.55, 0.68)
    pen.box(-0.06, -0.9, 0.06, -0.3, (95, 60, 35))
    pen.disc(0.34, -0.68, 0.3, 0.16, fill=(60, 150, 60))


def _cup(pen: Pen) -> None:
    pen.canvas.ellipse(pen.bounds(0.55, 0.0, 0.42, 0.42), outline=pen.color, width=max(1, round(0.16 * pen.radius)))
    pen.polygon([(-0.8, -0.7), (0.6, -0.7), (0.45, 0.75), (-0.65, 0.75)])
    pen.disc(-0.1, -0.7, 0.7, 0.16, fill=pen.dark)


def _umbrella(pen: Pen) -> None:
    pen.box(-0.05, -0.1, 0.05, 0.9, pen.dark)
    pen.box(-0.3, 0.8, 0.05, 0.92, pen.dark)
    pen.canvas.pieslice(pen.bounds(0, 0.1, 0.98, 1.0), 180, 360, fill=pen.color)
    for gore in (-0.65, 0, 0.65):
        pen.disc(gore, 0.12, 0.28, 0.14, fill=pen.dark)


def _rocket(pen: Pen) -> None:
    pen.polygon([(-0.62, 0.8), (-0.3, 0.05), (0.3, 0.05), (0.62, 0.8)], pen.dark)
    pen.polygon([(0, -1.0), (0.36, -0.4), (0.36, 0.6), (-0.36, 0.6), (-0.36, -0.4)])
    pen.disc(0, -0.2, 0.19, fill=pen.dark)
    pen.polygon([(-0.22, 0.6), (0.22, 0.6), (0, 1.05)], (250, 170, 40))


def _cat(pen: Pen) -> None:
    pen.disc(0, 0.15, 0.8, 0.7)
    pen.polygon([(-0.75, 0.05), (-0.7, -0.9), (-0.1, -0.45)])
    pen.polygon([(0.75, 0.05), (0.7, -0.9), (0.1, -0.45)])
    pen.disc(-0.3, 0.05, 0.12, fill=pen.dark)
    pen.disc(0.3, 0.05, 0.12, fill=pen.dark)
    pen.polygon([(-0.12, 0.35), (0.12, 0.35), (0, 0.5)], pen.dark)


SHAPES: dict[str, Callable[[Pen], None]] = {
    "circle": lambda pen: pen.disc(0, 0, 0.95),
    "square": lambda pen: pen.box(-0.85, -0.85, 0.85, 0.85),
    "triangle": lambda pen: pen.polygon([(0, -0.92), (0.98, 0.8), (-0.98, 0.8)]),
    "star": lambda pen: pen.polygon(_around_circle(10, (1.08, 0.46))),
    "heart": _heart,
    "ring": lambda pen: pen.hoop(0.98, 0.55),
    "cross": _cross,
    "diamond": lambda pen: pen.polygon([(0, -1.05), (0.72, 0), (0, 1.05), (-0.72, 0)]),
}

OBJECTS: dict[str, Callable[[Pen], None]] = {
    "house": _house, "tree": _tree, "flower": _flower, "fish": _fish, "car": _car,
    "boat": _boat, "balloon": _balloon, "mushroom": _mushroom, "face": _face, "cat": _cat,
    "happy face": lambda pen: _mood(pen, 0.2, 0), "sad face": lambda pen: _mood(pen, 0.62, 180),
    "apple": _apple, "cup": _cup, "umbrella": _umbrella, "rocket": _rocket,
}  # fmt: skip

KINDS = SHAPES | OBJECTS
