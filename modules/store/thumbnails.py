"""Small pictures of large ones, made once and kept in a folder."""

from __future__ import annotations

import hashlib
import logging
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from modules.foundation import atomic
from modules.foundation.errors import BadFile

log = logging.getLogger(__name__)

SIDE: Final = 384
"""Pixels of a thumbnail's longer side: a card at twice the usual density."""


def thumbnail(picture: Path, folder: Path) -> bytes:
    """The picture as a WebP file no larger than SIDE, from `folder` if it was made before.

    Raises BadFile if the picture cannot be read.
    """
    try:
        about = picture.stat()
        name = hashlib.sha256(f"{picture}\0{about.st_mtime_ns}\0{about.st_size}".encode()).hexdigest()[:32]
        kept = folder / name[:2] / f"{name}.webp"
        try:
            return kept.read_bytes()
        except OSError:
            pass  # not made yet
        with Image.open(picture) as image:
            image.draft("RGB", (2 * SIDE, 2 * SIDE))
            small = ImageOps.exif_transpose(image).convert("RGBA" if "A" in image.getbands() else "RGB")
            small.thumbnail((SIDE, SIDE))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise BadFile(f"{picture.name} cannot be read as a picture ({error}).") from None
    out = BytesIO()
    small.save(out, "WEBP", quality=82)
    try:
        atomic.write(kept, out.getvalue())
    except OSError as error:
        log.info("The thumbnail of %s was not kept: %s", picture.name, error)
    return out.getvalue()
