"""A small classifier that names what the checker's image statistics cannot: objects, styles, scenes and times of day.

It is trained on drawn pictures alone, a part of them as the autoencoder gives them back, never on a generated one.
"""

import logging
import random
import time
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from starter import latents, state, vae
from starter.draw import scenes
from starter.draw.canvas import render
from starter.draw.kinds import KINDS
from starter.draw.palette import COLORS, jittered
from starter.draw.records import SCENES, STYLES, TIMES, Picture

log = logging.getLogger("starter")

FILE = Path(__file__).parent / "reader.safetensors"
SIDE = 128
HEADS: dict[str, tuple[str, ...]] = {
    "kind": tuple(KINDS), "scene": ("", *SCENES), "time": ("", *TIMES), "style": ("", *STYLES),
}  # fmt: skip
WITHOUT_LIGHT = ("line drawing", "blueprint", "silhouette")
"""Styles that do not show the time of day, or the ground."""
UNKNOWN = -100
"""The class of what a picture does not show; `cross_entropy` leaves it out."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the classifier takes a picture for; an empty string is no scene, no time of day, no style but flat."""

    kind: str
    scene: str
    time: str
    style: str


class Reader(nn.Module):
    """Five convolutions, and a linear reading per attribute from the mean and the maximum over the picture."""

    def __init__(self) -> None:
        super().__init__()
        widths, layers = (3, 24, 40, 64, 96, 128), list[nn.Module]()
        for i, (before, after) in enumerate(pairwise(widths)):
            stride = 2 if i < 4 else 1
            layers += [nn.Conv2d(before, after, 5 if i == 0 else 3, stride, 2 if i == 0 else 1), nn.BatchNorm2d(after)]
            layers.append(nn.ReLU())
        self.body = nn.Sequential(*layers)
        self.readings = nn.ModuleDict({name: nn.Linear(2 * widths[-1], len(v)) for name, v in HEADS.items()})

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Logits [B, classes] by attribute, of pixels [B, 3, 128, 128] in -1..1."""
        seen = self.body(pixels)
        both = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1)
        return {name: reading(both) for name, reading in self.readings.items()}


SHOWN = scenes.Mix(
    single=0.22, thing=0.5, counted=0.04, placed=0.04, paired=0.04, landscape=0.16,
    backdrops=(("plain", 0.6), ("scene", 0.28), ("gradient", 0.04), ("stripes", 0.04), ("dots", 0.04)),
    styled=0.5, spoiled=0.02,
)  # fmt: skip
"""What the classifier is trained on."""


def classes(picture: Picture) -> list[int]:
    """The right class of every head, or UNKNOWN where the picture does not show the attribute."""
    plain = not picture.style and not picture.fault
    light = picture.style not in WITHOUT_LIGHT and not picture.fault
    kinds = {thing.kind for thing in picture.things}
    return [
        HEADS["kind"].index(min(kinds)) if plain and len(kinds) == 1 else UNKNOWN,
        HEADS["scene"].index(picture.scene) if light else UNKNOWN,
        HEADS["time"].index(picture.time) if light else UNKNOWN,
        HEADS["style"].index(picture.style) if not picture.fault else UNKNOWN,
    ]


def _softened(image: Image.Image, rng: random.Random) -> np.ndarray:
    """Pixels a little as a model draws them: softer, or with uneven colours."""
    pixels = np.asarray(image, np.float32)
    if rng.random() < 0.3:
        pixels = pixels * rng.uniform(0.93, 1.05) + np.array([rng.uniform(-8, 8) for _ in range(3)], np.float32)
    if rng.random() < 0.35:
        half = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).reduce(2)
        pixels = (1 - (share := rng.uniform(0.2, 0.8))) * pixels + share * np.asarray(
            half.resize(image.size), np.float32
        )
    return pixels


def _picture(rng: random.Random) -> Picture:
    """A random record; its things have any colour that stands out, held out from the model's training or not."""
    picture = scenes.random_picture(rng, SHOWN)
    hidden = scenes.LOST.get(picture.scene, (picture.background,))
    color = rng.choice([color for color in COLORS if color not in hidden])
    rgb = jittered(rng, color)
    return replace(picture, things=tuple(replace(thing, color=color, rgb=rgb) for thing in picture.things))


def _drawn(rng: random.Random, count: int) -> tuple[Tensor, Tensor]:
    """Pixels [N, 3, 128, 128] and classes [N, heads] of fresh pictures."""
    pictures = [_picture(rng) for _ in range(count)]
    images = np.stack([_softened(render(picture), rng) for picture in pictures])
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1, torch.tensor([classes(p) for p in pictures])


def _restored(count: int) -> tuple[Tensor, Tensor]:
    """The same of pictures that went through the autoencoder, as bytes."""
    network, rng, parts = latents.frozen_vae(), random.Random(31), list[Tensor]()
    pictures = [_picture(rng) for _ in range(count)]
    for start in range(0, count, 50):
        images = np.stack([np.asarray(render(p)) for p in pictures[start : start + 50]])
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            back = vae.decoded(network, vae.encoded(network, pixels).mode())
        parts.append(((back.float().clamp(-1, 1) + 1) * 127.5).round().byte())
    return torch.cat(parts), torch.tensor([classes(p) for p in pictures])


def train(steps: int, batch: int = 48, rate: float = 3e-3) -> None:
    """Train the classifier, from the file on where there is one, and write it; logs its shares on fresh pictures."""
    torch.manual_seed(2)
    reader, rng, began = trained() if FILE.exists() else Reader(), random.Random(30), time.monotonic()
    reader.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    back, back_classes = _restored(2000)
    for step in range(1, steps + 1):
        pixels, right = _drawn(rng, batch * 3 // 4)
        chosen = torch.randint(len(back), (batch // 4,))
        pixels = torch.cat([pixels, back[chosen].float() / 127.5 - 1])
        with torch.autocast("cpu", torch.bfloat16):
            logits = reader(pixels)
        loss = _loss(logits, torch.cat([right, back_classes[chosen]]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0 or step == steps:
            state.record("reader", step=step, loss=loss.item(), seconds=time.monotonic() - began)
    save_file({k: v.half() if v.is_floating_point() else v for k, v in reader.state_dict().items()}, str(FILE))
    trained.cache_clear()
    log.info("reader on drawn pictures: %s", validated(1500))


def _loss(logits: dict[str, Tensor], right: Tensor) -> Tensor:
    return sum(
        (
            functional.cross_entropy(x.float(), right[:, i], ignore_index=UNKNOWN)
            for i, x in enumerate(logits.values())
            if (right[:, i] != UNKNOWN).any()
        ),
        torch.zeros(()),
    )


@cache
def trained() -> Reader:
    """The classifier in the file."""
    reader = Reader()
    reader.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(str(FILE)).items()})
    return reader.eval().requires_grad_(False)


def read(image: Image.Image) -> Read:
    """What an image of any size shows."""
    pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    logits = trained()(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1)
    return Read(*(values[int(logits[name].argmax())] for name, values in HEADS.items()))


def validated(count: int, seed: int = 77) -> dict[str, float]:
    """The share read right, by attribute, on fresh drawn pictures."""
    rng, right, asked = random.Random(seed), dict.fromkeys(HEADS, 0), dict.fromkeys(HEADS, 0)
    for _ in range(count):
        picture = replace(_picture(rng), fault="")
        found = read(render(picture))
        for name, wanted in zip(HEADS, classes(picture), strict=True):
            if wanted != UNKNOWN:
                asked[name] += 1
                right[name] += getattr(found, name) == HEADS[name][wanted]
    return {name: round(right[name] / max(1, asked[name]), 4) for name in HEADS}
