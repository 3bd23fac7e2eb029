"""Number and text types that accept what A1111's clients send.

A1111 validates with pydantic 1: numeric strings become numbers, fractions become whole numbers by
truncation, numbers become text. pydantic 2 refuses the last two, so requests and settings are
declared with these types instead of `int` and `str`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator


def _truncated(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return value


def _spelled(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        # JSON may hold halves of characters ("\ud83d"), which no file and no database takes.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Int = Annotated[int, BeforeValidator(_truncated)]
Text = Annotated[str, BeforeValidator(_spelled)]
