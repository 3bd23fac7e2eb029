"""Phrases that fit a picture best, by CLIP (Radford et al. 2021, arXiv:2103.00020), out of lists a user has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from modules.foundation import torchvision_ops
from modules.foundation.errors import BadFile
from modules.vision.caption import DEVIATION, MEAN, UNREADABLE, first_line, normalised
from modules.vision.upscaler_network import Device

BATCH = 256
"""Phrases encoded at once."""


@dataclass(frozen=True, slots=True)
class Flavors:
    """A list of phrases of one category; the `top` nearest are named."""

    name: str
    top: int
    phrases: tuple[str, ...]


class Ranker:
    """CLIP in memory. Raises BadFile if the folder holds something else."""

    def __init__(self, folder: Path, device: Device) -> None:
        torchvision_ops.declare()
        from transformers import AutoTokenizer, CLIPModel

        try:
            self._words = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network = CLIPModel.from_pretrained(folder, local_files_only=True)
        except UNREADABLE as error:
            raise BadFile(f"{folder} holds no CLIP model ({first_line(error)}).") from error
        self._network = network.to(device.device, torch.float16 if device.half else torch.float32).eval()  # type: ignore[arg-type]
        shapes: Any = network.config
        self._side: int = shapes.vision_config.image_size
        self._length: int = shapes.text_config.max_position_embeddings

    @torch.inference_mode()
    def ranked(self, image: Image.Image, lists: Sequence[Flavors]) -> list[tuple[str, float]]:
        """The nearest phrases of each list with the share of likeness among their list, in percent."""
        size = (self._side, self._side)
        pixels = normalised(ImageOps.fit(image, size, Image.Resampling.BICUBIC), MEAN, DEVIATION)
        seen = self._network.vision_model(pixel_values=pixels.to(self._network.device, self._network.dtype))
        picture = torch.nn.functional.normalize(self._network.visual_projection(seen.pooler_output).float(), dim=-1)
        found: list[tuple[str, float]] = []
        for flavors in lists:
            likeness = (100 * picture @ self._encoded(flavors.phrases).T).softmax(-1)[0]
            best = likeness.topk(min(flavors.top, len(flavors.phrases)))
            found += [
                (flavors.phrases[index], float(share) * 100)
                for share, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
            ]
        return found

    def _encoded(self, phrases: Sequence[str]) -> Tensor:
        """Directions of the phrases, [N, D]."""
        parts: list[Tensor] = []
        for first in range(0, len(phrases), BATCH):
            words = self._words(
                list(phrases[first : first + BATCH]),
                padding=True,
                truncation=True,
                max_length=self._length,
                return_tensors="pt",
            ).to(self._network.device)
            read = self._network.text_model(input_ids=words["input_ids"], attention_mask=words["attention_mask"])
            directions = self._network.text_projection(read.pooler_output).float()
            parts.append(torch.nn.functional.normalize(directions, dim=-1))
        return torch.cat(parts)


def lists_in(folder: Path, limit: int) -> list[Flavors]:
    """The lists of a folder by name, at most `limit` phrases of each (0: all). `<name>.top3.txt` names three."""
    found: list[Flavors] = []
    for path in sorted(folder.glob("*.txt")):
        lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="ignore").splitlines()]
        phrases = tuple(line for line in lines if line)
        top = re.search(r"\.top(\d+)$", path.stem)
        if phrases:
            found.append(Flavors(path.stem, int(top[1]) if top else 1, phrases[: limit or None]))
    return found


def with_flavors(caption: str, ranked: Iterable[tuple[str, float]], *, ranks: bool) -> str:
    """The caption and the phrases after it; with `ranks` each with its weight, a hundredth of its percentage."""
    return ", ".join([caption, *(f"({phrase}:{share / 100:.3f})" if ranks else phrase for phrase, share in ranked)])
