"""Pictures from outside, of whatever kind, as the few modes that everything here works on. Start with `opened`."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from modules.foundation.errors import BadFile

LARGEST: Final = Image.MAX_IMAGE_PIXELS or 1 << 26
"""Pixels."""


def opened(data: bytes, name: str = "The picture") -> Image.Image:
    """A picture file's picture, upright, as 8-bit L, RGB or RGBA; its text is in `info`.

    Of several frames the first. Raises BadFile, beginning with `name`, if it is no picture, damaged, cut
    short or absurdly large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Pillow warns of much that does not matter, such as odd EXIF.
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(BytesIO(data)) as image:
                image.load()
                return plain(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise BadFile(f"{name} is not a picture that can be read; PNG, JPEG, WebP and the like can.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadFile(f"{name} has too many pixels; at most {LARGEST:,} can be read.") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError) as error:
        raise BadFile(f"{name} is damaged: {error}. Save it again and send the whole file.") from None


def plain(image: Image.Image) -> Image.Image:
    """The same picture as 8-bit L, RGB or RGBA; RGBA only where something may be transparent."""
    if image.mode in ("L", "RGB", "RGBA") and "transparency" not in image.info:
        return image
    info = {key: value for key, value in image.info.items() if key != "transparency"}
    if "transparency" in image.info or image.mode in ("LA", "PA", "La", "RGBa"):
        found = image.convert("RGBA")
    elif image.mode.startswith("I;16") or image.mode == "I":
        found = Image.fromarray((np.asarray(image, dtype=np.float64).clip(0, 65535) / 257).round().astype(np.uint8))
    elif image.mode == "F":
        # Of what floats mean there is no rule; most programs write 0..1.
        found = Image.fromarray((np.nan_to_num(np.asarray(image)).clip(0, 1) * 255).round().astype(np.uint8))
    else:
        found = image.convert("L" if image.mode == "1" else "RGB")
    found.info = info
    return found


def flattened(image: Image.Image, background: str) -> Image.Image:
    """RGB; where the picture is transparent one sees `background`, a colour such as "#ffffff".

    Raises BadFile for a colour that cannot be read.
    """
    if image.mode != "RGBA":
        return image.convert("RGB")
    try:
        whole = Image.new("RGBA", image.size, background)
    except ValueError:
        raise BadFile(
            f"The background colour for img2img, '{background}', is no colour; write one such as #ffffff."
        ) from None
    whole.paste(image, mask=image)
    return whole.convert("RGB")
