"""Which checkpoint is chosen, and loading or letting go of it between generations.

Models belong to the device thread, so that even freeing their memory is a job.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from modules.engine.options import ModelOptions, VaeOptions
from modules.foundation.errors import NotFound

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.store.model_files import CheckpointFile
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

KIND = "checkpoint"


class Task(BaseModel, frozen=True):
    """Load a checkpoint by any of its names, or do something with the one in memory."""

    load: str = ""
    do: Literal["", "unload", "reload"] = ""


def chosen(studio: Studio) -> CheckpointFile | None:
    """The checkpoint that pictures are made with: the setting's, else the first; None if there is none."""
    wanted = studio.settings.snapshot[ModelOptions].sd_model_checkpoint
    try:
        return studio.catalog.find_checkpoint(wanted) if wanted else _first(studio)
    except NotFound:
        return _first(studio)


def start_with(studio: Studio, path: Path) -> None:
    """Choose the checkpoint of --ckpt. One that is not there, as in A1111, leaves the choice as it was."""
    try:
        file = studio.catalog.find_checkpoint(str(path))
        studio.settings.update({"sd_model_checkpoint": file.title})
    except (NotFound, OSError) as error:
        log.warning("--ckpt %s is not chosen: %s", path, error)


def run(job: Job, studio: Studio) -> None:
    """Do a Task on the device thread."""
    task = job.request
    assert isinstance(task, Task)
    snapshot = studio.settings.snapshot
    if task.load:
        studio.models.acquire(task.load, snapshot[ModelOptions], snapshot[VaeOptions], job.phase)
    elif task.do == "unload":
        studio.models.unload()
    elif task.do == "reload" and studio.models.reload(job.phase) is None:
        file = chosen(studio)
        studio.models.acquire(file.title if file else None, snapshot[ModelOptions], snapshot[VaeOptions], job.phase)
        if file and not snapshot[ModelOptions].sd_model_checkpoint:
            _settle(studio, file)


def _settle(studio: Studio, file: CheckpointFile) -> None:
    """Make the first checkpoint the chosen one, now that it works: files added later do not take its place."""
    try:
        studio.settings.update({"sd_model_checkpoint": file.title})
    except OSError as error:
        log.warning("The choice of %s cannot be written down: %s", file.name, error)


def _first(studio: Studio) -> CheckpointFile | None:
    return next(iter(studio.catalog.checkpoints()), None)
