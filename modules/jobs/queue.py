"""The one queue: first in, first out, written down so that it outlives the process.

A kind of job is registered with the type of its request and, once the heavy libraries are loaded,
its runner. Jobs whose kind has no runner yet wait. The queue knows no kind by name.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from modules.foundation.errors import NotFound, UserError
from modules.jobs.job import Job, Status, new_id
from modules.jobs.progress import Paces
from modules.store.history import History, ImageRow, JobRow

log = logging.getLogger(__name__)

Runner = Callable[[Job], Any]
"""Does the job on the worker's thread and returns its outcome. Raises Interrupted if stopped."""
Restore = Callable[[BaseModel, JobRow, Sequence[ImageRow]], tuple[Any, Sequence[Any]]]
"""Rebuilds a finished job's outcome, and the images it delivered, from what history remembers."""

Resumes = Callable[[BaseModel], bool]
"""Whether a job of this request goes on where it was when the program ended, instead of counting as interrupted."""

KEPT = 16
"""Finished jobs that can be asked for without history; A1111 remembers as many."""
WHOLE = 2
"""Of these, how many keep their pictures in memory; the others read them from disk."""
LONGEST = 1000
"""Jobs that may wait."""


@dataclass(frozen=True, slots=True)
class _Kind:
    request: type[BaseModel]
    runner: Runner | None
    restore: Restore | None
    resumes: Resumes


class Queue:
    """Submitted jobs, the running one and the last finished ones. Every method is for any thread."""

    def __init__(self, history: History) -> None:
        self.paces = Paces()
        self._history = history
        self._changed = threading.Condition()
        self._kinds: dict[str, _Kind] = {}
        self._pending: list[Job] = []
        self._current: Job | None = None
        self._finished: OrderedDict[str, Job] = OrderedDict()
        self._closed = False

    def register(
        self,
        kind: str,
        request: type[BaseModel],
        runner: Runner | None = None,
        restore: Restore | None = None,
        resumes: Resumes = lambda request: False,
    ) -> None:
        """Name a kind. Without a runner its jobs are taken and wait until it is registered with one."""
        with self._changed:
            self._kinds[kind] = _Kind(request, runner, restore, resumes)
            self._changed.notify_all()

    def submit(self, kind: str, request: BaseModel, owner: str | None = None, id: str | None = None) -> Job:
        """Queue a job; it is written down before this returns.

        `id` may be any text; without one it is made as A1111's. Raises NotFound for a kind nobody
        registered and UserError when too many jobs wait.
        """
        with self._changed:
            if kind not in self._kinds:
                raise NotFound(f"There is no kind of job named '{kind}'.")
            if len(self._pending) >= LONGEST:
                raise UserError(f"{LONGEST} jobs are waiting already; try again when some are done.")
            job = Job(id or new_id(kind), kind, request, owner)
            job.row = self._history.add_job(job.id, kind, request.model_dump_json(), owner, job.queued_at)
            self._append(job)
            return job

    def get(self, id: str) -> Job | None:
        """The newest job of this id, from history if need be; None if there is none."""
        with self._changed:
            for job in (*reversed(self._pending), *((self._current,) if self._current else ())):
                if job.id == id:
                    return job
            if id in self._finished:
                return self._finished[id]
        row = self._history.job(id)
        return self._remembered(row) if row else None

    @property
    def current(self) -> Job | None:
        """The running job."""
        return self._current

    def pending(self) -> tuple[Job, ...]:
        """The waiting jobs, the next one first."""
        with self._changed:
            return tuple(self._pending)

    def position(self, job: Job) -> int | None:
        """Place in the queue from 1; None if the job does not wait."""
        waiting = self.pending()
        return waiting.index(job) + 1 if job in waiting else None

    def recent(self) -> tuple[Job, ...]:
        """The last finished jobs, the newest first."""
        with self._changed:
            return tuple(reversed(self._finished.values()))

    def recover(self) -> int:
        """Take up what an earlier process left: queued jobs wait again, before those of this one,
        and the running one too if its kind resumes it; else it is marked interrupted. Returns how many jobs wait again.

        Call it once the kinds are registered; jobs may have been submitted before.
        """
        resumed = 0
        with self._changed:
            unfinished = self._history.unfinished()
            own = {job.row for job in (*self._pending, self._current) if job}
        for row in unfinished:
            if row.row in own:
                continue
            kind = self._kinds.get(row.kind)
            if row.status == "running" and not self._resumed(row, kind):
                self._mark(row, "interrupted", "The studio was stopped while this job ran.")
                continue
            if kind is None:
                log.warning("Job %s is of the kind '%s', which this studio does not have; it waits.", row.id, row.kind)
                continue
            try:
                request = kind.request.model_validate_json(row.request)
            except ValidationError as error:
                self._mark(row, "failed", f"The request cannot be read any more: {error.errors()[0]['msg']}.")
                continue
            job = Job(row.id, row.kind, request, row.owner, queued_at=row.queued_at)
            job.row = row.row
            self._append(job)
            resumed += 1
        return resumed

    # -- for the worker

    def take(self, timeout: float | None = None) -> Job | None:
        """The next job that can run, now the current one; None after `timeout` seconds or `close()`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ready() is not None, timeout)
            job = None if self._closed else self._ready()
            if job is None:
                return None
            self._pending.remove(job)
            self._current = job
        job.begin()
        self._history.started(job.row, job.started_at)
        return job

    def runner(self, job: Job) -> Runner:
        """What runs this job. Raises NotFound if its kind has no runner."""
        kind = self._kinds.get(job.kind)
        if kind is None or kind.runner is None:
            raise NotFound(f"Nothing runs jobs of the kind '{job.kind}'.")
        return kind.runner

    def end(
        self,
        job: Job,
        status: Status,
        outcome: Any = None,
        exception: BaseException | None = None,
        error: str | None = None,
    ) -> None:
        """The job is over: write it down, keep it for a while, then tell those who wait."""
        message = error if error is not None or exception is None else str(exception)
        with self._changed:
            if job is self._current:
                self._current = None
            self._finished.pop(job.id, None)
            self._finished[job.id] = job
            while len(self._finished) > KEPT:
                self._finished.popitem(last=False)
            older = list(self._finished.values())[:-WHOLE]
        for old in older:
            old.slim()
        if not self._goes_on(job, status):
            self._history.finished(job.row, status, message, job.comments, time.time())
        job.end(status, outcome, exception, message)

    def close(self) -> None:
        """Give out no more jobs; those that wait stay written down."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def reopen(self) -> None:
        """Give out jobs again after `close()`."""
        with self._changed:
            self._closed = False
            self._changed.notify_all()

    def _append(self, job: Job) -> None:
        job.on_interrupt(self._drop)
        with self._changed:
            self._pending.append(job)
            # Rows count up in the order of submission, over restarts too; a job without one is new.
            self._pending.sort(key=lambda other: math.inf if other.row is None else other.row)
            self._changed.notify_all()

    def _ready(self) -> Job | None:
        return next((job for job in self._pending if self._kinds[job.kind].runner is not None), None)

    def _drop(self, job: Job) -> None:
        """End a job that was interrupted before it started."""
        with self._changed:
            if job not in self._pending:
                return
            self._pending.remove(job)
        self.end(job, "interrupted")

    def _goes_on(self, job: Job, status: Status) -> bool:
        """Whether the job ends only because the studio does, and is to be taken up by the next `recover`."""
        return self._closed and status == "interrupted" and self._kinds[job.kind].resumes(job.request)

    def _resumed(self, row: JobRow, kind: _Kind | None) -> bool:
        try:
            return (
                kind is not None
                and kind.resumes(kind.request.model_validate_json(row.request))
                and (self._history.resume(row.row))
            )
        except ValidationError:
            return False

    def _mark(self, row: JobRow, status: Status, error: str) -> None:
        self._history.finished(row.row, status, error, row.comments, row.started_at or row.queued_at)

    def _remembered(self, row: JobRow) -> Job | None:
        """A finished job as history has it; None if its kind or request is no longer understood."""
        kind = self._kinds.get(row.kind)
        if kind is None or row.status not in ("done", "failed", "interrupted"):
            return None
        try:
            request = kind.request.model_validate_json(row.request)
        except ValidationError:
            return None
        job = Job(row.id, row.kind, request, row.owner, queued_at=row.queued_at)
        job.row = row.row
        job.started_at = row.started_at
        for comment in row.comments:
            job.comment(comment)
        outcome, images = kind.restore(request, row, self._history.images(row.row)) if kind.restore else (None, ())
        for image in images:
            job.announce("image", image)
        failed = UserError(row.error or "The job failed.") if row.status == "failed" else None
        job.end(row.status, outcome, failed, row.error)
        job.finished_at = row.finished_at
        return job
