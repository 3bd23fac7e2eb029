"""Reading the generation parameters out of a picture."""

from __future__ import annotations

import base64
import binascii

from fastapi import APIRouter

from modules.foundation.errors import BadFile
from modules.store import pnginfo
from modules.studio import pasting
from modules.web.api.current import CurrentStudio
from modules.web.api.schemas import PngInfoBody, PngInfoReply

router = APIRouter(prefix="/sdapi/v1", tags=["pictures"])


@router.post("/png-info")
def png_info(body: PngInfoBody, studio: CurrentStudio) -> PngInfoReply:
    """The parameters text of a picture, its other texts, and the parameters by label as the settings want them read."""
    text, items = pnginfo.read(decoded(body.image))
    return PngInfoReply(info=text or "", items=items, parameters=pasting.read(studio, text or ""))


def decoded(text: str) -> bytes:
    """The file in base64, with or without a `data:` prefix. Raises BadFile if it is neither."""
    bare = text.strip()
    if bare.startswith("data:"):
        bare = bare.partition(",")[2]
    try:
        return base64.b64decode("".join(bare.split()), validate=True)
    except (ValueError, binascii.Error):
        raise BadFile("The image is not base64; send the bytes of a picture file in base64.") from None
