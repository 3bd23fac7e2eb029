"""Renders a record. The same record gives the same pixels on every run."""

import random

from PIL import Image, ImageDraw

from starter.draw.kinds import KINDS, Pen
from starter.draw.palette import COLORS, Rgb, jittered
from starter.draw.records import Picture

SUPERSAMPLING = 2


def render(picture: Picture, size: int = 128) -> Image.Image:
    """The picture as a square RGB image of `size` pixels, antialiased by averaging 2x2 supersamples."""
    side = size * SUPERSAMPLING
    image = Image.new("RGB", (side, side), picture.background_rgb)
    _backdrop(image, picture)
    canvas = ImageDraw.Draw(image)
    for thing in picture.things:
        KINDS[thing.kind](Pen(canvas, thing.x * side, thing.y * side, thing.radius * side, thing.rgb))
    return image.reduce(SUPERSAMPLING)


def _backdrop(image: Image.Image, picture: Picture) -> None:
    """Paint what is behind the things; a plain backdrop is already there."""
    side, canvas, rng = image.width, ImageDraw.Draw(image), random.Random(picture.seed)
    if picture.backdrop == "gradient":
        ramp = Image.linear_gradient("L").resize((side, side))
        image.paste(
            Image.new("RGB", image.size, picture.second_rgb), (0, 0), ramp.rotate(rng.choice((0, 90, 180, 270)))
        )
    elif picture.backdrop == "stripes":
        width, upright = side // rng.randint(6, 10), rng.random() < 0.5
        for at in range(0, side, 2 * width):
            canvas.rectangle(
                (at, 0, at + width, side) if upright else (0, at, side, at + width), fill=picture.second_rgb
            )
    elif picture.backdrop == "dots":
        step = side // rng.randint(5, 8)
        for top in range(step // 2, side, step):
            for left in range(step // 2, side, step):
                canvas.ellipse(
                    (left - step / 5, top - step / 5, left + step / 5, top + step / 5), fill=picture.second_rgb
                )
    elif picture.backdrop == "clutter":
        _clutter(canvas, side, rng)


def _clutter(canvas: ImageDraw.ImageDraw, side: int, rng: random.Random) -> None:
    """Random overlapping forms and lines: teaches the autoencoder edges and colours that no caption mentions."""

    def somewhere() -> tuple[float, float]:
        return rng.uniform(-0.1, 1.1) * side, rng.uniform(-0.1, 1.1) * side

    def any_color() -> Rgb:
        return jittered(rng, rng.choice(list(COLORS)), 40)

    for _ in range(rng.randint(3, 14)):
        form = rng.random()
        if form < 0.4:
            canvas.polygon([somewhere() for _ in range(rng.randint(3, 5))], fill=any_color())
        elif form < 0.7:
            (x, y), rx, ry = somewhere(), rng.uniform(0.02, 0.3) * side, rng.uniform(0.02, 0.3) * side
            canvas.ellipse((x - rx, y - ry, x + rx, y + ry), fill=any_color())
        else:
            canvas.line([somewhere(), somewhere()], fill=any_color(), width=rng.randint(2, side // 20))
