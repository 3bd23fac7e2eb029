"""Running a generation: the request goes to the engine, each image it yields to delivery.

The engine, and torch with it, is imported when the first job runs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel

from modules.engine.hooks import Hooks
from modules.engine.options import ModelOptions
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.engine.run import Report, RunContext
from modules.foundation.errors import Interrupted, NotFound
from modules.foundation.settings import Snapshot
from modules.jobs.job import Job
from modules.store.history import ImageRow, JobRow
from modules.studio.deliver import Delivery
from modules.studio.result import Result, SavedImage

if TYPE_CHECKING:
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

KINDS: dict[str, type[Request]] = {"txt2img": Txt2Img, "img2img": Img2Img}
"""Kinds of job that this module runs, with their requests."""


def register(studio: Studio, *, ready: bool, runner: Callable[[Job, Studio], Result] | None = None) -> None:
    """Make the queue take generations; with `ready` also run them, by `runner` if that is given.

    Call it once without, so that jobs are taken and recovered while torch is still being loaded.
    """
    for kind, request in KINDS.items():
        run_one = partial(runner or run, studio=studio) if ready else None
        studio.jobs.register(kind, request, run_one, restored, resumes)


def resumes(request: BaseModel) -> bool:
    """A script's job goes on after the program was stopped: the pictures it made already are found again."""
    return isinstance(request, Request) and request.script_name is not None


def run(job: Job, studio: Studio) -> Result:
    """Generate and deliver every image of the job's request.

    An interrupted run returns what it had. Raises UserError for what cannot be done as asked.
    """
    from modules.engine.generate import generate

    request = job.request
    assert isinstance(request, Request)
    started = time.monotonic()
    settings = studio.settings.snapshot
    delivery = Delivery(job, studio, settings.overridden(request.override_settings))
    context = context_of(job, studio, settings)
    prepare(job, studio, delivery.settings)
    try:
        for made in generate(request, context):
            request = made.plan.request
            delivery.deliver(made)
    except Interrupted:
        log.info("Job %s was interrupted", job.id)
    job.phase("Saving")
    delivery.deliver_grid()
    return result_of(job, request, delivery, time.monotonic() - started)


def prepare(job: Job, studio: Studio, settings: Snapshot) -> None:
    """What is begun before the engine is: hashing the checkpoint, and an estimate of how long the job takes."""
    assert isinstance(job.request, Request)
    checkpoint = settings[ModelOptions].sd_model_checkpoint
    _hash_meanwhile(studio, checkpoint)
    job.expect(studio.jobs.paces, *_workload(job.request, checkpoint))


def context_of(
    job: Job, studio: Studio, settings: Snapshot, hooks: Hooks | None = None, report: Report | None = None
) -> RunContext:
    """What a run of this job may use; its progress goes to the job unless `report` is given."""
    return RunContext(
        settings,
        studio.models,
        studio.catalog,
        hooks or Hooks(),
        job.cancel,
        report or job,
        not studio.flags.disable_nan_check,
        studio.upscalers,
        studio.styles.known(),
        job.owner,
        studio.inputs,
        studio.embeddings,
        studio.faces,
    )


def restored(request: BaseModel, row: JobRow, images: Sequence[ImageRow]) -> tuple[Result, Sequence[SavedImage]]:
    """A finished generation as history remembers it; pictures whose files are gone are left out."""
    assert isinstance(request, Request)
    found = [_remembered(request, image) for image in images if image.path.is_file()]
    result = Result(
        request=request,
        images=_grid_first(found),
        comments=row.comments,
        seconds=max(row.finished_at - row.started_at, 0.0),
        started_at=row.started_at,
    )
    return result, found


def _hash_meanwhile(studio: Studio, checkpoint: str | None) -> None:
    """The infotext at the end needs the file's hash, which takes seconds the first time."""
    try:
        found = (
            studio.catalog.find_checkpoint(checkpoint) if checkpoint else next(iter(studio.catalog.checkpoints()), None)
        )
    except NotFound:
        return  # the engine says so
    if found is not None and found.sha256 is None:
        studio.catalog.hash_soon(found)


def _workload(request: Request, checkpoint: str | None) -> tuple[str, float]:
    """What decides how long a step takes: a label, and pixels in a batch."""
    label = f"{checkpoint}/{request.sampler_name}/{request.cfg_scale == 1.0}"
    return label, float(request.width * request.height * request.batch_size)


def result_of(job: Job, request: Request, delivery: Delivery, seconds: float) -> Result:
    """What was delivered, as the job's outcome."""
    return Result(
        request=request,
        images=_grid_first(delivery.images),
        comments=job.comments,
        seconds=seconds,
        started_at=job.started_at,
    )


def _grid_first(images: Sequence[SavedImage]) -> tuple[SavedImage, ...]:
    return tuple(sorted(images, key=lambda image: not image.grid))


def _remembered(request: Request, row: ImageRow) -> SavedImage:
    return SavedImage(
        path=row.path,
        image=None,
        infotext=row.infotext,
        seed=row.seed,
        subseed=row.subseed,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        width=row.width,
        height=row.height,
        grid=row.grid,
    )
