"""Styles and faults: what is done to a finished flat picture, so that every motif exists in every one of them.

All sizes are fractions of the picture, so that a style looks alike at every resolution.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.float32]

PAPER = np.array((251, 248, 240), np.float32)


def styled(image: Image.Image, style: str, seed: int) -> Image.Image:
    """The flat picture in a style other than "silhouette", which needs to know what is foreground."""
    return _STYLES[style](image, np.random.default_rng(seed))


def silhouetted(foreground: Image.Image, ground: Image.Image, scene: bool, seed: int) -> Image.Image:
    """Black shapes where `foreground` (a mask) is set, before a glow in the ground's colour or before a scene's sky."""
    if not scene:
        glow = Image.radial_gradient("L").resize(ground.size)
        r, g, b = (max(60, int(c)) for c in np.asarray(ground)[0, 0])
        ground = Image.composite(Image.new("RGB", ground.size, (r, g, b)), Image.new("RGB", ground.size, GLOW), glow)
    return Image.composite(Image.new("RGB", ground.size, (10, 10, 14)), ground, foreground)


GLOW = (255, 246, 214)


def spoiled(image: Image.Image, fault: str, seed: int) -> Image.Image:
    """The picture with a fault that its caption will name."""
    rng, side = np.random.default_rng(seed), min(image.size)
    if fault == "blurry":
        return image.filter(ImageFilter.GaussianBlur(side * rng.uniform(0.022, 0.036)))
    if fault == "noisy":
        coarse, fine = _noise(image, rng, 0.03, 38.0), _noise(image, rng, 0.012, 22.0)
        return _image(_pixels(image) + coarse + fine)
    small = image.resize((image.width // 8 * 8 // 6, image.height // 8 * 8 // 6), Image.Resampling.BOX)
    rough = _pixels(small.resize(image.size, Image.Resampling.BILINEAR))
    return _image(128 + 0.55 * (rough - 128) + _noise(image, rng, 0.03, 12.0))


def _pixel_art(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Blocks of a thirty-second of the picture in few colours."""
    block = max(1, min(image.size) // 32)
    small = image.resize((image.width // block, image.height // block), Image.Resampling.BOX)
    few = Image.fromarray((np.asarray(small) // 52 * 52 + 24).astype(np.uint8))
    return few.resize(image.size, Image.Resampling.NEAREST)


def _line_drawing(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return _image(np.where(_edges(image)[..., None], np.float32(38), PAPER))


def _blueprint(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """White lines over a grid on blue."""
    out = np.empty((image.height, image.width, 3), np.float32)
    out[:] = (26, 62, 138)
    every = max(8, min(image.size) // 8)
    out[::every] = out[:, ::every] = (66, 104, 180)
    return _image(np.where(_edges(image)[..., None], np.float32(238), out))


def _watercolor(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Washed colours with wavering, darker edges, blotches, and a ragged margin of bare paper."""
    height, width, side = image.height, image.width, min(image.size)
    waver = 0.022 * side
    rows = np.arange(height)[:, None] + waver * _smooth(image.size, rng, 9)
    columns = np.arange(width)[None] + waver * _smooth(image.size, rng, 9)
    source = _pixels(image.filter(ImageFilter.GaussianBlur(0.008 * side)))
    moved = source[rows.astype(int).clip(0, height - 1), columns.astype(int).clip(0, width - 1)]
    soft = _pixels(_image(moved).filter(ImageFilter.GaussianBlur(0.02 * side)))
    wash = 255 - (255 - moved) * (0.72 + 0.2 * _smooth(image.size, rng, 7)[..., None])
    wash -= np.float32(0.5) * np.abs(moved - soft).max(-1, keepdims=True)
    near = np.minimum.outer(_from_edge(height), _from_edge(width)) + 0.022 * side * _smooth(image.size, rng, 13)
    inside = np.clip((near - 0.062 * side) / 3, 0, 1)[..., None].astype(np.float32)
    return _image((inside * wash + (1 - inside) * PAPER).astype(np.float32))


def _oil_painting(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Thick slanting strokes: edges torn along them, light and shade on every one."""
    strokes = _strokes(image.size, rng)
    shift = (strokes * 0.017 * min(image.size)).astype(int)
    rows = (np.arange(image.height)[:, None] - shift).clip(0, image.height - 1)
    columns = (np.arange(image.width)[None] + shift).clip(0, image.width - 1)
    torn = _pixels(image)[rows, columns]
    grey = torn.mean(-1, keepdims=True)
    return _image(grey + 1.1 * (torn - grey) + 30 * strokes[..., None] - 6)


def _pastel(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Pale chalk that lets the paper through."""
    source = _pixels(image.filter(ImageFilter.GaussianBlur(0.007 * min(image.size))))
    cover = 0.46 + 0.11 * _strokes(image.size, rng)[..., None]
    return _image(PAPER + (source - PAPER) * cover)


_STYLES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "pixel art": _pixel_art, "line drawing": _line_drawing, "watercolor": _watercolor,
    "oil painting": _oil_painting, "pastel": _pastel, "blueprint": _blueprint,
}  # fmt: skip


def _pixels(image: Image.Image) -> Pixels:
    return np.asarray(image, np.float32)


def _image(pixels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _edges(image: Image.Image) -> NDArray[np.bool_]:
    """Where neighbouring colours differ clearly, two to three 128ths of the picture wide."""
    gray = np.asarray(image, np.int16)
    down = np.abs(np.diff(gray, axis=0)).max(-1) > 26
    along = np.abs(np.diff(gray, axis=1)).max(-1) > 26
    out = np.zeros(gray.shape[:2], np.bool_)
    out[:-1] |= down
    out[1:] |= down
    out[:, :-1] |= along
    out[:, 1:] |= along
    for _ in range(min(image.size) // 128 - 1):
        out[1:] |= out[:-1].copy()
        out[:, 1:] |= out[:, :-1].copy()
    return out


def _noise(image: Image.Image, rng: np.random.Generator, grain: float, strength: float) -> Pixels:
    """Normal noise [h, w, 3] in square grains of this fraction of the picture."""
    cell = max(1, round(grain * min(image.size)))
    small = rng.standard_normal((-(-image.height // cell), -(-image.width // cell), 3), np.float32) * strength
    return small.repeat(cell, 0)[: image.height].repeat(cell, 1)[:, : image.width]


def _smooth(size: tuple[int, int], rng: np.random.Generator, cells: int) -> Pixels:
    """Soft noise [h, w], about -1..1, with this many waves across."""
    small = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32)


def _from_edge(length: int) -> Pixels:
    at = np.arange(length, dtype=np.float32)
    return np.minimum(at, length - 1 - at)


@cache
def _stroke_sheet(size: int) -> Pixels:
    """Slanting strokes, about -1..1, on a sheet twice the picture; every picture uses another cut-out of it."""
    rng, sheet = np.random.default_rng(3), size * 3
    long, short = sheet // (size // 4), sheet // max(1, size // 22)
    noise = rng.uniform(-1, 1, (short, long)).astype(np.float32)
    turned = (
        Image.fromarray(noise).resize((sheet, sheet), Image.Resampling.BICUBIC).rotate(38, Image.Resampling.BILINEAR)
    )
    edge = size // 2
    return np.asarray(turned, np.float32)[edge:-edge, edge:-edge]


def _strokes(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    sheet = _stroke_sheet(max(size))
    top, left = rng.integers(0, len(sheet) - size[1]), rng.integers(0, len(sheet) - size[0])
    return sheet[top : top + size[1], left : left + size[0]]
