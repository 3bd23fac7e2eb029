"""Pictures in replies, encoded as the settings say."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from modules.store import pnginfo
from modules.store.options import SavingOptions

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.foundation.settings import Snapshot
    from modules.studio.result import SavedImage

ENCODABLE = ("png", "jpg", "jpeg", "webp")


def check_format(snapshot: Snapshot) -> str:
    """The suffix replies are encoded as. Raises HTTPException for one that A1111's API cannot send either."""
    suffix = snapshot[SavingOptions].samples_format.strip().lstrip(".").lower()
    if suffix not in ENCODABLE:
        raise HTTPException(500, "Invalid image format")
    return suffix


def encoded_all(images: Iterable[SavedImage], snapshot: Snapshot) -> list[str]:
    """Bare base64 of each delivered picture, in order."""
    return [base64.b64encode(image.encoded(snapshot)[0]).decode() for image in images]


def encoded(image: Image, snapshot: Snapshot) -> str:
    """Bare base64 of a picture that has no infotext."""
    format = pnginfo.FORMATS[check_format(snapshot)]
    return base64.b64encode(pnginfo.encode(image, None, format, quality=snapshot[SavingOptions].jpeg_quality)).decode()
