"""Renders a record. The same record gives the same pixels on every run."""

import random

from PIL import Image, ImageChops, ImageDraw

from starter.draw import outdoors, styles
from starter.draw.kinds import KINDS, Pen
from starter.draw.palette import COLORS, Rgb, jittered
from starter.draw.records import Picture

SUPERSAMPLING = 2


def render(picture: Picture, size: int | tuple[int, int] = 128) -> Image.Image:
    """The picture as an RGB image of `size` (side, or width and height), antialiased by averaging 2x2 supersamples.

    Positions are fractions of width and height, radii of the shorter side.
    """
    width, height = (size, size) if isinstance(size, int) else size
    ground = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), picture.background_rgb)
    rng = random.Random(picture.seed)
    _backdrop(ground, picture, rng)
    image = ground.copy() if picture.style == "silhouette" else ground
    outdoors.paint_ground(image, picture.scene, picture.time, rng)
    canvas, side = ImageDraw.Draw(image), min(image.size)
    for thing in picture.things:
        x, y = thing.x * image.width, thing.y * image.height
        KINDS[thing.kind](Pen(canvas, x, y, thing.radius * side, thing.rgb))
    if picture.style == "silhouette":
        differs = ImageChops.difference(image, ground).convert("L").point(_SET)
        image = styles.silhouetted(differs, ground, bool(picture.scene), picture.seed)
    if picture.weather == "rain":
        outdoors.paint_rain(image, rng)
    image = image.reduce(SUPERSAMPLING)
    if picture.style not in ("", "silhouette"):
        image = styles.styled(image, picture.style, picture.seed)
    return styles.spoiled(image, picture.fault, picture.seed) if picture.fault else image


_SET = [0] * 5 + [255] * 251
"""Turns a difference of brightness into a mask."""


def _backdrop(image: Image.Image, picture: Picture, rng: random.Random) -> None:
    """Paint what is behind the things; a plain backdrop is already there."""
    side, canvas = min(image.size), ImageDraw.Draw(image)
    if picture.scene:
        outdoors.paint_sky(image, picture.scene, picture.time, picture.weather, rng)
    elif picture.backdrop == "split":
        _split(image, picture, rng)
    elif picture.backdrop == "gradient":
        ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180, 270))).resize(image.size)
        if picture.second:
            middle = 255 * picture.share
            ramp = ramp.point([min(255, max(0, int(127.5 + 2.2 * (at - middle)))) for at in range(256)])
        image.paste(Image.new("RGB", image.size, picture.second_rgb), (0, 0), ramp)
    elif picture.backdrop == "stripes":
        _stripes(canvas, image.size, picture, rng)
    elif picture.backdrop == "dots":
        step = side // rng.randint(5, 8) if not picture.second else side // 4
        spread = step / 5 if not picture.second else step * ((1 - picture.share) / 3.1416) ** 0.5
        for top in range(step // 2, image.height, step):
            for left in range(step // 2, image.width, step):
                canvas.ellipse((left - spread, top - spread, left + spread, top + spread), fill=picture.second_rgb)
    elif picture.backdrop == "clutter":
        _clutter(canvas, side, rng)


def _stripes(canvas: ImageDraw.ImageDraw, size: tuple[int, int], picture: Picture, rng: random.Random) -> None:
    """Upright or level stripes; of two named colours they are broad, and the first takes its share."""
    side = min(size)
    width, upright = side // rng.randint(6, 10), rng.random() < 0.5
    period, own = (side // 3, round(side // 3 * (1 - picture.share))) if picture.second else (2 * width, width)
    for at in range(0, size[0] if upright else size[1], period):
        box = (at, 0, at + own, size[1]) if upright else (0, at, size[0], at + own)
        canvas.rectangle(box, fill=picture.second_rgb)


def _split(image: Image.Image, picture: Picture, rng: random.Random) -> None:
    """Two fields side by side or one above the other; the first colour, on either side, takes its share."""
    (width, height), part = image.size, 1 - picture.share
    boxes = (
        (0, 0, width * part, height), (width * (1 - part), 0, width, height),
        (0, 0, width, height * part), (0, height * (1 - part), width, height),
    )  # fmt: skip
    ImageDraw.Draw(image).rectangle(rng.choice(boxes), fill=picture.second_rgb)


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
