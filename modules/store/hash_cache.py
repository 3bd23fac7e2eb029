"""SHA-256 of model files, computed once: remembered by path, size and time of last change."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from modules.foundation.errors import Interrupted
from modules.store.database import Database

log = logging.getLogger(__name__)

CHUNK = 4 << 20


class HashCache:
    """In memory, with the database behind it: asking costs nothing. `version` grows with each new hash."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.version = 0
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._known = {path: (size, modified, sha256) for path, size, modified, sha256 in self._stored()}

    def get(self, path: Path, size: int, modified: int, *, tensors: bool = False) -> str | None:
        """The SHA-256 in hex, if it was computed of this very file; `modified` is in nanoseconds.

        With `tensors` that of what follows a safetensors file's header, so that changed remarks do not change it.
        """
        found = self._known.get(_key(path, tensors))
        return found[2] if found and found[:2] == (size, modified) else None

    def put(self, path: Path, size: int, modified: int, sha256: str, *, tensors: bool = False) -> None:
        key = _key(path, tensors)
        with self._lock:
            self._known[key] = (size, modified, sha256)
            self.version += 1
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO hashes (path, size, modified, sha256) VALUES (?, ?, ?, ?)",
                    (key, size, modified, sha256),
                )
        except sqlite3.Error as error:
            log.warning("The hash of %s could not be written down (%s).", path.name, error)

    def compute(self, path: Path, stopped: Callable[[], bool] = lambda: False, *, tensors: bool = False) -> str:
        """The SHA-256 of a file, from the cache, from another thread that is at it, or by reading it.

        Raises OSError if it cannot be read, Interrupted once `stopped()` says so.
        """
        with self._lock:
            turn = self._turns.setdefault(_key(path, tensors), threading.Lock())
        with turn:
            return self._compute(path, stopped, tensors)

    def _compute(self, path: Path, stopped: Callable[[], bool], tensors: bool) -> str:
        about = path.stat()
        known = self.get(path, about.st_size, about.st_mtime_ns, tensors=tensors)
        if known:
            return known
        digest, chunk = hashlib.sha256(), bytearray(CHUNK)
        with path.open("rb", buffering=0) as file:
            if tensors:
                file.seek(8 + int.from_bytes(file.read(8), "little"))
            while count := file.readinto(chunk):
                if stopped():
                    raise Interrupted
                digest.update(memoryview(chunk)[:count])
        self.put(path, about.st_size, about.st_mtime_ns, digest.hexdigest(), tensors=tensors)
        return digest.hexdigest()

    def _stored(self) -> list[tuple[str, int, int, str]]:
        try:
            rows = self._database.read("SELECT path, size, modified, sha256 FROM hashes")
            return [(path, size, modified, sha256) for path, size, modified, sha256 in rows]
        except sqlite3.Error as error:
            log.warning("The remembered hashes cannot be read (%s).", error)
            return []


def _key(path: Path, tensors: bool) -> str:
    return f"{path}#tensors" if tensors else str(path)
