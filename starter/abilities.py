"""What else a checkpoint must do: negative prompts, emphasis, image-to-image and inpainting, as shares of successes."""

import logging
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from starter import checker, reader
from starter.cases import cases
from starter.draw.kinds import OBJECTS, SHAPES
from starter.draw.palette import COLORS, to_lab
from starter.engine import Engine, engine
from starter.export import FILE

log = logging.getLogger("starter")


def negative_quality(studio: Engine) -> list[bool]:
    """Does the negative prompt "blurry, low quality" lower the blur measure of the same prompt and seed?"""
    out: list[bool] = []
    for number, case in enumerate(cases("object, seen", 30)):
        plain = studio.pictures(case.prompt, number, 2)
        better = studio.pictures(case.prompt, number, 2, negative_prompt="blurry, low quality")
        out += [checker.blur(b) < checker.blur(a) for a, b in zip(plain, better, strict=True)]
    return out


def negative_color(studio: Engine) -> list[bool]:
    """Does naming the colour that a shape came out in, in the negative prompt, give it another colour?"""
    rng, out = random.Random("negative color"), list[bool]()
    while len(out) < 60:
        kind, background = rng.choice(list(SHAPES)), rng.choice(("white", "black", "gray"))
        prompt, seed = f"a {kind} on a {background} background", rng.randrange(10**6)
        color = _color(studio.pictures(prompt, seed)[0])
        if color:
            out.append(_color(studio.pictures(prompt, seed, negative_prompt=color)[0]) != color)
    return out


def _color(image: Image.Image) -> str:
    things = checker.read(image, tuple(SHAPES)).things
    return things[0].color if things else ""


def emphasis(studio: Engine) -> list[bool]:
    """Does "(red:1.4) and blue" show more red than "(red:0.6) and blue" from the same seed?"""
    rng, out = random.Random("emphasis"), list[bool]()
    for number in range(20):
        one, two = rng.sample(list(COLORS), 2)
        more, less = (studio.pictures(f"({one}:{w}) and {two}", 50 * number, 3) for w in (1.4, 0.6))
        out += [checker.share(a, one) > checker.share(b, one) for a, b in zip(more, less, strict=True)]
    return out


def recolored(studio: Engine) -> list[bool]:
    """Does image-to-image at 0.5 keep the layout (overlap of the masks at least 0.6) and take on the new colour?"""
    rng, out = random.Random("recolored"), list[bool]()
    for number, case in enumerate(cases("single shape, seen", 40)):
        first, background = case.wanted.things[0], case.wanted.background
        color = rng.choice([c for c in COLORS if c not in (first.color, background)])
        before = studio.pictures(case.prompt, number)[0]
        prompt = case.prompt.replace(f" {first.color} ", f" {color} ", 1)
        after = studio.repainted(before, prompt, number, denoising_strength=0.5)
        out.append(_overlap(_mask(before), _mask(after)) >= 0.6 and _color(after) == color)
    return out


def inpainted(studio: Engine) -> list[bool]:
    """Does inpainting put the asked object inside the mask of a plain picture, by the classifier on that part?"""
    rng, out = random.Random("inpainted"), list[bool]()
    mask = Image.new("L", (128, 128), 0)
    mask.paste(255, (16, 16, 112, 112))
    for number in range(40):
        kind, (color, background) = rng.choice(list(OBJECTS)), rng.sample(list(COLORS), 2)
        plain = Image.new("RGB", (128, 128), COLORS[background])
        prompt = f"a {color} {kind} on a {background} background"
        made = studio.inpainted(plain, mask, prompt, number, inpaint_full_res=False, inpainting_fill=2)
        out.append(reader.read(made).kind == kind)
    return out


def _mask(image: Image.Image) -> np.ndarray:
    """What differs from the ground."""
    lab = to_lab(np.asarray(image.convert("RGB")))
    ground = np.median(np.concatenate([lab[:4].reshape(-1, 3), lab[-4:].reshape(-1, 3)]), axis=0)
    return ndimage.binary_opening(np.sqrt(((lab - ground) ** 2).sum(-1)) > checker.FOREGROUND_DISTANCE)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


ABILITIES: dict[str, Callable[[Engine], list[bool]]] = {
    'negative prompt "blurry, low quality" lowers the blur measure': negative_quality,
    "a colour in the negative prompt is gone": negative_color,
    "emphasis moves the share of the first colour as asked": emphasis,
    "image-to-image at 0.5 keeps the layout and changes the colour": recolored,
    "inpainting puts the object inside the mask": inpainted,
}


def measured(name: str, file: Path = FILE) -> tuple[str, tuple[float, int]]:
    """The ability's name, share of successes and number of tries."""
    torch.set_num_threads(1)
    with engine(file) as studio:
        tries = ABILITIES[name](studio)
    log.info("%s: %d of %d", name, sum(tries), len(tries))
    return name, (sum(tries) / len(tries), len(tries))
