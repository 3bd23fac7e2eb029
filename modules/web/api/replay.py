"""Making a picture again from its own infotext, and saying how much the two differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from modules.studio import replay
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.api.jobs import own_job
from modules.web.api.pnginfo import decoded

if TYPE_CHECKING:
    from modules.jobs.job import Job

router = APIRouter(prefix="/atelier/v1/replay", tags=["pictures"])


class ReplayBody(BaseModel):
    image: str = Field(description="base64 of a picture file with its parameters, with or without a data: prefix")
    wait: bool = Field(True, description="answer when the new picture is there, not at once")


class ReplayReply(BaseModel):
    """`verdict` is "identical", "different" or "other size", null until the job is done. `psnr` in dB over 8-bit RGB is
    null for identical pictures; `largest` is the greatest difference of a channel, 0..255, `share` the part of the
    pixels that differ. `remarks` is what differs in the recipe. `image` and `difference` are addresses.
    """

    job: str
    status: str
    error: str | None = None
    verdict: str | None = None
    psnr: float | None = None
    largest: int = 0
    share: float = 0.0
    remarks: list[str] = Field(default_factory=list)
    infotext: str | None = None
    image: str | None = None
    difference: str | None = None


@router.post("")
async def start(body: ReplayBody, request: Request, studio: CurrentStudio, user: CurrentUser) -> ReplayReply:
    """Make the picture again from its parameters and compare both. Nothing is saved.

    An error says why, if it cannot be made: no parameters, made from another picture, a grid.
    """
    job = await to_thread.run_sync(replay.submit, studio, decoded(body.image), user)
    if body.wait:
        await job.result()
    return _reply(job, request)


@router.get("/{id:path}")
def get(id: str, request: Request, studio: CurrentStudio, user: CurrentUser) -> ReplayReply:
    """How far a replay is, and what came of it."""
    return _reply(own_job(id, studio, user), request)


def _reply(job: Job, request: Request) -> ReplayReply:
    root = f"{request.scope.get('root_path', '')}/atelier/v1/jobs/{quote(job.id, safe='')}/images"
    found: dict[str, Any] = {}
    if isinstance(job.outcome, replay.Replayed):
        outcome = job.outcome
        found = {
            "verdict": outcome.verdict,
            "psnr": None if outcome.psnr is None or math.isinf(outcome.psnr) else outcome.psnr,
            "largest": outcome.largest,
            "share": outcome.share,
            "remarks": list(outcome.remarks),
            "infotext": outcome.infotext,
        }
    names = ("image", "difference")
    found |= {name: f"{root}/{number}" for number, name in enumerate(names) if number < len(job.images)}
    return ReplayReply(job=job.id, status=job.status, error=job.error, **found)
