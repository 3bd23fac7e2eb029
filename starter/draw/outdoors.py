"""Outdoor scenes: a sky by time of day and weather, and below the horizon a ground with one or two large landmarks.

Large plain forms only: eight pixels are one number of the model's latent, and what is smaller gets lost.
"""

import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from starter.draw.palette import Rgb

HORIZON = 0.56
"""Where the ground begins, in picture heights from the top."""

_SKIES: dict[str, tuple[Rgb, Rgb]] = {
    "day": ((85, 165, 240), (190, 225, 250)),
    "night": ((8, 12, 46), (34, 42, 98)),
    "sunset": ((125, 60, 145), (255, 150, 60)),
}
"""Colours at the top and at the horizon."""
_LIGHT: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0), "night": (0.36, 0.4, 0.62), "sunset": (1.0, 0.74, 0.68),
}  # fmt: skip
_RAIN = ((105, 115, 130), (165, 172, 182))

Fraction = tuple[float, float]


class _Brush:
    """Paints in fractions of the picture, every colour under the light of the time of day."""

    def __init__(self, image: Image.Image, time: str) -> None:
        self.canvas, self.width, self.height, self.light = ImageDraw.Draw(image), *image.size, _LIGHT[time]

    def lit(self, rgb: Rgb) -> Rgb:
        r, g, b = (min(255, int(c * part)) for c, part in zip(rgb, self.light, strict=True))
        return r, g, b

    def polygon(self, points: list[Fraction], rgb: Rgb) -> None:
        self.canvas.polygon([(x * self.width, y * self.height) for x, y in points], fill=self.lit(rgb))

    def box(self, left: float, top: float, right: float, bottom: float, rgb: Rgb) -> None:
        self.canvas.rectangle(
            (left * self.width, top * self.height, right * self.width, bottom * self.height), fill=self.lit(rgb)
        )

    def hill(self, x: float, y: float, rx: float, ry: float, rgb: Rgb) -> None:
        box = ((x - rx) * self.width, (y - ry) * self.height, (x + rx) * self.width, (y + ry) * self.height)
        self.canvas.ellipse(box, fill=self.lit(rgb))

    def disc(self, x: float, y: float, radius: float, rgb: Rgb) -> None:
        """A round disc that shines by itself."""
        cx, cy, r = x * self.width, y * self.height, radius * min(self.width, self.height)
        self.canvas.ellipse((cx - r, cy - r, cx + r, cy + r), fill=rgb)


def paint_sky(image: Image.Image, scene: str, time: str, weather: str, rng: random.Random) -> None:
    """Fill the picture with the sky and what shines or floats in it."""
    top, bottom = _RAIN if (weather, time) == ("rain", "day") else _SKIES[time]
    ramp = Image.linear_gradient("L").resize(image.size)
    image.paste(Image.composite(Image.new("RGB", image.size, bottom), Image.new("RGB", image.size, top), ramp))
    brush = _Brush(image, "day")
    low = 0.85 if scene == "sky" else HORIZON
    if weather == "sun":
        if time == "sunset":
            brush.disc(rng.uniform(0.25, 0.75), 0.66 if scene == "sky" else HORIZON - 0.03, 0.14, (255, 95, 45))
        else:
            brush.disc(rng.choice((0.2, 0.8)) + rng.uniform(-0.05, 0.05), 0.19, 0.11, (255, 225, 60))
    elif weather == "moon":
        x = rng.choice((0.22, 0.78)) + rng.uniform(-0.05, 0.05)
        brush.disc(x, 0.2, 0.11, (245, 242, 215))
        if rng.random() < 0.5:
            brush.disc(x + 0.06, 0.18, 0.1, _SKIES["night"][0])
    elif weather == "stars":
        for column in range(5):
            for row in range(3 if scene != "sky" else 5):
                x, y = (column + rng.uniform(0.15, 0.85)) / 5, 0.03 + (row + rng.uniform(0.15, 0.85)) * 0.16
                if y < low:
                    brush.disc(x, y, rng.uniform(0.012, 0.02), (250, 248, 225))
    elif weather == "clouds":
        white = (252, 250, 250) if time == "day" else (250, 200, 190)
        for x in (rng.uniform(0.12, 0.35), rng.uniform(0.62, 0.88)):
            y = rng.uniform(0.13, 0.3)
            for dx, dy, r in ((-0.1, 0.02, 0.07), (0, -0.02, 0.09), (0.1, 0.02, 0.07)):
                brush.disc(x + dx, y + dy, r, white)


def paint_ground(image: Image.Image, scene: str, time: str, rng: random.Random) -> None:
    """Paint everything below the horizon and what stands on it; the bare sky has nothing."""
    if scene in _GROUNDS:
        _GROUNDS[scene](_Brush(image, time), time, rng)


def paint_rain(image: Image.Image, rng: random.Random) -> None:
    """Slanting drops over the whole picture."""
    canvas, (width, height) = ImageDraw.Draw(image), image.size
    for column in range(6):
        for row in range(4):
            x, y = (column + rng.random()) / 6 * width, (row + rng.random()) / 4 * height
            canvas.line((x, y, x - 0.03 * width, y + 0.11 * height), fill=(205, 218, 240), width=max(1, width // 64))


def _grass(brush: _Brush, time: str, rng: random.Random) -> None:
    brush.hill(rng.uniform(0.2, 0.8), HORIZON + 0.05, 0.4, 0.13, (70, 155, 60))
    brush.box(0, HORIZON, 1, 1, (95, 190, 70))
    brush.hill(rng.choice((0.1, 0.9)), 1.0, 0.5, 0.2, (75, 165, 60))


def _sea(brush: _Brush, time: str, rng: random.Random) -> None:
    brush.box(0, HORIZON, 1, 1, (25, 100, 190))
    for row, y in enumerate((0.66, 0.77, 0.9)):
        shift = rng.uniform(0, 0.2)
        for column in range(-1, 5):
            x = column * 0.28 + shift + 0.14 * (row % 2)
            brush.hill(x, y, 0.08, 0.014, (110, 180, 235))


def _snow(brush: _Brush, time: str, rng: random.Random) -> None:
    for x in (rng.uniform(0.15, 0.4), rng.uniform(0.6, 0.9)):
        height = rng.uniform(0.24, 0.34)
        brush.polygon([(x - 0.3, HORIZON + 0.02), (x, HORIZON - height), (x + 0.3, HORIZON + 0.02)], (130, 140, 165))
        brush.polygon(
            [(x - 0.12, HORIZON - 0.6 * height), (x, HORIZON - height), (x + 0.12, HORIZON - 0.6 * height)],
            (250, 250, 255),
        )
    brush.box(0, HORIZON, 1, 1, (238, 243, 252))
    brush.hill(rng.choice((0.1, 0.9)), 1.0, 0.5, 0.2, (215, 226, 244))


def _desert(brush: _Brush, time: str, rng: random.Random) -> None:
    brush.hill(rng.uniform(0.2, 0.8), HORIZON + 0.06, 0.45, 0.14, (215, 170, 95))
    brush.box(0, HORIZON, 1, 1, (238, 203, 125))
    brush.hill(rng.choice((0.1, 0.9)), 1.0, 0.5, 0.18, (222, 180, 100))
    x, green = rng.choice((0.13, 0.87)), (50, 130, 65)
    brush.box(x - 0.03, 0.4, x + 0.03, 0.72, green)
    for side in (-1, 1):
        left, right = sorted((x, x + side * 0.1))
        brush.box(left, 0.54, right, 0.58, green)
        left, right = sorted((x + side * 0.07, x + side * 0.11))
        brush.box(left, 0.46, right, 0.58, green)


def _city(brush: _Brush, time: str, rng: random.Random) -> None:
    lamps = (255, 225, 120) if time == "night" else (215, 230, 245)
    for i in range(6):
        top, tone = rng.uniform(0.16, 0.42), rng.randint(-14, 14)
        left = i / 6
        brush.box(left, top, left + 1 / 6 - 0.012, HORIZON + 0.08, (118 + tone, 122 + tone, 140 + tone))
        for row in range(2 + (top < 0.3)):
            for column in range(2):
                wx, wy = left + 0.035 + column * 0.06, top + 0.04 + row * 0.1
                box = (wx * brush.width, wy * brush.height, (wx + 0.035) * brush.width, (wy + 0.05) * brush.height)
                brush.canvas.rectangle(box, fill=lamps)
    brush.box(0, HORIZON + 0.08, 1, 1, (82, 84, 92))
    for column in range(4):
        brush.box(column * 0.27 + 0.02, 0.86, column * 0.27 + 0.16, 0.89, (235, 235, 225))


def _forest(brush: _Brush, time: str, rng: random.Random) -> None:
    brush.box(0, HORIZON, 1, 1, (62, 120, 58))
    for i in range(5):
        x, top, tone = (i + 0.5) / 5 + rng.uniform(-0.03, 0.03), rng.uniform(0.1, 0.24), rng.randint(-12, 12)
        brush.box(x - 0.025, HORIZON, x + 0.025, HORIZON + 0.12, (90, 60, 40))
        for step in range(2):
            peak = top + 0.17 * step
            brush.polygon([(x - 0.13, peak + 0.3), (x, peak), (x + 0.13, peak + 0.3)], (28, 92 + tone, 48))


_GROUNDS: dict[str, Callable[[_Brush, str, random.Random], None]] = {
    "grass": _grass, "sea": _sea, "snow": _snow, "desert": _desert, "city": _city, "forest": _forest,
}  # fmt: skip
