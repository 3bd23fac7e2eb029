"""Checksums of model files: sha256, its short form, and A1111's old hash that old infotexts carry."""

from __future__ import annotations

import hashlib
from pathlib import Path

SHORT = 10
"""Characters of a sha256 that titles and infotexts show."""
_BLOCK = 1 << 20


def sha256(path: Path) -> str:
    """Lower-case hex of the whole file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short(digest: str) -> str:
    """What titles show of a sha256."""
    return digest[:SHORT]


def old_hash(path: Path) -> str:
    """A1111's first hash, eight characters: sha256 of the 64 KiB that start at the first mebibyte.

    Files shorter than that all have the hash of nothing, as in A1111. Raises OSError.
    """
    with path.open("rb") as file:
        file.seek(_BLOCK)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
