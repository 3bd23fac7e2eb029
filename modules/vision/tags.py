"""Tags of anime pictures, by a WD tagger: a folder with model.safetensors, config.json and selected_tags.csv.

The networks are timm's; which one, the folder's config.json says. Start with `Tagger`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from modules.foundation import torchvision_ops
from modules.foundation.errors import BadFile
from modules.vision.caption import first_line, normalised
from modules.vision.options import InterrogateOptions
from modules.vision.upscaler_network import Device
from modules.weights import reader

WEIGHTS, CONFIG, NAMES = "model.safetensors", "config.json", "selected_tags.csv"
RATING = "9"
"""The category of the tags that say how revealing a picture is; they are not named, as in A1111."""


class Tagger:
    """A tagger in memory. Raises BadFile if the folder holds something else."""

    def __init__(self, folder: Path, device: Device) -> None:
        if not all((folder / name).is_file() for name in (WEIGHTS, CONFIG, NAMES)):
            there = ", ".join(sorted(path.name for path in folder.iterdir())[:5])
            raise BadFile(
                f"{folder} holds no WD tagger: {WEIGHTS}, {CONFIG} and {NAMES} are needed, there is {there}. "
                "DeepDanbooru's own file cannot be read."
            )
        torchvision_ops.declare()
        import timm

        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            self._tags = _named(folder / NAMES)
            with reader.opened(folder / WEIGHTS) as file:
                weights = {key: file.tensor(key).float() for key in file.shapes}
            network = timm.create_model(
                config["architecture"], num_classes=len(self._tags), **config.get("model_args", {})
            )
            network.load_state_dict(weights)
            shown: Mapping[str, Any] = config.get("pretrained_cfg", config)
            self._side = int(shown["input_size"][-1])
            self._mean, self._deviation = tuple(shown["mean"]), tuple(shown["std"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise BadFile(f"{folder} holds no WD tagger that can be read ({first_line(error)}).") from error
        self._device = device
        self._network = network.to(device.device, torch.float16 if device.half else torch.float32).eval()

    @torch.inference_mode()
    def scores(self, image: Image.Image) -> dict[str, float]:
        """Every tag but the ratings with its score, 0..1."""
        side = max(image.size)
        square = Image.new("RGB", (side, side), "#ffffff")
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        square = square.resize((self._side, self._side), Image.Resampling.BICUBIC)
        # These networks were trained on blue, green, red.
        pixels = normalised(square, self._mean, self._deviation)[:, [2, 1, 0]]
        dtype = torch.float16 if self._device.half else torch.float32
        shares = self._network(pixels.to(self._device.device, dtype)).float().sigmoid()[0].tolist()
        return {name: share for (name, category), share in zip(self._tags, shares, strict=True) if category != RATING}


def spelled(scores: Mapping[str, float], options: InterrogateOptions) -> str:
    """The tags above the threshold, sorted and written as the settings want them."""
    dropped = {name.strip().replace(" ", "_") for name in options.deepbooru_filter_tags.split(",")}
    kept = {
        name: score
        for name, score in scores.items()
        if score >= options.interrogate_deepbooru_score_threshold and name not in dropped
    }
    names = sorted(kept) if options.deepbooru_sort_alpha else sorted(kept, key=lambda name: -kept[name])
    return ", ".join(_written(name, kept[name], options) for name in names)


def _written(name: str, score: float, options: InterrogateOptions) -> str:
    if options.deepbooru_use_spaces:
        name = name.replace("_", " ")
    if options.deepbooru_escape:
        name = re.sub(r"([\\()])", r"\\\1", name)
    return f"({name}:{score:.3f})" if options.interrogate_return_ranks else name


def _named(path: Path) -> list[tuple[str, str]]:
    """Name and category of each tag, in the network's order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["name"], row["category"]) for row in csv.DictReader(file)]
