"""Files of postprocessed pictures: named after their source or numbered, with what was done to them inside.

A source is never overwritten by its result. Start with `save`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from PIL import Image

from modules.foundation import atomic
from modules.foundation.errors import UserError
from modules.foundation.settings import Snapshot
from modules.store import pnginfo
from modules.store.naming import cut
from modules.store.options import EmbeddedTextOptions, SavingOptions
from modules.store.outputs import ATTEMPTS, LONGEST_NAME

KEYWORD = "extras"
"""A1111's name of the PNG entry that says what was done."""


def encoded(
    image: Image.Image, text: str, entries: Mapping[str, str], settings: Snapshot, *, keyword: str = KEYWORD
) -> tuple[bytes, str]:
    """The picture as a file in the settings' format, and its suffix without dot.

    A PNG keeps the source's `entries` and adds `text` under `keyword`; other formats have room for `text` only. Raises
    UserError where the format cannot hold the picture.
    """
    saving = settings[SavingOptions]
    suffix = saving.samples_format.strip().lstrip(".").lower()
    format = pnginfo.FORMATS.get(suffix)
    if format is None or max(image.size) > pnginfo.LONGEST_SIDE.get(format, max(image.size)):
        format, suffix = "PNG", "png"
    written = settings[EmbeddedTextOptions].enable_pnginfo
    items = {**entries, **({keyword: text} if text else {})} if written else {}
    try:
        data = pnginfo.encode(
            image,
            text if written and format != "PNG" else None,
            format,
            quality=saving.jpeg_quality,
            lossless=saving.webp_lossless,
            items=items,
        )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"The picture cannot be saved as {suffix}: {error}. Choose another format.") from error
    return data, suffix


def save(data: bytes, suffix: str, folder: Path, stem: str | None, *, replacing: bool, kept: Collection[Path]) -> Path:
    """Write a file into `folder` and answer with its path: `stem` with `suffix`, or the next number without one.

    `replacing` overwrites what has that name, except for the files in `kept`. Raises UserError if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if stem is None:
            return _numbered(data, suffix, folder)
        stem = cut(re.sub(r"[/\\\0]", "_", stem), LONGEST_NAME - len(suffix)) or "picture"
        path = folder / f"{stem}.{suffix}"
        if replacing and path.resolve() not in kept:
            atomic.write(path, data)
            return path
        return _created(data, (folder / f"{stem}-{n}.{suffix}" if n else path for n in range(ATTEMPTS)))
    except OSError as error:
        raise UserError(f"The picture cannot be saved into {folder}: {error.strerror or error}.") from error


def _numbered(data: bytes, suffix: str, folder: Path) -> Path:
    numbers = (re.match(r"\d{1,15}", path.name) for path in folder.iterdir())
    first = max((int(found[0]) for found in numbers if found), default=-1) + 1
    return _created(data, (folder / f"{number:05}.{suffix}" for number in range(first, first + ATTEMPTS)))


def _created(data: bytes, paths: Iterable[Path]) -> Path:
    for path in paths:
        try:
            atomic.create(path, data)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(errno.EEXIST, f"{ATTEMPTS} names are taken already")
