"""How far the running job is, and stopping it."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from modules.studio import checkpoints
from modules.web.api import pictures
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.api.schemas import ProgressReply, State, TaskBody, TaskReply

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.context import Studio

router = APIRouter(tags=["progress"])


@router.get("/sdapi/v1/progress")
def progress(studio: CurrentStudio, user: CurrentUser, skip_current_image: bool = False) -> ProgressReply:
    """Progress of the running job, all zero when there is none. The picture is shown to its owner only."""
    job = studio.jobs.current
    if job is None:
        return ProgressReply()
    if job.kind == checkpoints.KIND:
        # A1111 loads models outside its jobs, and clients wait for a job_count of 0 after a switch.
        return ProgressReply(textinfo=job.progress.phase or None)
    fraction = min(0.01 + job.progress.fraction, 1.0)
    latest = None if skip_current_image or job.owner != user else studio.previews.latest(job, studio)
    return ProgressReply(
        progress=fraction,
        eta_relative=_eta(job, fraction),
        state=_state(job),
        current_image=pictures.encoded(latest.image, studio.settings.snapshot) if latest else None,
        textinfo=job.progress.phase or None,
        current_task=job.id,
    )


@router.post("/sdapi/v1/interrupt", response_model=None)
def interrupt(studio: CurrentStudio) -> Response:
    """Stop the running job at its next step; it answers with what it has. Fine when nothing runs."""
    if job := _stoppable(studio):
        job.cancel.interrupt()
    return JSONResponse({})


@router.post("/sdapi/v1/skip", response_model=None)
def skip(studio: CurrentStudio) -> Response:
    """Stop the running batch at its next step and go on with the next."""
    if job := _stoppable(studio):
        job.cancel.skip()
    return JSONResponse(None)


@router.post("/internal/progress")
def task_progress(body: TaskBody, studio: CurrentStudio, user: CurrentUser) -> TaskReply:
    """Progress of one job, for the page. An unknown job is neither active nor queued nor completed."""
    job = studio.jobs.get(body.id_task) if body.id_task else None
    if job is None or job.owner != user:
        return TaskReply(textinfo="Waiting...")
    if job.finished:
        return TaskReply(completed=True, textinfo="Waiting...")
    if job.status == "queued":
        return TaskReply(queued=True, textinfo=_place(job, studio))
    reply = TaskReply(
        active=True, progress=job.progress.fraction, eta=job.eta(), textinfo=job.progress.phase or None,
        id_live_preview=body.id_live_preview,
    )  # fmt: skip
    latest = studio.previews.latest(job, studio) if body.live_preview else None
    if latest is None or latest.number == body.id_live_preview:
        return reply
    data, media_type = latest.encoded(studio.settings.snapshot)
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    return reply.model_copy(update={"live_preview": url, "id_live_preview": latest.number})


@router.get("/internal/pending-tasks")
def pending_tasks(studio: CurrentStudio, user: CurrentUser) -> dict[str, object]:
    """Ids of this user's waiting jobs, and how many wait in all."""
    waiting = studio.jobs.pending()
    return {"size": len(waiting), "tasks": [job.id for job in waiting if job.owner == user]}


@router.get("/internal/ping")
def ping() -> dict[str, object]:
    """The server answers."""
    return {}


def _stoppable(studio: Studio) -> Job | None:
    """The running job, unless it is a checkpoint being loaded, which knows no middle."""
    job = studio.jobs.current
    return job if job is not None and job.kind != checkpoints.KIND else None


def _state(job: Job) -> State:
    now = job.progress
    return State(
        skipped=job.cancel.skipped,
        interrupted=job.cancel.interrupted,
        stopping_generation=job.cancel.stopping,
        job=f"Batch {now.batch + 1} out of {now.batches}" if now.batches > 1 else job.id,
        job_count=now.batches or -1,
        job_timestamp=time.strftime("%Y%m%d%H%M%S", time.localtime(job.started_at)),
        job_no=now.batch,
        sampling_step=now.step,
        sampling_steps=now.steps,
    )


def _eta(job: Job, fraction: float) -> float:
    known = job.eta()
    if known is not None:
        return known
    elapsed = job.progress.elapsed(time.monotonic())
    return elapsed / fraction - elapsed


def _place(job: Job, studio: Studio) -> str:
    place = studio.jobs.position(job)
    return f"In queue: {place}/{len(studio.jobs.pending())}" if place else "Waiting..."
