"""The one thread that uses the device. It takes jobs from the queue, one after another."""

from __future__ import annotations

import logging
import threading

from modules.foundation.errors import Interrupted, UserError
from modules.jobs.job import Job
from modules.jobs.queue import Queue

log = logging.getLogger(__name__)


class Worker:
    """Runs until stopped. What a runner raises ends its job, never the worker."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin taking jobs. Does nothing if it runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._queue.reopen()
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Interrupt the running job and take no other; waiting jobs stay for the next start.

        False if the running step did not end within `timeout` seconds.
        """
        self._queue.close()
        current = self._queue.current
        if current is not None:
            current.cancel.interrupt()
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    def _work(self) -> None:
        while (job := self._queue.take()) is not None:
            self._run(job)
            del job  # or the thread would hold the last pictures while it waits

    def _run(self, job: Job) -> None:
        try:
            outcome = self._queue.runner(job)(job)
        except Interrupted:
            self._queue.end(job, "interrupted")
        except UserError as error:
            log.info("Job %s: %s", job.id, error)
            self._queue.end(job, "failed", exception=_without_frames(error))
        except Exception as error:
            log.exception("Job %s failed", job.id)
            message = f"{type(error).__name__}: {error}"
            self._queue.end(job, "failed", exception=_without_frames(error), error=message)
        else:
            self._queue.end(job, "interrupted" if job.cancel.interrupted else "done", outcome)
        finally:
            if not job.finished:  # SystemExit and its like end the thread, but nobody may wait for ever
                self._queue.end(job, "failed", error="The worker stopped while this job ran.")


def _without_frames(error: BaseException) -> BaseException:
    """The error is kept with the job; the frames it passed through hold tensors and must not be."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
