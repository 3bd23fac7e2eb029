"""A sentence about a picture, by BLIP (Li et al. 2022, arXiv:2201.12086) from a folder in transformers' layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modules.foundation import torchvision_ops
from modules.foundation.errors import BadFile
from modules.vision.upscaler_network import Device

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue, as CLIP and BLIP were trained with."""
UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError)
"""What transformers raises of folders whose files are damaged or of another kind."""


class Captioner:
    """BLIP in memory. Raises BadFile if the folder holds something else."""

    def __init__(self, folder: Path, device: Device) -> None:
        torchvision_ops.declare()
        from transformers import AutoTokenizer, BlipForConditionalGeneration

        try:
            self._words = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network = BlipForConditionalGeneration.from_pretrained(folder, local_files_only=True)
        except UNREADABLE as error:
            raise BadFile(f"{folder} holds no BLIP model for captions ({first_line(error)}).") from error
        self._network = network.to(device.device, torch.float16 if device.half else torch.float32).eval()  # type: ignore[arg-type]
        shapes: Any = network.config
        self._side: int = shapes.vision_config.image_size

    @torch.inference_mode()
    def caption(self, image: Image.Image, *, beams: int, shortest: int, longest: int) -> str:
        """The sentence, `shortest` to `longest` tokens long, the best of `beams` searched side by side."""
        pixels = normalised(image.resize((self._side, self._side), Image.Resampling.BICUBIC), MEAN, DEVIATION)
        tokens = self._network.generate(
            pixels.to(self._network.device, self._network.dtype),
            num_beams=beams,
            min_length=min(shortest, longest),
            max_length=longest,
        )
        return self._words.decode(tokens[0], skip_special_tokens=True).strip()


def normalised(image: Image.Image, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """An RGB picture as [1, 3, H, W], each channel less its mean and over its deviation."""
    pixels = torch.from_numpy(np.array(image, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    return (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def first_line(error: BaseException) -> str:
    """An error in few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
