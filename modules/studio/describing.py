"""Describing a picture as a job: A1111's interrogate, which gives a sentence or tags. Start with `run`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from modules.jobs.job import Job
from modules.store.inputs import NAME
from modules.vision.opening import opened

if TYPE_CHECKING:
    from modules.studio.context import Studio

KIND = "interrogate"


class Describe(BaseModel):
    """A picture, and what describes it: "clip" (BLIP's sentence with CLIP's flavours) or "deepdanbooru" (tags)."""

    model_config = ConfigDict(frozen=True)

    image: str = Field(pattern=NAME)
    model: Literal["clip", "deepdanbooru"] = "clip"


def register(studio: Studio, *, ready: bool) -> None:
    """Make the queue take descriptions; with `ready` also make them."""
    studio.jobs.register(KIND, Describe, partial(run, studio=studio) if ready else None)


def run(job: Job, studio: Studio) -> str:
    """The description. Raises NotFound, with the path where they belong, if the model's files are not there."""
    request = job.request
    assert isinstance(request, Describe)
    image = opened(studio.inputs.read(request.image))
    settings = studio.settings.snapshot
    job.phase("Describing the picture")
    if request.model == "clip":
        return studio.describer.caption(image, settings)
    return studio.describer.tags(image, settings)
