"""Pictures of `p`, which a request names by their checksum: `p.init_images` and `p.image_mask`."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

from modules.vision import opening

if TYPE_CHECKING:
    from PIL import Image

    from modules.processing import StableDiffusionProcessing
    from modules.store.inputs import Inputs


def held(p: StableDiffusionProcessing, inputs: Inputs) -> tuple[dict[str, Any], Inputs]:
    """The request's fields for the pictures of `p`, and the inputs with those pictures in memory.

    One that is still as it came keeps its name, and with it everything that its file says.
    """
    fields = p.request_type.model_fields
    values: dict[str, Any] = {}
    if "init_images" in fields:
        given = [image for image in getattr(p, "init_images", None) or [] if image is not None]
        names = []
        for image in given:
            inputs, name = _named(image, inputs)
            names.append(name)
        values["init_images"] = tuple(names)
    for field, attribute in (("mask", "image_mask"), ("latent_mask", "latent_mask")):
        if field in fields:
            mask = getattr(p, attribute, None)
            values[field] = None
            if mask is not None:
                inputs, values[field] = _named(mask, inputs)
    return values, inputs


def opened(name: str | None, inputs: Inputs, what: str = "The picture") -> Image.Image | None:
    """A kept picture; None for none. Raises BadFile, which says `what` it is about, for what is no picture."""
    if name is None:
        return None
    image = opening.opened(inputs.read(name), what)
    image.kept_as = (name, _pixels(image))  # type: ignore[attr-defined]
    return image


def _named(image: Image.Image, inputs: Inputs) -> tuple[Inputs, str]:
    name, pixels = getattr(image, "kept_as", ("", ""))
    if name and pixels == _pixels(image):
        return inputs, name
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    inputs, (name,) = inputs.holding(out.getvalue())
    return inputs, name


def _pixels(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()
