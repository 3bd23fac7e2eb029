"""Postprocessing and describing pictures: A1111's extras and interrogate routes, and the lists they choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException

from modules.foundation.errors import BadFile, Interrupted, NotFound
from modules.foundation.lenient import Int, Text
from modules.studio import describing, extras, inputs
from modules.studio.describing import Describe
from modules.studio.extras_request import Extras, Share, Source
from modules.vision.faces import NAMES as FACE_RESTORERS
from modules.vision.upscale import REAL_ESRGAN
from modules.web.api import pictures
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.api.pnginfo import decoded

if TYPE_CHECKING:
    from modules.studio.context import Studio
    from modules.studio.extras import ExtrasResult

router = APIRouter(prefix="/sdapi/v1", tags=["extras"])


class ExtrasBody(BaseModel):
    """What A1111's two extras routes share. `upscale_first` is accepted and, as there, changes nothing."""

    model_config = ConfigDict(extra="ignore")

    resize_mode: Int = Field(0, ge=0, le=1, description="0 by factor, 1 to a size")
    show_extras_results: bool = True
    gfpgan_visibility: Share = 0
    codeformer_visibility: Share = 0
    codeformer_weight: Share = 0
    upscaling_resize: float = Field(2, gt=0)
    upscaling_resize_w: Int = Field(512, ge=1)
    upscaling_resize_h: Int = Field(512, ge=1)
    upscaling_crop: bool = True
    upscaler_1: Text = "None"
    upscaler_2: Text = "None"
    extras_upscaler_2_visibility: Share = 0
    upscale_first: bool = False

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, values: Any) -> Any:
        return (
            {key: value for key, value in values.items() if value is not None} if isinstance(values, dict) else values
        )

    def request(self, images: tuple[Source, ...]) -> Extras:
        """The studio's own request of it. Nothing is saved, as in A1111."""
        values = {field: getattr(self, field) for field in type(self).model_fields if field in Extras.model_fields}
        return Extras.model_validate({**values, "images": images, "save_output": False})


class SingleBody(ExtrasBody):
    """One picture, in base64 or as a data URI."""

    image: str = ""


class BatchPicture(BaseModel):
    """A picture with the name of its file."""

    data: str
    name: Text


class BatchBody(ExtrasBody):
    """Several pictures."""

    imageList: list[BatchPicture]


class SingleReply(BaseModel):
    """`html_info` says what was done; `image` is in base64."""

    html_info: str
    image: str


class BatchReply(BaseModel):
    """`html_info` says what was done to the last picture."""

    html_info: str
    images: list[str]


class InterrogateBody(BaseModel):
    """A picture and the model to describe it: clip or deepdanbooru."""

    model_config = ConfigDict(extra="ignore")

    image: str | None = None
    model: Text = "clip"


@router.post("/extra-single-image")
async def single(body: SingleBody, studio: CurrentStudio, user: CurrentUser) -> SingleReply:
    """Upscale and restore one picture; answers when it is done."""
    result, images = await _done(body, [("", body.image)], studio, user)
    return SingleReply(html_info=result.html_info, image=images[0])


@router.post("/extra-batch-images")
async def batch(body: BatchBody, studio: CurrentStudio, user: CurrentUser) -> BatchReply:
    """Upscale and restore several pictures in the same way."""
    result, images = await _done(body, [(one.name, one.data) for one in body.imageList], studio, user)
    return BatchReply(html_info=result.html_info, images=images)


@router.post("/interrogate")
async def interrogate(body: InterrogateBody, studio: CurrentStudio, user: CurrentUser) -> dict[str, str]:
    """A description of the picture in words."""
    if body.image is None:
        raise HTTPException(404, "Image not found")
    if body.model not in ("clip", "deepdanbooru"):
        raise HTTPException(404, "Model not found")
    image = await to_thread.run_sync(_kept, studio, "", body.image)
    request = Describe(image=image.data, model="clip" if body.model == "clip" else "deepdanbooru")
    job = await to_thread.run_sync(lambda: studio.jobs.submit(describing.KIND, request, owner=user))
    return {"caption": await job.result()}


@router.get("/upscalers")
def upscalers(studio: CurrentStudio) -> list[dict[str, Any]]:
    """None, Lanczos and Nearest, then those of model files by name."""
    return [
        {
            "name": upscaler.name,
            "model_name": upscaler.model_name,
            "model_path": str(upscaler.file.path) if upscaler.file else None,
            "model_url": None,
            "scale": upscaler.scale,
        }
        for upscaler in studio.upscalers.listed()
    ]


@router.get("/face-restorers")
def face_restorers(studio: CurrentStudio) -> list[dict[str, str]]:
    """Face restorers, and the folders their files belong into."""
    return [{"name": name, "cmd_dir": str(studio.faces.folder(name))} for name in FACE_RESTORERS]


@router.get("/realesrgan-models")
def realesrgan_models(studio: CurrentStudio) -> list[dict[str, Any]]:
    """The published Real-ESRGAN models; `path` is null for those that are not here."""
    here = {upscaler.name: upscaler for upscaler in studio.upscalers.listed() if upscaler.file}
    return [
        {
            "name": name,
            "path": str(file.path) if (found := here.get(name)) and (file := found.file) else None,
            "scale": 2 if "2x" in name else 4,
        }
        for name in REAL_ESRGAN.values()
    ]


async def _done(
    body: ExtrasBody, given: list[tuple[str, str]], studio: Studio, user: str | None
) -> tuple[ExtrasResult, list[str]]:
    """The job's result and its pictures in base64. Raises what made it fail."""
    pictures.check_format(studio.settings.snapshot)
    for name in {body.upscaler_1, body.upscaler_2} - {"None"}:
        _check_upscaler(name, studio)
    sources = await to_thread.run_sync(lambda: tuple(_kept(studio, name, text) for name, text in given))
    request = body.request(sources)
    job = await to_thread.run_sync(lambda: studio.jobs.submit(extras.KIND, request, owner=user))
    result: ExtrasResult = await job.result()
    if not result.images:
        raise Interrupted
    return result, await to_thread.run_sync(pictures.encoded_all, result.images, studio.settings.snapshot)


def _check_upscaler(name: str, studio: Studio) -> None:
    """Raises HTTPException with A1111's status for a name nobody knows."""
    try:
        studio.upscalers.find(name)
    except NotFound as error:
        raise HTTPException(500, str(error)) from None


def _kept(studio: Studio, name: str, text: str) -> Source:
    """The picture of a base64 text, put away under its checksum. Raises HTTPException as A1111 does."""
    try:
        return Source(name=name, data=inputs.keep(studio, decoded(text), name or "The picture"))
    except BadFile as error:
        raise HTTPException(500, f"Invalid encoded image. {error}") from None
