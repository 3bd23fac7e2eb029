"""The one process-wide place: the studio that A1111's names stand for, set by `boot` before any script is loaded.

A1111's modules are full of globals, so what stands for them needs one. Nothing in the core reads it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modules._run import Run
    from modules.host.scripts import Host
    from modules.studio.context import Studio


class Anchor:
    """What `boot` ties the facade to."""

    studio: Studio
    host: Host

    def tie(self, studio: Studio, host: Host) -> None:
        self.studio, self.host = studio, host


anchor: Any = Anchor()
running: ContextVar[Run | None] = ContextVar("running", default=None)
"""The job whose script or hooks are being called on this thread."""


def run_now() -> Run:
    """The running job's. Raises RuntimeError outside of one."""
    run = running.get()
    if run is None:
        raise RuntimeError("Pictures are made inside a job only; start one from a script or through the API.")
    return run
