"""A1111's reporting of errors: to the log. `UserError` is what a job raises that cannot be done as asked."""

from __future__ import annotations

import logging

from modules.foundation.errors import UserError

log = logging.getLogger("extensions")


def report(message: str, *, exc_info: bool = False) -> None:
    """Write a message, with the error being handled if that is asked for."""
    log.error("%s", message, exc_info=exc_info)


def display(error: BaseException, task: str) -> None:
    """Write an error and what failed by it."""
    log.error("%s: %s: %s", task or "error", type(error).__name__, error, exc_info=error)


__all__ = ["UserError", "display", "report"]
