"""Generating through the API: POST /sdapi/v1/txt2img queues a job and answers when it is done.

Whatever is wrong with a request is said before it is queued. Start at `txt2img`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from modules.engine import recipe
from modules.engine.high_res import LATENT_MODES
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.foundation.errors import BadFile, Interrupted, NotFound, UserError
from modules.sampling.catalog import resolve
from modules.studio import inputs, pasting
from modules.studio.deliver import NOT_SAVED
from modules.web.api import info, pictures, scripts, settings
from modules.web.api.current import CurrentHost, CurrentStudio, CurrentUser
from modules.web.api.pnginfo import decoded
from modules.web.api.schemas import GenerationBody, ImagesReply, Txt2ImgBody

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.context import Studio
    from modules.studio.result import Result

log = logging.getLogger(__name__)

router = APIRouter(prefix="/sdapi/v1", tags=["generation"])


@router.post("/txt2img")
async def txt2img(body: Txt2ImgBody, studio: CurrentStudio, host: CurrentHost, user: CurrentUser) -> ImagesReply:
    """Queue one text-to-image job and answer with its images once it is done.

    The call blocks as A1111's does; `GET /sdapi/v1/progress` follows it meanwhile. A job that is
    interrupted answers with what it had.
    """
    scripts.check(host, "txt2img", body.script_name, body.alwayson_scripts)
    # Files are looked up and the job is written down on another thread; the server answers others meanwhile.
    body, request, job = await to_thread.run_sync(queued, body, studio, user)
    return await answered(body, request, job, studio)


async def answered(body: GenerationBody, request: Request, job: Job, studio: Studio) -> ImagesReply:
    """The reply to a job, once it is done. Raises what made it fail."""
    try:
        result: Result | None = await job.result()
    except Interrupted:
        result = None
    if body.save_images and (reason := _not_saved(job)):
        raise UserError(f"{reason} The picture itself is kept as job '{job.id}' until some others are made.")
    made = result.request if result else request
    delivered = result.images if result else ()
    snapshot = studio.settings.snapshot.overridden(made.override_settings)
    images = await to_thread.run_sync(pictures.encoded_all, delivered, snapshot) if body.send_images else []
    return ImagesReply(images=images, parameters=body.echo(), info=info.of(made, delivered, job))


def queued(body: Txt2ImgBody, studio: Studio, user: str | None) -> tuple[Txt2ImgBody, Request, Job]:
    """The body with its infotext read, the studio's request of it, and the job. Raises as `checked`."""
    body = with_infotext(body, studio)
    request = checked(body, studio)
    return body, request, submitted(body, request, studio, user)


def submitted(body: GenerationBody, request: Txt2Img | Img2Img, studio: Studio, user: str | None) -> Job:
    """The job of a request, its settings kept for good if the body says so. Raises NotFound for what is not here."""
    _check_names(request, studio)
    if not body.override_settings_restore_afterwards:
        known = studio.settings.declared()
        settings.write({key: value for key, value in request.override_settings.items() if key in known}, studio)
    return studio.jobs.submit(request.kind, request, owner=user, id=body.force_task_id or None)


def checked(body: Txt2ImgBody, studio: Studio) -> Txt2Img:
    """The studio's own request. Raises UserError or HTTPException for what cannot be done."""
    values = {field: getattr(body, field) for field in Txt2Img.model_fields}
    changed = resolved(body, studio)
    picture = body.firstpass_image if body.enable_hr else None
    changed["firstpass_image"] = kept(studio, picture, "firstpass_image") if picture else None
    return Txt2Img.model_validate({**values, **changed})


def _check_names(request: Request, studio: Studio) -> None:
    """Raises NotFound for what a refiner and a second pass name and is not here, so that no such job is queued."""
    if request.refiner_checkpoint:
        studio.catalog.closest_checkpoint(request.refiner_checkpoint)
    if not isinstance(request, Txt2Img) or not request.enable_hr:
        return
    if request.hr_sampler_name:
        resolve(request.hr_sampler_name, request.hr_scheduler)
    if request.hr_upscaler and request.hr_upscaler not in {mode.name for mode in LATENT_MODES}:
        studio.upscalers.find(request.hr_upscaler)
    if request.hr_checkpoint_name:
        studio.catalog.closest_checkpoint(request.hr_checkpoint_name)


def kept(studio: Studio, text: str, name: str) -> str:
    """The name of the picture in a base64 text. Raises HTTPException as A1111 does."""
    if text.startswith(("http://", "https://")):
        raise HTTPException(500, "Requests not allowed: send the picture itself in base64, not an address of it.")
    try:
        return inputs.keep(studio, decoded(text), name)
    except BadFile as error:
        raise HTTPException(500, f"Invalid encoded image. {error}") from None


def resolved(body: GenerationBody, studio: Studio) -> dict[str, Any]:
    """The fields that a request has otherwise than the body. Raises as `checked`."""
    name = body.sampler_name or body.sampler_index
    try:
        resolve(name, body.scheduler or "")
    except NotFound:
        raise HTTPException(400, "Sampler not found") from None
    overrides = _known_checkpoint(body.override_settings, studio)
    studio.settings.snapshot.overridden(overrides)
    return {
        "sampler_name": name,
        "scheduler": body.scheduler or "",
        "override_settings": overrides,
        "do_not_save_samples": not body.save_images,
        "do_not_save_grid": not body.save_images,
    }


def with_infotext(body: Txt2ImgBody, studio: Studio) -> Txt2ImgBody:
    """The body with the fields filled in from `infotext` that it does not set itself.

    Labels that belong to settings become overrides, unless the body has those too.
    """
    if not body.infotext:
        return body
    snapshot = studio.settings.snapshot
    labels = pasting.read(studio, body.infotext)
    filled = recipe.api_fields(labels, snapshot)
    overrides = filled.pop("override_settings") | body.override_settings
    filled["enable_hr"] = recipe.asks_for_hires(labels)
    given = body.model_dump(include=set(body.model_fields_set))
    return Txt2ImgBody.model_validate({**filled, **given, "override_settings": overrides})


def _not_saved(job: Job) -> str | None:
    """Why a picture that was to be saved was not."""
    return next((text.removeprefix(NOT_SAVED) for text in job.comments if text.startswith(NOT_SAVED)), None)


def _known_checkpoint(overrides: dict[str, Any], studio: Studio) -> dict[str, Any]:
    """The overrides without a checkpoint that is not here: as in A1111 the chosen one is used then."""
    wanted = overrides.get("sd_model_checkpoint")
    if wanted is None:
        return overrides
    try:
        return {**overrides, "sd_model_checkpoint": studio.catalog.find_checkpoint(str(wanted)).title}
    except NotFound as error:
        log.warning("A request's sd_model_checkpoint is not used. %s", error)
        return {key: value for key, value in overrides.items() if key != "sd_model_checkpoint"}
