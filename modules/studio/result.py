"""What comes of a generation: its pictures, where they are saved, and what is to be said of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from modules.engine.request import Request
from modules.foundation.errors import NotFound
from modules.foundation.settings import Snapshot
from modules.store import pnginfo
from modules.store.options import EmbeddedTextOptions, SavingOptions


@dataclass(frozen=True, slots=True, eq=False)
class SavedImage:
    """One picture. `path` is None if it was not saved; `image` None once it can be read from `path`.

    `width` and `height` are pixels. Of a grid, seed, prompts and infotext are the first picture's, and of one that is
    `beside` another, such as its mask, the other's. `disposable` means that the request asked not to save it: it is
    kept only while it is new.
    """

    path: Path | None
    image: Image.Image | None
    infotext: str
    seed: int
    subseed: int
    prompt: str
    negative_prompt: str
    width: int
    height: int
    grid: bool = False
    beside: bool = False
    disposable: bool = False

    def open(self) -> Image.Image:
        """The picture. Raises NotFound if it was not saved, or its file is gone."""
        if self.image is not None:
            return self.image
        if self.path is None:
            raise NotFound("The picture was not saved and is no longer in memory.")
        try:
            with Image.open(self.path) as image:
                return image.copy()
        except OSError as error:
            raise NotFound(f"{self.path} cannot be read any more: {error.strerror or error}.") from None

    def loaded(self) -> SavedImage:
        """The same with its pixels in memory. Raises NotFound as `open`."""
        return self if self.image is not None else replace(self, image=self.open())

    def encoded(self, settings: Snapshot) -> tuple[bytes, str]:
        """The picture as a file with its infotext, in the settings' format, and that format's suffix.

        The saved file itself if it has this format. Raises NotFound as `open`.
        """
        suffix = settings[SavingOptions].samples_format.strip().lstrip(".").lower()
        if suffix not in pnginfo.FORMATS:
            suffix = "png"
        if self.path is not None and self.path.suffix == f".{suffix}":
            try:
                return self.path.read_bytes(), suffix
            except OSError:
                pass  # deleted meanwhile; it may still be in memory
        infotext = self.infotext if settings[EmbeddedTextOptions].enable_pnginfo else None
        quality, lossless = settings[SavingOptions].jpeg_quality, settings[SavingOptions].webp_lossless
        format = pnginfo.FORMATS[suffix]
        return pnginfo.encode(self.open(), infotext, format, quality=quality, lossless=lossless), suffix

    def slim(self) -> SavedImage:
        """The same without its pixels, if they are on disk or nobody wanted to keep them."""
        return replace(self, image=None) if self.path or self.disposable else self


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """`images` has the grid first if there is one. `request` has its seeds drawn.

    `seconds` is how long it took, `started_at` seconds since the epoch. What model made it, the
    infotexts say.
    """

    request: Request
    images: tuple[SavedImage, ...]
    comments: tuple[str, ...]
    seconds: float
    started_at: float

    @property
    def samples(self) -> tuple[SavedImage, ...]:
        """The pictures without the grid and without what is beside one."""
        return tuple(image for image in self.images if not (image.grid or image.beside))

    @property
    def infotexts(self) -> tuple[str, ...]:
        """One an image, in their order."""
        return tuple(image.infotext for image in self.images)

    @property
    def index_of_first_image(self) -> int:
        """1 if a grid comes first, else 0."""
        return sum(image.grid for image in self.images)

    def slim(self) -> Result:
        return replace(self, images=tuple(image.slim() for image in self.images))
