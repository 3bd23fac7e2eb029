"""Calling code of extensions: what it raises is reported with the extension's name and goes no further.

`Interrupted` passes: it is the user's wish and not an error.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from modules.foundation.errors import Interrupted

log = logging.getLogger(__name__)

T = TypeVar("T")
KEPT = 50
"""Troubles remembered for the page."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One error of an extension: whose, while doing what, and the error's text with its frames."""

    extension: str
    doing: str
    error: str
    frames: str

    def __str__(self) -> str:
        return f"Extension '{self.extension}' failed in {self.doing}: {self.error}"


class Troubles:
    """What went wrong in extensions since the start. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Trouble] = deque(maxlen=KEPT)

    @property
    def all(self) -> tuple[Trouble, ...]:
        with self._lock:
            return tuple(self._kept)

    def report(self, extension: str, doing: str, error: BaseException) -> Trouble:
        """Write it to the log and remember it."""
        frames = "".join(traceback.format_exception(error))
        trouble = Trouble(extension, doing, f"{type(error).__name__}: {error}".rstrip(": "), frames)
        log.error("%s\n%s", trouble, frames)
        with self._lock:
            self._kept.append(trouble)
        return trouble

    def guarded(
        self,
        extension: str,
        doing: str,
        function: Callable[..., T],
        *arguments: Any,
        told: Callable[[str], None] = lambda text: None,
        **named: Any,
    ) -> T | None:
        """What the function returns; None if it raised, which is reported and said to `told`."""
        try:
            return function(*arguments, **named)
        except Interrupted:
            raise
        except Exception as error:
            told(str(self.report(extension, doing, error)))
            return None
