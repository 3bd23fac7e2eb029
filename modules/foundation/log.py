"""The log on the terminal, and how long each part of the start took."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modules.foundation.flags import Flags

log = logging.getLogger(__name__)

TALKATIVE = ("asyncio", "httpx", "httpcore", "multipart", "PIL", "python_multipart", "urllib3", "uvicorn.access")
"""Libraries that log every request or chunk at INFO or DEBUG."""


def set_up(flags: Flags, environ: Mapping[str, str] | None = None) -> None:
    """Send the log to the terminal, from --loglevel, else $SD_WEBUI_LOG_LEVEL, else INFO upwards."""
    environ = os.environ if environ is None else environ
    level = (flags.loglevel or environ.get("SD_WEBUI_LOG_LEVEL") or "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        level = "INFO"
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S", force=True)
    logging.captureWarnings(True)
    if level != "DEBUG":
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)


class StartTimes:
    """How long each part of the start took. Parts may run on several threads at once.

    times = StartTimes()
    with times.part("import gradio"): ...
    times.reached("page")          # logs "page after 1.8 s (import gradio 1.5)"
    """

    def __init__(self, began: float | None = None, *, each: bool = False) -> None:
        """`began` is a `time.perf_counter()` taken earlier, as the program's first statement.

        With `each` (--log-startup) every part is logged as it ends.
        """
        self._began = time.perf_counter() if began is None else began
        self._each = each
        self._lock = threading.Lock()
        self._parts: dict[str, float] = {}
        self._told: set[str] = set()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure the block; parts of one name are added up."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            with self._lock:
                self._parts[name] = self._parts.get(name, 0.0) + seconds
            if self._each:
                log.info("start: %s took %.2f s", name, seconds)

    def reached(self, what: str) -> float:
        """Log that `what` is there, and the parts since the last such line. Returns seconds since the beginning."""
        after = time.perf_counter() - self._began
        with self._lock:
            fresh = {name: seconds for name, seconds in self._parts.items() if name not in self._told}
            self._told.update(fresh)
        longest = sorted(fresh.items(), key=lambda part: -part[1])
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest if seconds >= 0.05)
        log.info("%s after %.1f s%s", what, after, f" ({parts})" if parts else "")
        return after

    def parts(self) -> dict[str, float]:
        """Seconds by part, in the order in which they first ended."""
        with self._lock:
            return dict(self._parts)
