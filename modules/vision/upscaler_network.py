"""A network that enlarges pictures: its file is read safely, the picture goes through it tile by tile.

Which architecture a file holds, spandrel tells by its keys. Start with `UpscalerNetwork`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from modules.foundation import torchvision_ops
from modules.foundation.errors import BadFile, OutOfMemory
from modules.weights import reader

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

log = logging.getLogger(__name__)

FALLBACK_TILE = 128
"""Pixels, where the device has no room for the tile that was asked for."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where networks run, and whether in 16 bits where they can."""

    device: torch.device
    half: bool = False


CPU = Device(torch.device("cpu"))


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of a picture in its pixels: `core` is what the tile gives, `window` what the network sees.

    Both are (left, top, right, bottom). A window may reach beyond the picture, whose edge pixels go on there.
    """

    core: tuple[int, int, int, int]
    window: tuple[int, int, int, int]

    def moved(self, right: int, down: int) -> Tile:
        """The tile at another place."""
        by = (right, down, right, down)
        (a, b, c, d), (e, f, g, h) = (
            [edge + way for edge, way in zip(box, by, strict=True)] for box in (self.core, self.window)
        )
        return Tile((a, b, c, d), (e, f, g, h))


class UpscalerNetwork:
    """One model file in memory, ready to run.

    Raises BadFile if it is no upscaler, UnsafeFile if loading it would run code.
    """

    def __init__(self, path: Path, device: Device | None = None) -> None:
        self._path = path
        self._modified = path.stat().st_mtime_ns if path.exists() else 0
        self._network = load(path)
        self._device = device or CPU
        self._half = self._device.half and self._network.supports_half
        self._network.to(self._device.device, torch.float16 if self._half else torch.float32)
        self.scale: int = self._network.scale

    def is_of(self, path: Path) -> bool:
        """Whether this is the file's network, as the file is now."""
        return path == self._path and path.exists() and path.stat().st_mtime_ns == self._modified

    @torch.inference_mode()
    def upscale(
        self,
        image: Image.Image,
        tile: int,
        overlap: int,
        cancel: Callable[[], None],
        progress: Callable[[int, int], None],
    ) -> Image.Image:
        """An RGB picture `scale` times as large, from tiles of `tile` pixels (0: from all of it at once).

        Each tile is seen with `overlap` pixels around it that are thrown away afterwards. So neither the
        tiles' size nor their seams can be seen where the overlap reaches as far as the network looks, and
        nothing larger than a tile is ever in floating point.
        """
        tiles = tuple(tiles_of(image.size, tile, overlap))
        result = Image.new("RGB", (image.width * self.scale, image.height * self.scale))
        progress(0, len(tiles))
        for number, part in enumerate(tiles, 1):
            cancel()
            for place, made in self._made(image, part, overlap):
                result.paste(made, (place[0] * self.scale, place[1] * self.scale))
            progress(number, len(tiles))
        return result

    def _made(self, image: Image.Image, part: Tile, overlap: int) -> Iterator[tuple[tuple[int, int], Image.Image]]:
        """The tile's core enlarged, with the place it belongs to; in pieces if the device has no room for it."""
        try:
            yield part.core[:2], self._core(image, part)
        except torch.OutOfMemoryError as error:
            left, top, right, bottom = part.core
            if max(right - left, bottom - top) <= FALLBACK_TILE:
                raise OutOfMemory(
                    f"The device has no room for {self._path.name} even in tiles of {FALLBACK_TILE} pixels. "
                    "Close other programs, or start with --use-cpu all."
                ) from error
            log.warning("No room for a tile of %dx%d; taking smaller ones.", right - left, bottom - top)
            if self._device.device.type == "cuda":
                torch.cuda.empty_cache()
            for smaller in tiles_of((right - left, bottom - top), FALLBACK_TILE, overlap):
                moved = smaller.moved(left, top)
                yield moved.core[:2], self._core(image, moved)

    def _core(self, image: Image.Image, part: Tile) -> Image.Image:
        made = self._run(seen(image, part.window))
        left, top = (part.core[0] - part.window[0]) * self.scale, (part.core[1] - part.window[1]) * self.scale
        width, height = (part.core[2] - part.core[0]) * self.scale, (part.core[3] - part.core[1]) * self.scale
        return to_image(made[..., top : top + height, left : left + width])

    def _run(self, pixels: Tensor) -> Tensor:
        """[1, 3, H, W] in 0..1 -> [1, 3, H * scale, W * scale]. What gives NaNs in 16 bits is asked again in 32."""
        network = self._network
        grey = network.input_channels == 1
        given = pixels.mean(1, keepdim=True) if grey else pixels
        made = network(given.to(network.device, network.dtype)).float()
        if self._half and not bool(torch.isfinite(made).all()):
            log.warning("%s gives no numbers in 16 bits; it goes on in 32.", self._path.name)
            self._half = False
            network.float()
            made = network(given.to(network.device, network.dtype)).float()
        return (made.expand(-1, 3, -1, -1) if made.shape[1] == 1 else made[:, :3]).cpu()


def load(path: Path) -> ImageModelDescriptor[torch.nn.Module]:
    """The network of an upscaler's file, on the CPU in 32 bits. Raises BadFile or UnsafeFile."""
    found = read_network(load_state(path), path.name)
    if found.purpose == "FaceSR":
        raise BadFile(f"{path.name} restores faces; it belongs into models/GFPGAN.")
    return found


def load_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a model file. Raises BadFile or UnsafeFile."""
    with reader.opened(path) as file:
        # A view of the file must not outlive it.
        return {key: file.tensor(key).clone() for key in file.shapes}


def read_network(state: dict[str, Tensor], name: str) -> ImageModelDescriptor[torch.nn.Module]:
    """The network that takes and gives pictures to which these tensors belong. Raises BadFile, naming `name`."""
    torchvision_ops.declare()
    import spandrel

    try:
        found = spandrel.ModelLoader(device="cpu").load_from_state_dict(spandrel.canonicalize_state_dict(state))
    except spandrel.UnsupportedModelError:
        raise BadFile(
            f"{name} is no network of a known architecture: its tensors are named like '{next(iter(state), '')}'. "
            "Move it to the folder of its kind, or get another file."
        ) from None
    except (RuntimeError, KeyError, ValueError, AssertionError, TypeError, IndexError) as error:
        problem = " ".join(str(error).split())[:200]
        raise BadFile(f"{name} is damaged or of an unknown variant ({problem}).") from None
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise BadFile(f"{name} is a network for another task ({found.architecture.name}), not for whole pictures.")
    return found.eval()


def tiles_of(size: tuple[int, int], tile: int, overlap: int) -> Iterator[Tile]:
    """Tiles of at most `tile` pixels that make up a picture, row by row; about equal, so that none is a sliver."""
    width, height = size
    for top, bottom in _spans(height, tile):
        for left, right in _spans(width, tile):
            yield Tile((left, top, right, bottom), (left - overlap, top - overlap, right + overlap, bottom + overlap))


def seen(image: Image.Image, window: tuple[int, int, int, int]) -> Tensor:
    """The pixels [1, 3, h, w] of a window. Beyond the picture its edge is repeated: nothing there would darken it."""
    left, top, right, bottom = window
    inside = (max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))
    around = (inside[0] - left, right - inside[2], inside[1] - top, bottom - inside[3])
    return functional.pad(to_tensor(image.crop(inside)), around, mode="replicate")


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB picture as pixels [1, 3, H, W] in 0..1."""
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def to_image(pixels: Tensor) -> Image.Image:
    """Pixels [1, 3, H, W] in about 0..1 as a picture."""
    levels = (pixels[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(levels.contiguous().numpy())


def _spans(length: int, tile: int) -> list[tuple[int, int]]:
    count = -(-length // tile) if tile > 0 else 1
    edges = [length * number // count for number in range(count + 1)]
    return list(pairwise(edges))
