"""Pictures of `p`, which a request names by their checksum: `p.init_images` and `p.image_mask`."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from modules.processing import StableDiffusionProcessing
    from modules.store.inputs import Inputs


def held(p: StableDiffusionProcessing, inputs: Inputs) -> tuple[dict[str, Any], Inputs]:
    """The request's fields for the pictures of `p`, and the inputs with those pictures in memory."""
    fields = p.request_type.model_fields
    values: dict[str, Any] = {}
    if "init_images" in fields:
        given = [image for image in getattr(p, "init_images", None) or [] if image is not None]
        inputs, names = inputs.holding(*map(_file, given))
        values["init_images"] = names
    for field, attribute in (("mask", "image_mask"), ("latent_mask", "latent_mask")):
        if field in fields:
            mask = getattr(p, attribute, None)
            values[field] = None
            if mask is not None:
                inputs, (values[field],) = inputs.holding(_file(mask))
    return values, inputs


def opened(name: str | None, inputs: Inputs) -> Image.Image | None:
    """A kept picture; None for none."""
    if name is None:
        return None
    with Image.open(BytesIO(inputs.read(name))) as image:
        image.load()
        return image.copy()


def _file(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
