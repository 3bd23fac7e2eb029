"""What an img2img request starts from: its pictures and mask at the size to paint. Start with `prepared`.

Pixels only; `img2img` makes latents of them. The order of the steps is A1111's.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from modules.engine import soft_inpainting
from modules.engine.options import Img2ImgOptions
from modules.foundation.errors import NotFound, UserError
from modules.store.options import SavingOptions
from modules.vision import masks
from modules.vision.opening import flattened, opened
from modules.vision.options import UpscalingOptions
from modules.vision.resize import JUST_RESIZE, LATENT, RESIZE_AND_FILL, Scale, lanczos, resized

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.engine.request import Img2Img
    from modules.engine.run import RunContext

log = logging.getLogger(__name__)

ORIGINAL: Final = 1
"""`inpainting_fill` that leaves the picture as it is under the mask."""
FILLS: Final = {0: "fill", 2: "latent noise", 3: "latent nothing"}
"""The others, as infotexts tell them."""
BLANK_MASK: Final = 'Unable to perform "Inpaint Only mask" because mask is blank, switch to img2img mode.'


@dataclass(frozen=True, slots=True)
class Painting:
    """Pictures to encode, RGB, of width x height pixels unless the latent is to be resized; one, or one for each image.

    `mask` (L) has their size; `latent_mask` is what the latent is masked with. `shown` are the pictures that the
    results are put back into, at the size of the results or, with a `place`, at their own; `shown_mask` (L) is
    what is painted in them. `told` are labels and values for infotexts. `sources` are the pictures as they came.
    """

    images: tuple[Image, ...]
    shown: tuple[Image, ...]
    sources: tuple[Image, ...] = field(repr=False)
    mask: Image | None = None
    latent_mask: Image | None = None
    shown_mask: Image | None = None
    place: masks.Box | None = None
    told: Mapping[str, object] = field(default_factory=dict)


def prepared(request: Img2Img, run: RunContext) -> Painting:
    """The request's pictures read and brought to size.

    Raises NotFound for one that is not kept, BadFile for one that cannot be read, UserError for what does not go
    together.
    """
    width, height = request.width // 8 * 8, request.height // 8 * 8
    sources = tuple(
        opened(run.inputs.read(name), f"Picture {i} to start from")
        for i, name in enumerate(request.init_images, start=1)
    )
    plain = tuple(flattened(image, run.settings[Img2ImgOptions].img2img_background_color) for image in sources)
    whole = _mask(request, run)
    told = _told(request, sources, run)
    place = None
    if whole is not None and request.inpaint_full_res:
        whole, place = _placed(request, whole, plain, (width, height))
        if place is None:
            whole = None
            run.report.comment(BLANK_MASK)
    if place is not None and whole is not None:
        told |= {"Inpaint area": "Only masked", "Masked area padding": request.inpaint_full_res_padding}
        mask, shown_mask, shown = resized(RESIZE_AND_FILL, whole.crop(place), width, height), whole, plain
    else:
        mode = JUST_RESIZE if request.resize_mode == LATENT else request.resize_mode
        mask = None if whole is None else resized(mode, whole, width, height)
        shown_mask = None if mask is None else masks.strengthened(mask)
        shown = tuple(resized(mode, image, width, height, scale(run)) for image in plain)
    latent_mask = _latent_mask(request, mask, (width, height), run)
    images = _to_encode(request, plain, shown, place, latent_mask, run)
    if latent_mask is not None and request.inpainting_fill in FILLS:
        told["Masked content"] = FILLS[request.inpainting_fill]
    return Painting(images, shown, sources, mask, latent_mask, shown_mask, place, told)


def scale(run: RunContext) -> Scale:
    """How pictures are brought to size: by the upscaler of the settings where they grow."""
    name = run.settings[UpscalingOptions].upscaler_for_img2img
    if name in (None, "", "None"):
        return lanczos
    try:
        run.upscalers.find(name)
    except NotFound as error:
        run.report.comment(f"{error}. The upscaler for img2img in the settings is not here; Lanczos was used.")
        return lanczos
    return partial(run.upscalers.to_size, name, settings=run.settings, cancel=run.cancel.check)


def _mask(request: Img2Img, run: RunContext) -> Image | None:
    """The mask as it came, inverted and blurred if that is asked for."""
    if request.mask is None:
        return None
    mask = masks.mask_of(opened(run.inputs.read(request.mask), "The mask"), rounded=rounds(request))
    if request.inpainting_mask_invert:
        mask = masks.inverted(mask)
    return masks.blurred(mask, request.mask_blur_x, request.mask_blur_y)


def rounds(request: Img2Img) -> bool:
    """Whether a cell of the latent is either painted or not."""
    return request.mask_round and request.soft_inpainting is None


def _placed(
    request: Img2Img, mask: Image, images: tuple[Image, ...], shape: tuple[int, int]
) -> tuple[Image, masks.Box | None]:
    """The mask at the pictures' size, and the part of them to paint; None where nothing is masked."""
    size = images[0].size
    if any(image.size != size for image in images):
        sizes = ", ".join(f"{image.width}x{image.height}" for image in images)
        raise UserError(
            f"The pictures of this batch have different sizes ({sizes}), so that one masked region cannot fit all: "
            "choose 'Whole picture' (inpaint_full_res false) or send them one by one."
        )
    if mask.size != size:
        mask = resized(request.resize_mode, mask, *size)
    box = masks.region(mask, request.inpaint_full_res_padding)
    return mask, None if box is None else masks.expanded(box, shape, size)


def _latent_mask(request: Img2Img, mask: Image | None, size: tuple[int, int], run: RunContext) -> Image | None:
    if mask is None or request.latent_mask is None:
        return mask
    found = opened(run.inputs.read(request.latent_mask), "The latent mask").convert("L")
    return masks.scaled(found, size)


def _to_encode(
    request: Img2Img,
    plain: tuple[Image, ...],
    shown: tuple[Image, ...],
    place: masks.Box | None,
    latent_mask: Image | None,
    run: RunContext,
) -> tuple[Image, ...]:
    """The pictures the latents are made of, what is masked filled unless it is to stay."""
    if place is not None:
        width, height = request.width // 8 * 8, request.height // 8 * 8
        images = tuple(resized(RESIZE_AND_FILL, image.crop(place), width, height, scale(run)) for image in plain)
    else:
        images = plain if request.resize_mode == LATENT else shown
    if latent_mask is None or request.inpainting_fill == ORIGINAL:
        return images
    return tuple(masks.filled(image, masks.scaled(latent_mask, image.size)) for image in images)


def _told(request: Img2Img, sources: tuple[Image, ...], run: RunContext) -> dict[str, object]:
    told: dict[str, object] = {"Denoising strength": request.denoising_strength}
    if run.settings[SavingOptions].save_init_img:
        told["Init image hash"] = hash_of(sources[-1])
    if request.mask is None:
        return told
    if request.soft_inpainting is not None:
        told |= soft_inpainting.recorded(request.soft_inpainting)
    if request.inpainting_mask_invert:
        told["Mask mode"] = "Inpaint not masked"
    if request.mask_blur_x > 0 or request.mask_blur_y > 0:
        told["Mask blur"] = request.mask_blur_x if request.mask_blur_x == request.mask_blur_y else None
    return told


def hash_of(source: Image) -> str:
    """The MD5 of a picture's pixels, under which A1111 keeps pictures that were started from."""
    return hashlib.md5(source.tobytes(), usedforsecurity=False).hexdigest()
