"""Legends around a grid: a text over each column and left of each row, what is not in use greyed and struck through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

FONTS = ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf")
"""Tried in this order when the settings name none; Pillow's own knows Latin letters only."""

SMALLEST = 6
"""Pixels. Smaller letters cannot be read."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a legend."""

    text: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Style:
    """`font` is a file, "" for the first that is found; colours as Pillow reads them."""

    font: str = ""
    active: str = "#000000"
    inactive: str = "#999999"
    background: str = "#ffffff"


def annotated(
    grid: Image.Image,
    cell: tuple[int, int],
    over: Sequence[Sequence[Line]],
    beside: Sequence[Sequence[Line]],
    margin: int = 0,
    style: Style | None = None,
) -> Image.Image:
    """A grid of cells of `cell` pixels without gaps, with `margin` pixels put between them and legends around.

    `over` has the lines of every column, `beside` those of every row; texts are wrapped to the cell's width.
    """
    style = style or Style()
    width, height = cell
    columns, rows = len(over), len(beside)
    font = font_of(style, max((width + height) // 25, 10))
    left_width = width * 3 // 4 if any(line.text for lines in beside for line in lines) else 0
    tops = [_wrapped(lines, width, font) for lines in over]
    lefts = [_wrapped(lines, left_width - 8, font) for lines in beside]
    step = int(_height(font) * 1.4)
    top_height = max((len(lines) for lines in tops), default=0) * step + step if _any(tops) else 0
    sheet = Image.new(
        "RGB",
        (left_width + columns * width + margin * (columns - 1), top_height + rows * height + margin * (rows - 1)),
        style.background,
    )
    for row in range(rows):
        for column in range(columns):
            box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
            place = (left_width + (width + margin) * column, top_height + (height + margin) * row)
            sheet.paste(grid.crop(box), place)
    draw = ImageDraw.Draw(sheet)
    for column, lines in enumerate(tops):
        middle = left_width + (width + margin) * column + width // 2
        _draw(draw, lines, (middle, top_height // 2), width, font, step, style)
    for row, lines in enumerate(lefts):
        middle = top_height + (height + margin) * row + height // 2
        _draw(draw, lines, (left_width // 2, middle), left_width - 8, font, step, style)
    return sheet


def font_of(style: Style, size: int) -> Font:
    """The font of a style at `size` pixels."""
    for name in (style.font, *FONTS):
        try:
            return ImageFont.truetype(name, size) if name else _missing()
        except OSError:
            continue
    return ImageFont.load_default(size)


def _missing() -> Font:
    raise OSError("no font is named")


def _any(legends: Sequence[Sequence[Line]]) -> bool:
    return any(line.text for lines in legends for line in lines)


def _height(font: Font) -> float:
    box = font.getbbox("Ag")
    return box[3] - box[1]


def _wrapped(lines: Sequence[Line], width: int, font: Font) -> list[Line]:
    """The lines broken at blanks where they are wider than `width`; a longer word stays whole."""
    found: list[Line] = []
    for line in lines:
        current = ""
        for word in line.text.split(" "):
            longer = f"{current} {word}".strip()
            if current and font.getlength(longer) > width:
                found.append(Line(current, line.is_active))
                longer = word
            current = longer
        found.append(Line(current, line.is_active))
    return found


def _draw(
    draw: ImageDraw.ImageDraw,
    lines: Sequence[Line],
    middle: tuple[int, int],
    width: int,
    font: Font,
    step: int,
    style: Style,
) -> None:
    x, y = middle[0], middle[1] - len(lines) * step // 2 + step // 2
    for line in lines:
        colour = style.active if line.is_active else style.inactive
        fitting = _fitting(font, line.text, width, style)
        draw.text((x, y), line.text, colour, fitting, anchor="mm")
        if not line.is_active:
            half = fitting.getlength(line.text) / 2
            draw.line((x - half, y, x + half, y), colour, max(step // 14, 1))
        y += step


def _fitting(font: Font, text: str, width: int, style: Style) -> Font:
    """The font, or a smaller one in which a long word stays within `width` pixels as far as it can be read."""
    size = font.size if isinstance(font, ImageFont.FreeTypeFont) else 0
    while size > SMALLEST and font.getlength(text) > width:
        size -= 1
        font = font_of(style, int(size))
    return font
