"""Upscalers by name: None, Lanczos, Nearest and every model file there is. Start with `Upscalers`.

Nothing here imports torch; the first use of a model file does.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from modules.foundation.errors import NotFound, UserError
from modules.vision.options import UpscalingOptions

if TYPE_CHECKING:
    from modules.foundation.settings import Snapshot
    from modules.vision.upscaler_network import Device, UpscalerNetwork

LARGEST = 1 << 28
"""Pixels of a result or of what a pass makes on the way there, 16384x16384: 0.8 GB in memory."""
PASSES = 3
"""A1111 applies an upscaler this often at most."""
Pass = Callable[[Image.Image], Image.Image]
Cancel = Callable[[], None]
"""Raises Interrupted when the user wants to stop; asked between tiles."""
Progress = Callable[[int, int], None]
"""Told how many tiles are done, of how many."""


@dataclass(frozen=True, slots=True)
class UpscalerFile:
    """A model file. `kind` is the folder under `models/` it lies in: "ESRGAN", "SwinIR"."""

    kind: str
    path: Path


@dataclass(frozen=True, slots=True)
class Upscaler:
    """One entry of the list. `scale` is what its name promises; the file itself decides."""

    name: str
    scale: float = 4
    file: UpscalerFile | None = None

    @property
    def model_name(self) -> str | None:
        """What A1111's API calls so: the family's name, None without a file."""
        return _MODEL_NAMES.get(self.file.kind) if self.file else None


BUILT_IN = (Upscaler("None"), Upscaler("Lanczos"), Upscaler("Nearest"))
_RESAMPLING = {"Lanczos": Image.Resampling.LANCZOS, "Nearest": Image.Resampling.NEAREST}
_MODEL_NAMES = {"ESRGAN": "ESRGAN_4x", "SwinIR": "SwinIR 4x", "ScuNET": "ScuNET GAN"}


def ignore(_done: int, _total: int) -> None:
    """The Progress of those who do not care."""


def never() -> None:
    """The Cancel of those who cannot be stopped."""


class Upscalers:
    """What there is to upscale with. `files` is asked for the model files whenever the list is shown.

    Keeps the network used last. Any thread may ask for names; upscaling is for the device's thread.
    """

    def __init__(
        self, files: Callable[[], Iterable[UpscalerFile]] = tuple, device: Callable[[str], Device] | None = None
    ) -> None:
        """`device` says, for a kind, where its networks run and in how many bits; without it on the CPU."""
        self._files = files
        self._device = device
        self._lock = threading.Lock()
        self._loaded: UpscalerNetwork | None = None

    def listed(self) -> tuple[Upscaler, ...]:
        """The built-in ones, then those of model files by name."""
        found: dict[str, Upscaler] = {}
        for file in self._files():
            name = display_name(file)
            found.setdefault(name, Upscaler(name, _promised_scale(name), file))
        return (*BUILT_IN, *sorted(found.values(), key=lambda upscaler: upscaler.name.lower()))

    def names(self) -> list[str]:
        """Every name, in the order of `listed`."""
        return [upscaler.name for upscaler in self.listed()]

    def find(self, name: str) -> Upscaler:
        """The upscaler of this name. Raises NotFound, in A1111's words."""
        for upscaler in self.listed():
            if upscaler.name == name:
                return upscaler
        raise NotFound(f"could not find upscaler named {name}; there are: {', '.join(self.names())}")

    def upscale(
        self,
        name: str,
        image: Image.Image,
        scale: float,
        settings: Snapshot,
        *,
        cancel: Cancel = never,
        progress: Progress = ignore,
    ) -> Image.Image:
        """`image` made `scale` times as large, both sides cut down to multiples of 8, as A1111 does.

        The upscaler is applied up to three times until both sides suffice, then Lanczos makes the size
        exact. Transparency is scaled by Lanczos. Raises NotFound, BadFile for a model file that is
        something else, UserError for a size nobody could keep, and what `cancel` raises.
        """
        upscaler = self.find(name)
        width, height = (int(image.width * scale // 8 * 8), int(image.height * scale // 8 * 8))
        check_size(width, height)
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        if upscaler.file is None:
            return _applied(image, (width, height), scale, _pillow(name, scale))
        once = self._by_network(upscaler.file, image.size, (width, height), settings, cancel, progress)
        if image.mode != "RGBA":
            return _applied(image, (width, height), scale, once)
        colours = _applied(image.convert("RGB"), (width, height), scale, once)
        colours.putalpha(image.getchannel("A").resize(colours.size, Image.Resampling.LANCZOS))
        return colours

    def to_size(
        self,
        name: str | None,
        image: Image.Image,
        width: int,
        height: int,
        settings: Snapshot,
        *,
        cancel: Cancel = never,
        progress: Progress = ignore,
    ) -> Image.Image:
        """`image` at exactly this size: enlarged by the upscaler where it grows, then Lanczos.

        Greyscale pictures (masks), and those for no upscaler, are only resampled.
        """
        check_size(width, height)
        scale = max(width / image.width, height / image.height)
        if name not in (None, "None") and image.mode != "L" and scale > 1:
            image = self.upscale(name, image, scale, settings, cancel=cancel, progress=progress)
        return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)

    def forget(self) -> None:
        """Let go of the network in memory."""
        with self._lock:
            self._loaded = None

    def _by_network(
        self,
        file: UpscalerFile,
        now: tuple[int, int],
        wanted: tuple[int, int],
        settings: Snapshot,
        cancel: Cancel,
        progress: Progress,
    ) -> Pass:
        """One pass of a model file over pictures that come from size `now` to `wanted`."""
        network = self._network(file)
        tile, overlap = tiling(file.kind, settings)
        count, passed = _passes(now, wanted, network.scale), 0

        def once(image: Image.Image) -> Image.Image:
            nonlocal passed
            check_size(image.width * network.scale, image.height * network.scale, network.scale)
            before, whole = passed, max(count, passed + 1)
            passed += 1
            return network.upscale(
                image, tile, overlap, cancel, lambda done, total: progress(before * total + done, whole * total)
            )

        return once

    def _network(self, file: UpscalerFile) -> UpscalerNetwork:
        from modules.vision.upscaler_network import UpscalerNetwork

        with self._lock:
            if self._loaded is None or not self._loaded.is_of(file.path):
                self._loaded = None  # before the next one is read: two would not fit everywhere
                self._loaded = UpscalerNetwork(file.path, self._device(file.kind) if self._device else None)
            return self._loaded


def check_size(width: int, height: int, by_upscaler: float | None = None) -> None:
    """Raises UserError for a picture of no pixels or of more than could be kept."""
    if width < 1 or height < 1:
        raise UserError(f"A picture of {width}x{height} pixels would have nothing in it; choose a larger scale.")
    if width * height > LARGEST:
        side = math.isqrt(LARGEST)
        on_the_way = f" A pass of this upscaler makes it {by_upscaler:g} times as large." if by_upscaler else ""
        raise UserError(
            f"{width}x{height} pixels are more than can be kept ({side}x{side} in all).{on_the_way} "
            "Choose a smaller scale" + (" or an upscaler of a smaller one." if by_upscaler else ".")
        )


def tiling(kind: str, settings: Snapshot) -> tuple[int, int]:
    """Tile and overlap in pixels of the source, by the settings for this kind of upscaler."""
    options = settings[UpscalingOptions]
    if kind in ("DAT", "HAT"):
        return options.DAT_tile, options.DAT_tile_overlap
    if kind == "SwinIR":
        return options.SWIN_tile, options.SWIN_tile_overlap
    if kind == "ScuNET":
        return options.SCUNET_tile, options.SCUNET_tile_overlap
    return options.ESRGAN_tile, options.ESRGAN_tile_overlap


REAL_ESRGAN = {
    "realesr-general-x4v3": "R-ESRGAN General 4xV3",
    "realesr-general-wdn-x4v3": "R-ESRGAN General WDN 4xV3",
    "realesr-animevideov3": "R-ESRGAN AnimeVideo",
    "RealESRGAN_x4plus": "R-ESRGAN 4x+",
    "RealESRGAN_x4plus_anime_6B": "R-ESRGAN 4x+ Anime6B",
    "RealESRGAN_x2plus": "R-ESRGAN 2x+",
}
"""The published files' names and what A1111 lists them as."""
_OTHERS = {
    "DAT_x2": "DAT x2",
    "DAT_x3": "DAT x3",
    "DAT_x4": "DAT x4",
    "scunet_color_real_gan": "ScuNET GAN",
    "scunet_color_real_psnr": "ScuNET PSNR",
    "003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN": "SwinIR 4x",
}


def display_name(file: UpscalerFile) -> str:
    """The name in lists: A1111's for published files, else the file's without suffix."""
    stem = file.path.stem
    return REAL_ESRGAN.get(stem) or _OTHERS.get(stem) or stem


def _promised_scale(name: str) -> float:
    """The factor in a name such as "4x-Ultra" or "DAT x2"; 4 if there is none, as A1111 assumes."""
    found = re.search(r"(?<![\d.])(\d{1,2})x(?![a-z])|x(\d{1,2})(?!\d)", name, re.IGNORECASE)
    return float(found[1] or found[2]) if found else 4.0


def _passes(now: tuple[int, int], wanted: tuple[int, int], scale: float) -> int:
    """How often a network of this scale will be applied, to tell its progress."""
    if scale <= 1:
        return 1
    short = max(wanted[0] / now[0], wanted[1] / now[1])
    return min(max(math.ceil(math.log(max(short, 1), scale) - 1e-9), 1), PASSES)


def _applied(image: Image.Image, size: tuple[int, int], scale: float, once: Pass) -> Image.Image:
    for index in range(PASSES):
        # At a scale of 1 A1111 applies the upscaler once all the same, which sharpens or cleans the picture.
        if image.width >= size[0] and image.height >= size[1] and (index > 0 or scale != 1):
            break
        before = image.size
        image = once(image)
        if image.size == before:
            break
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def _pillow(name: str, scale: float) -> Pass:
    """One pass of an upscaler without a file. Its size is not cut to multiples of 8; `_applied` does that after."""
    if name == "None":
        return lambda image: image
    return lambda image: image.resize(
        (max(int(image.width * scale), 1), max(int(image.height * scale), 1)), _RESAMPLING[name]
    )
