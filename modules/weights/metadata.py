"""What a safetensors file says about itself, read without torch and without its tensors' list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from modules.foundation.errors import BadFile

LONGEST_HEADER: Final = 100_000_000
_MARK: Final = '"__metadata__"'


def read(path: Path) -> dict[str, str]:
    """The texts under `__metadata__`; empty where there are none, and for files of other formats.

    Raises OSError if the file cannot be read.
    """
    header = header_text(path)
    start = header.find(_MARK)
    if start < 0:
        return {}
    try:
        # Only this much is parsed: a large file lists thousands of tensors behind it.
        found, _ = json.JSONDecoder().raw_decode(header, header.index("{", start))
    except (ValueError, RecursionError):
        return {}
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The tensors' shapes by key. Raises BadFile for what is no safetensors file, OSError as `read`."""
    try:
        found: Any = json.loads(header_text(path))
        return {key: tuple(entry["shape"]) for key, entry in found.items() if key != "__metadata__"}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise BadFile(f"{path.name} is damaged: its header cannot be read. Download or copy it again.") from None


def header_text(path: Path) -> str:
    """The JSON in front of the tensors; "" for a file that has none."""
    with path.open("rb") as file:
        start = file.read(9)
        length = int.from_bytes(start[:8], "little")
        if len(start) < 9 or start[8:] != b"{" or not 0 < length <= LONGEST_HEADER:
            return ""
        return "{" + file.read(length - 1).decode("utf-8", "replace")
