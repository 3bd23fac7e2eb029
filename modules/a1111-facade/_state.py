"""`shared.state`: the running job as A1111 shows it, writable where scripts write."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from modules._anchor import anchor, running

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.jobs.job import Job


class State:
    """Reads the running job; outside of one everything is 0, empty or False."""

    def __getattr__(self, name: str) -> Any:
        read = _READ.get(name)
        if read is None:
            raise AttributeError(f"shared.state has no '{name}'.")
        job = _job()
        return read(job) if job is not None else _IDLE.get(name, 0)

    def __setattr__(self, name: str, value: Any) -> None:
        run = running.get()
        if run is None:
            return
        if name == "job_count":
            run.relay.expected = int(value)
        elif name in ("interrupted", "skipped", "stopping_generation"):
            _cancel(run.job, name, bool(value))
        elif name in ("job", "textinfo"):
            run.job.phase(str(value or ""))
        elif name == "current_image":
            self.assign_current_image(value)

    def interrupt(self) -> None:
        """Stop the running job as soon as possible."""
        self.interrupted = True

    def skip(self) -> None:
        """Stop its running batch."""
        self.skipped = True

    def stop_generating(self) -> None:
        """Start no further batch."""
        self.stopping_generation = True

    def nextjob(self) -> None:
        """Batches are counted by the engine."""

    def begin(self, job: str = "(unknown)") -> None:
        """Jobs begin when the queue starts them."""

    def end(self) -> None:
        """Jobs end when their script returns."""

    def assign_current_image(self, image: Image | None) -> None:
        """Show a picture as the job's preview from now on; None goes back to the forming one."""
        run = running.get()
        if run is not None:
            run.job.show(image)


def _job() -> Job | None:
    run = running.get()
    return run.job if run is not None else anchor.studio.jobs.current


def _cancel(job: Job, name: str, wanted: bool) -> None:
    """A wish can be told and not be taken back, but for a skip, which the next batch forgets."""
    if not wanted:
        return
    if name == "interrupted":
        job.cancel.interrupt()
    elif name == "skipped":
        job.cancel.skip()
    else:
        job.cancel.stop_after_current()


_READ = {
    "interrupted": lambda job: job.cancel.interrupted,
    "skipped": lambda job: job.cancel.skipped,
    "stopping_generation": lambda job: job.cancel.stopping,
    "job": lambda job: job.id,
    "job_count": lambda job: job.progress.batches,
    "job_no": lambda job: job.progress.batch,
    "job_timestamp": lambda job: time.strftime("%Y%m%d%H%M%S", time.localtime(job.started_at)),
    "sampling_step": lambda job: job.progress.step,
    "sampling_steps": lambda job: job.progress.steps,
    "textinfo": lambda job: job.progress.phase,
    "current_latent": lambda job: job.progress.latent,
    "current_image": lambda job: job.progress.picture,
}
_IDLE = {"job": "", "textinfo": None, "interrupted": False, "skipped": False, "stopping_generation": False}
