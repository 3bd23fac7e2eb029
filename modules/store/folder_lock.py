"""A lock on a folder between processes, which the system lets go of when a process dies.

It leaves no file behind: the folder itself is locked. Where that cannot be done (Windows, some
network drives) there is no lock, and numbers may repeat, but files are still not overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder while the block runs; waits for other processes."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
