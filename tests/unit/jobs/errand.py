"""A kind of job for tests: a few steps, each waiting for a permit."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from modules.foundation.errors import Interrupted
from modules.jobs.job import Job
from modules.jobs.queue import Queue
from modules.store.database import Database
from modules.store.history import History


class Errand(BaseModel, frozen=True):
    """`batches` batches of `steps` steps."""

    name: str = "errand"
    batches: int = 1
    steps: int = 2


class Runner:
    """Runs errands as the engine runs requests. `permits` holds steps back until released."""

    def __init__(self, permits: threading.Semaphore | None = None) -> None:
        self.permits = permits
        self.ran: list[str] = []

    def __call__(self, job: Job) -> list[str]:
        errand = job.request
        assert isinstance(errand, Errand)
        self.ran.append(errand.name)
        made: list[str] = []
        job.planned(errand.batches, errand.steps)
        for batch in range(errand.batches):
            if not job.cancel.next_batch():
                break
            job.batch(batch)
            made.append(self._batch(job, batch, errand.steps))
            job.announce("image", made[-1])
        return made

    def _batch(self, job: Job, batch: int, steps: int) -> str:
        for step in range(steps):
            try:
                job.cancel.check()
            except Interrupted:
                return f"{batch} cut at {step}"
            latent: Any = f"latent {batch}.{step}"
            job.step(step, latent)
            if self.permits is not None:
                assert self.permits.acquire(timeout=10)
        return f"{batch} whole"


def history_at(path: Path | None) -> History:
    return History(Database(path), path.parent if path else Path.cwd())


def queue_in_memory() -> Queue:
    return Queue(history_at(None))
