"""The user's wish to stop a job, in A1111's three strengths."""

from __future__ import annotations

import threading
from collections.abc import Callable

from modules.foundation.errors import Interrupted


class CancelToken:
    """Asked by the run at every step; told by the page and the API. Satisfies `engine.run.Cancel`."""

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        self._on_interrupt = on_interrupt
        self._interrupted = threading.Event()
        self._skipped = threading.Event()
        self._stopping = threading.Event()

    @property
    def interrupted(self) -> bool:
        return self._interrupted.is_set()

    @property
    def skipped(self) -> bool:
        """Whether the running batch is to be cut short. Forgotten when the next one starts."""
        return self._skipped.is_set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def interrupt(self) -> None:
        """End the run at its next step with what it has; a job still queued ends at once."""
        self._interrupted.set()
        self._on_interrupt()

    def skip(self) -> None:
        """End the running batch at its next step and go on with the next."""
        self._skipped.set()

    def stop_after_current(self) -> None:
        """Let the running batch finish and start no other."""
        self._stopping.set()

    def check(self) -> None:
        """Raise Interrupted if the run, or its running batch, is to end now."""
        if self.interrupted or self.skipped:
            raise Interrupted

    def next_batch(self) -> bool:
        """Forget a skip; False when no further batch should start."""
        self._skipped.clear()
        return not (self.interrupted or self.stopping)
