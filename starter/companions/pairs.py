"""Pictures and their smaller copies: what the upscalers learn from, and the held-out ones they are judged on.

Drawn pictures come from `starter.draw`, photographs from the sample data of scikit-image: only those whose notes say
that they are in the public domain or CC0.
"""

import importlib.util
import math
import random
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageStat
from torch import Tensor, nn
from torch.nn import functional

from starter.draw.canvas import render
from starter.draw.scenes import FULL, random_picture

CLEAN = replace(FULL, spoiled=0.0)
"""The starter's own mix without its spoiled pictures: what is blurred on purpose should not be sharpened."""
TRAINING_PHOTOS = (
    *("astronaut.png", "brick.png", "camera.png", "clock_motion.png", "gravel.png"),
    *("hubble_deep_field.jpg", "retina.jpg", "rocket.jpg"),
)
HELD_OUT_PHOTOS = ("chelsea.png", "coffee.png", "grass.png")
AROUND = 16
Enlarge = Callable[[Image.Image], Image.Image]


def photographs(names: tuple[str, ...]) -> list[Image.Image]:
    """Photographs out of scikit-image's folder. Raises FileNotFoundError if it is not installed."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise FileNotFoundError("scikit-image is not installed; `./webui-user.sh install test` brings it.")
    folder = Path(package.origin).parent / "data"
    return [Image.open(folder / name).convert("RGB") for name in names]


def drawings(use: str, count: int, size: int) -> list[Image.Image]:
    """Drawn pictures; those of another `use` ("training", "held out") have other seeds."""
    return [render(random_picture(random.Random(f"upscaler/{use}/{number}"), CLEAN), size) for number in range(count)]


class Crops:
    """Batches of crops with their smaller copies: 70 % of drawings, 30 % of photographs."""

    def __init__(self, scale: int, size: int = 36, count: int = 240) -> None:
        """`size` is of the smaller copy, in pixels; `count` drawings are drawn."""
        self._scale, self.size = scale, size
        self._drawings = drawings("training", count, 384)
        self._photos = photographs(TRAINING_PHOTOS)

    def batch(self, count: int, rng: random.Random) -> tuple[Tensor, Tensor]:
        """The smaller copies [count, 3, size, size] and the crops [count, 3, size * scale, ...], both in 0..1."""
        pairs = [self._pair(rng) for _ in range(count)]
        return torch.cat([pixels(small) for small, _ in pairs]), torch.cat([pixels(large) for _, large in pairs])

    def _pair(self, rng: random.Random) -> tuple[Image.Image, Image.Image]:
        image = rng.choice(self._drawings if rng.random() < 0.7 else self._photos)
        side = self.size * self._scale
        if rng.random() < 0.5:  # the same things in another size
            factor = rng.uniform(max(0.6, side / min(image.size)), 1.0)
            image = image.resize(
                (math.ceil(image.width * factor), math.ceil(image.height * factor)), Image.Resampling.LANCZOS
            )
        # Of three places the busiest: in plain areas there is little to learn.
        places = [(rng.randint(0, image.width - side), rng.randint(0, image.height - side)) for _ in range(3)]
        crops = [image.crop((left, top, left + side, top + side)) for left, top in places]
        large = max(crops, key=lambda crop: sum(ImageStat.Stat(crop).var)) if rng.random() < 0.8 else crops[0]
        for turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.TRANSPOSE):
            if rng.random() < 0.5:
                large = large.transpose(turn)
        return smaller(large, self._scale, rng), large


def ramps(count: int, size: int, scale: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Batches as of `Crops.batch`, of plain colours, gradients and slow waves, made smaller by averaging."""
    side = size * scale
    rows, columns = torch.meshgrid(*[torch.linspace(-0.5, 0.5, side)] * 2, indexing="ij")
    made: list[Tensor] = []
    for number in range(count):
        angle, turns = rng.uniform(0, math.tau), rng.uniform(0.2, size / 10)
        way = math.cos(angle) * rows + math.sin(angle) * columns
        shape = (torch.zeros_like(way), way * 0.9, torch.sin(way * math.tau * turns) / 2)[number % 3]
        middles, heights = [rng.uniform(0.4, 0.6) for _ in range(3)], [rng.uniform(-0.8, 0.8) for _ in range(3)]
        if number % 3 == 0:
            middles = [rng.random() for _ in range(3)]
        made.append(torch.stack([middle + height * shape for middle, height in zip(middles, heights, strict=True)]))
    large = torch.stack(made).clamp(0, 1)
    return functional.avg_pool2d(large, scale), large


def smaller(image: Image.Image, scale: int, rng: random.Random) -> Image.Image:
    """The picture made smaller in one of the usual ways; now and then blurred or stored as JPEG besides."""
    if rng.random() < 0.05:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.25 * scale)))
    ways = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BOX)
    way = rng.choices(ways, (0.6, 0.2, 0.1, 0.1))[0]
    small = image.resize((image.width // scale, image.height // scale), way)
    if rng.random() < 0.08:
        stored = BytesIO()
        small.save(stored, "JPEG", quality=rng.randint(70, 95))
        small = Image.open(stored).convert("RGB")
    return small


def gains(enlarge: Enlarge, scale: int, count: int = 40) -> dict[str, float]:
    """PSNR above that of bicubic enlargement, in dB, on held-out pictures made smaller by bicubic averaging."""
    groups = {"drawings": drawings("held out", count, 256), "photographs": photographs(HELD_OUT_PHOTOS)}
    return {
        name: round(float(np.mean([_gain(enlarge, scale, image) for image in group])), 2)
        for name, group in groups.items()
    }


def by(network: nn.Module, scale: int) -> Enlarge:
    """A network as a function of pictures; they are continued beyond their edges first, as Atelier does."""

    @torch.inference_mode()
    def enlarge(image: Image.Image) -> Image.Image:
        around = functional.pad(pixels(image), (AROUND,) * 4, mode="replicate")
        cut = slice(AROUND * scale, -AROUND * scale)
        made = network(around)[0, :, cut, cut].clamp(0, 1)
        return Image.fromarray((made * 255).round().byte().permute(1, 2, 0).contiguous().numpy())

    return enlarge


def _gain(enlarge: Enlarge, scale: int, image: Image.Image) -> float:
    whole = image.crop((0, 0, image.width // scale * scale, image.height // scale * scale))
    small = whole.resize((whole.width // scale, whole.height // scale), Image.Resampling.BICUBIC)
    return psnr(enlarge(small), whole) - psnr(small.resize(whole.size, Image.Resampling.BICUBIC), whole)


def psnr(ours: Image.Image, truth: Image.Image) -> float:
    """In dB over 8-bit RGB."""
    error = np.mean((np.asarray(ours, dtype=np.float64) - np.asarray(truth, dtype=np.float64)) ** 2)
    return 10 * math.log10(255**2 / max(float(error), 1e-3))


def pixels(image: Image.Image) -> Tensor:
    """[1, 3, H, W] in 0..1."""
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
