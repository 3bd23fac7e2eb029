"""Jobs and their pictures, for the page: what runs, what waits, what came of it.

A job is its owner's: to everybody else it does not exist. Pictures are served from where they were
saved, under an address made of their job's id and their number, so that no path ever travels.
"""

from __future__ import annotations

import mimetypes
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from modules.foundation.errors import NotFound
from modules.studio import checkpoints
from modules.web.api.current import CurrentStudio, CurrentUser

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.context import Studio
    from modules.studio.result import SavedImage

router = APIRouter(prefix="/atelier/v1/jobs", tags=["page"])

FOREVER = "private, max-age=31536000, immutable"
"""A job's picture never changes; private, because caches in between must not show it to others."""


@router.get("")
def list_jobs(request: Request, studio: CurrentStudio, user: CurrentUser) -> dict[str, Any]:
    """The user's jobs: the running one, those that wait, the next first, and the last finished, the newest first."""
    current = studio.jobs.current
    return {
        "running": [_told(job, studio, request) for job in ((current,) if current else ()) if _listed(job, user)],
        "queued": [_told(job, studio, request) for job in studio.jobs.pending() if _listed(job, user)],
        "recent": [_told(job, studio, request) for job in studio.jobs.recent() if _listed(job, user)],
    }


@router.get("/{id:path}/images/{number}")
def get_image(id: str, number: int, studio: CurrentStudio, user: CurrentUser, download: bool = False) -> Response:
    """One picture of a job, by its number from 0; the saved file itself, or a PNG where none was saved."""
    job = own_job(id, studio, user)
    pictures = job.images
    if not 0 <= number < len(pictures):
        raise HTTPException(404, f"Job '{id}' has no picture {number}.")
    saved = pictures[number]
    placed = "attachment" if download else "inline"
    headers = {"cache-control": FOREVER}
    if saved.path is not None and saved.path.is_file():
        return FileResponse(saved.path, filename=saved.path.name, content_disposition_type=placed, headers=headers)
    try:
        data, suffix = saved.encoded(studio.settings.snapshot)
    except NotFound as error:
        raise HTTPException(404, str(error)) from None
    headers["content-disposition"] = f'{placed}; filename="{saved.seed}.{suffix}"'
    return Response(data, media_type=mimetypes.types_map.get(f".{suffix}"), headers=headers)


@router.post("/{id:path}/interrupt")
def interrupt(id: str, studio: CurrentStudio, user: CurrentUser, after_current: bool = False) -> Response:
    """Stop a job, waiting or running; with `after_current` when its running batch is done."""
    job = own_job(id, studio, user)
    if after_current:
        job.cancel.stop_after_current()
    else:
        job.cancel.interrupt()
    return JSONResponse({})


@router.post("/{id:path}/skip")
def skip(id: str, studio: CurrentStudio, user: CurrentUser) -> Response:
    """Stop a job's running batch and go on with the next."""
    own_job(id, studio, user).cancel.skip()
    return JSONResponse({})


@router.get("/{id:path}")
def get_job(id: str, request: Request, studio: CurrentStudio, user: CurrentUser) -> dict[str, Any]:
    """A job: status, progress, its pictures so far with their addresses, comments and error."""
    return _told(own_job(id, studio, user), studio, request)


def own_job(id: str, studio: Studio, user: str | None) -> Job:
    """The job, if it is this user's. Raises HTTPException 404."""
    job = studio.jobs.get(id)
    if job is None or job.owner != user:
        raise HTTPException(404, f"There is no job '{id}'.")
    return job


def _listed(job: Job, user: str | None) -> bool:
    return job.owner == user and job.kind != checkpoints.KIND


def _told(job: Job, studio: Studio, request: Request) -> dict[str, Any]:
    now = job.progress
    root = f"{request.scope.get('root_path', '')}/atelier/v1/jobs/{quote(job.id, safe='')}/images"
    # A client may use an id again, and of an old job files may be gone; what browsers keep must not mislead then.
    age = int(job.queued_at * 1000)
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "position": studio.jobs.position(job) if job.status == "queued" else None,
        "queued_at": job.queued_at,
        "started_at": job.started_at or None,
        "finished_at": job.finished_at or None,
        "progress": {
            "fraction": now.fraction,
            "step": now.step,
            "steps": now.steps,
            "batch": now.batch,
            "batches": now.batches,
            "phase": now.phase,
            "eta": job.eta(),
            "elapsed": now.elapsed(time.monotonic()) if job.status == "running" else None,
        },
        "images": [_image(saved, f"{root}/{number}?v={age}", number) for number, saved in enumerate(job.images)],
        "comments": list(job.comments),
        "error": job.error,
        "request": job.request.model_dump(mode="json"),
    }


def _image(saved: SavedImage, url: str, number: int) -> dict[str, Any]:
    name = saved.path.name if saved.path else None
    return {
        "number": number,
        "url": f"{url}-{quote(name)}" if name else url,
        "name": name,
        "seed": saved.seed,
        "subseed": saved.subseed,
        "width": saved.width,
        "height": saved.height,
        "grid": saved.grid,
        "infotext": saved.infotext,
    }
