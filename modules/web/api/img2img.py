"""POST /sdapi/v1/img2img: pictures out of pictures, with A1111's fields, defaults and answers. Start at `img2img`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from modules.engine import recipe
from modules.engine.request import Img2Img, SoftInpainting
from modules.foundation.errors import NotFound, UserError
from modules.studio import pasting
from modules.web.api import scripts
from modules.web.api.current import CurrentHost, CurrentStudio, CurrentUser
from modules.web.api.generation import answered, kept, resolved, submitted
from modules.web.api.schemas import ImagesReply, Img2ImgBody

if TYPE_CHECKING:
    from modules.host.scripts import Host
    from modules.jobs.job import Job
    from modules.studio.context import Studio

router = APIRouter(prefix="/sdapi/v1", tags=["generation"])

FROM_INFOTEXT: Final = frozenset((
    "steps", "sampler_name", "scheduler", "seed", "subseed", "subseed_strength", "seed_resize_from_w",
    "seed_resize_from_h", "refiner_checkpoint", "refiner_switch_at",
))  # fmt: skip
"""What A1111's API takes out of an infotext for pictures from pictures, settings apart."""
SOFT_INPAINTING: Final = "soft inpainting"


@router.post("/img2img")
async def img2img(body: Img2ImgBody, studio: CurrentStudio, host: CurrentHost, user: CurrentUser) -> ImagesReply:
    """Queue one job that starts from pictures, and answer with its images once it is done.

    As txt2img. `mask` is white where something new is to be painted.
    """
    if not body.init_images:
        raise HTTPException(404, "Init image not found")
    body = with_soft_inpainting(body, host)
    scripts.check(host, "img2img", body.script_name, body.alwayson_scripts)
    body, request, job = await to_thread.run_sync(queued, body, studio, user)
    return await answered(body, request, job, studio)


def queued(body: Img2ImgBody, studio: Studio, user: str | None) -> tuple[Img2ImgBody, Img2Img, Job]:
    """The body with its infotext read, the studio's request of it, and the job. Raises as `checked`."""
    body = with_infotext(body, studio)
    request = checked(body, studio)
    return body, request, submitted(body, request, studio, user)


def checked(body: Img2ImgBody, studio: Studio) -> Img2Img:
    """The studio's own request, its pictures put away. Raises UserError or HTTPException for what cannot be done."""
    changed = resolved(body, studio)
    many = len(body.init_images or ())
    if many > body.batch_size:
        # A1111's status and words.
        raise HTTPException(500, f"bad number of images passed: {many}; expecting {body.batch_size} or less")
    pictures = {
        "init_images": tuple(
            kept(studio, text, f"init_images[{number}]") for number, text in enumerate(body.init_images or ())
        ),
        "mask": kept(studio, body.mask, "The mask") if body.mask else None,
        "latent_mask": kept(studio, body.latent_mask, "latent_mask") if body.latent_mask else None,
    }
    values = {field: getattr(body, field) for field in Img2Img.model_fields}
    return Img2Img.model_validate({**values, **changed, **pictures})


def with_infotext(body: Img2ImgBody, studio: Studio) -> Img2ImgBody:
    """The body with what A1111 fills in from `infotext` where it says nothing itself."""
    if not body.infotext:
        return body
    snapshot = studio.settings.snapshot
    filled = recipe.api_fields(pasting.read(studio, body.infotext), snapshot, Img2Img)
    overrides = filled.pop("override_settings") | body.override_settings
    fields = {field: value for field, value in filled.items() if field in FROM_INFOTEXT}
    given = body.model_dump(include=set(body.model_fields_set))
    return Img2ImgBody.model_validate({**fields, **given, "override_settings": overrides})


def with_soft_inpainting(body: Img2ImgBody, host: Host) -> Img2ImgBody:
    """The body with the arguments of A1111's soft inpainting script as its field, where no extension takes them."""
    name = next((name for name in body.alwayson_scripts if name.lower() == SOFT_INPAINTING), None)
    if name is None or _has_soft_inpainting(host):
        return body
    told = body.alwayson_scripts[name]
    others = {other: value for other, value in body.alwayson_scripts.items() if other != name}
    arguments = told.get("args", []) if isinstance(told, dict) else None
    if not isinstance(arguments, list | tuple):
        raise UserError(f'alwayson_scripts["{name}"] must be an object with a list "args".')
    enabled, *values = arguments or (False,)
    fields: dict[str, Any] = dict(zip(SoftInpainting.model_fields, values, strict=False))
    soft = SoftInpainting.model_validate(fields) if enabled else None
    return body.model_copy(update={"alwayson_scripts": others, "soft_inpainting": soft})


def _has_soft_inpainting(host: Host) -> bool:
    try:
        host.find("img2img", SOFT_INPAINTING, always_on=True)
    except NotFound:
        return False
    return True
