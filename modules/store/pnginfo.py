"""The infotext inside picture files: writing it and reading it back, A1111's files included.

PNG has it in a text chunk called `parameters`, JPEG, WebP and AVIF in EXIF's UserComment, GIF in
its comment.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from modules.foundation.errors import BadFile

KEYWORD = "parameters"
FORMATS = {
    "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "gif": "GIF",
    "tif": "TIFF", "tiff": "TIFF", "bmp": "BMP",
}  # fmt: skip
"""Suffix without dot -> Pillow's name of the format."""
MUTE = ("TIFF", "BMP")
"""Formats in which A1111 writes no infotext; a text file beside the picture has it."""
LONGEST_SIDE = {"JPEG": 65535, "WEBP": 16383}
"""Pixels. What is larger is saved as PNG."""
LONGEST_COMMENT = 65000
"""Bytes of EXIF that a JPEG has room for, less the headers around the comment."""

_TECHNICAL = frozenset({
    "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "loop", "background", "timestamp", "duration",
    "progressive", "progression", "icc_profile", "chromaticity", "photoshop",
})  # fmt: skip
_EXIF = ExifTags.IFD.Exif
_USER_COMMENT = ExifTags.Base.UserComment


def encode(
    image: Image.Image,
    infotext: str | None,
    format: str,
    *,
    quality: int = 80,
    lossless: bool = False,
    items: Mapping[str, str] | None = None,
) -> bytes:
    """The picture as the bytes of a file of `format` (Pillow's name) with its infotext.

    `items` are further entries for PNG. A JPEG has room for some 32,000 characters (65,000 if all
    are ASCII); a longer text is left out, see `fits`.
    """
    out = BytesIO()
    if format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        for key, value in {**(items or {}), **({KEYWORD: infotext} if infotext else {})}.items():
            chunks.add_text(key, value)
        # Level 6, Pillow's own, takes three times as long for files 3% smaller.
        image.save(out, "PNG", pnginfo=chunks, compress_level=4)
    elif format in MUTE:
        image.save(out, format)
    elif format == "GIF":
        image.save(out, "GIF", **({"comment": infotext.encode()} if infotext else {}))
    else:
        told = {"exif": _exif(infotext)} if infotext and fits(infotext, format) else {}
        exact = {"lossless": lossless} if format == "WEBP" else {}
        _for_photos(image, format).save(out, format, quality=quality, **exact, **told)
    return out.getvalue()


def fits(infotext: str, format: str) -> bool:
    """Whether a file of this format can hold so long a text."""
    return format not in MUTE and (format != "JPEG" or len(_comment(infotext)) <= LONGEST_COMMENT)


def read(source: Image.Image | Path | bytes | IO[bytes]) -> tuple[str | None, dict[str, str]]:
    """The infotext of a picture (None without one) and its other texts by name.

    Raises BadFile if it is not a picture.
    """
    if isinstance(source, Image.Image):
        return _read(source)
    with opened(source) as image:
        return _read(image)


def opened(source: Path | bytes | IO[bytes]) -> Image.Image:
    """A picture, its pixels not decoded yet. Raises BadFile if it is none or is of absurd size."""
    named = source.name if isinstance(source, Path) else "The file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(BytesIO(source) if isinstance(source, bytes) else source)
    except UnidentifiedImageError:
        raise BadFile(f"{named} is not a picture that can be read; PNG, JPEG, WebP and the like can.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadFile(f"{named} has too many pixels; at most {Image.MAX_IMAGE_PIXELS:,} can be read.") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise BadFile(f"{named} cannot be read as a picture: {error}.") from None


def _read(image: Image.Image) -> tuple[str | None, dict[str, str]]:
    try:
        # A PNG's text may come after its pixels, where only a full read finds it.
        late = {}
        if isinstance(image, PngImagePlugin.PngImageFile) and KEYWORD not in image.info:
            late = image.text
        comment = _user_comment(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise BadFile(f"The picture is damaged: {error}.") from None
    items = {key: _text(value) for key, value in {**image.info, **late}.items() if _is_text(key, value)}
    infotext = items.pop(KEYWORD, None)
    if comment:
        items["exif comment"] = comment
        infotext = comment
    elif image.format == "GIF" and "comment" in items:
        infotext = items["comment"]
    if items.get("Software") == "NovelAI":
        infotext = _from_novelai(items, image.size) or infotext
    return infotext, items


def _is_text(key: Any, value: Any) -> bool:
    return isinstance(key, str) and key not in _TECHNICAL and isinstance(value, str | bytes | int | float)


def _text(value: Any) -> str:
    return value.decode("utf-8", "ignore") if isinstance(value, bytes) else str(value)


def _for_photos(image: Image.Image, format: str) -> Image.Image:
    """In a mode the format has; 16-bit grey becomes 8-bit by A1111's factor."""
    if image.mode.startswith("I"):
        return image.point(lambda level: level * 0.0038910505836576).convert("L")
    if format == "JPEG" and image.mode not in ("RGB", "L"):
        return image.convert("RGB")
    return image


def _exif(infotext: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(_EXIF)[_USER_COMMENT] = _comment(infotext)
    return exif.tobytes()


def _comment(infotext: str) -> bytes:
    """A UserComment as A1111 writes it; plain ASCII when UTF-16 would not fit into a JPEG."""
    wide = b"UNICODE\0" + infotext.encode("utf-16-be", "surrogatepass")
    return b"ASCII\0\0\0" + infotext.encode() if len(wide) > LONGEST_COMMENT and infotext.isascii() else wide


def _user_comment(image: Image.Image) -> str:
    comment = image.getexif().get_ifd(_EXIF).get(_USER_COMMENT)
    if isinstance(comment, str):
        return comment
    if not isinstance(comment, bytes):
        return ""
    code, body = comment[:8], comment[8:]
    if code == b"UNICODE\0":
        return _utf16(body)
    if code in (b"ASCII\0\0\0", bytes(8)):
        return body.decode("utf-8", "ignore").strip("\0")
    return comment.decode("utf-8", "ignore").strip("\0")


def _utf16(body: bytes) -> str:
    """Big-endian as A1111 writes it; some programs follow the file's own byte order instead."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "ignore")
    little = body[1::2].count(0) > body[0::2].count(0)
    return body.decode("utf-16-le" if little else "utf-16-be", "ignore")


def _from_novelai(items: Mapping[str, str], size: tuple[int, int]) -> str | None:
    """NovelAI's description and JSON comment as an infotext; None if they are not as expected."""
    try:
        told = json.loads(items["Comment"])
        lines = [items["Description"], f"Negative prompt: {told['uc']}"]
        sampler = _NOVELAI_SAMPLERS.get(told.get("sampler"), "Euler a")
        lines.append(
            f"Steps: {told['steps']}, Sampler: {sampler}, CFG scale: {told['scale']}, Seed: {told['seed']},"
            f" Size: {size[0]}x{size[1]}, Clip skip: 2, ENSD: 31337"
        )
    except (KeyError, ValueError, TypeError):
        return None
    return "\n".join(lines)


_NOVELAI_SAMPLERS = {
    "k_euler_ancestral": "Euler a", "k_euler": "Euler", "k_lms": "LMS", "k_heun": "Heun", "k_dpm_2": "DPM2",
    "k_dpm_2_ancestral": "DPM2 a", "k_dpmpp_2m": "DPM++ 2M", "k_dpmpp_2s_ancestral": "DPM++ 2S a",
    "k_dpmpp_sde": "DPM++ SDE", "k_dpmpp_2m_sde": "DPM++ 2M SDE", "ddim": "DDIM", "plms": "PLMS",
}  # fmt: skip
