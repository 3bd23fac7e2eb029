"""The same as `paths`, under the name that A1111 has for what needs no torch."""

from __future__ import annotations

from typing import Any

from modules import paths


def __getattr__(name: str) -> Any:
    return getattr(paths, name)
