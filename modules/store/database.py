"""One SQLite file for what the studio remembers: jobs, images, hashes of model files.

Everything in it can be lost without losing a picture. So a damaged file is moved aside, and where
none can be written the studio remembers in memory; `notices` says so in words for the user.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        request TEXT NOT NULL,
        owner TEXT,
        status TEXT NOT NULL,
        error TEXT,
        comments TEXT NOT NULL DEFAULT '[]',
        queued_at REAL NOT NULL,
        started_at REAL NOT NULL DEFAULT 0,
        finished_at REAL NOT NULL DEFAULT 0
    );
    CREATE INDEX jobs_by_id ON jobs (id);
    CREATE INDEX jobs_by_status ON jobs (status);
    CREATE TABLE images (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        job INTEGER REFERENCES jobs (row) ON DELETE SET NULL,
        path TEXT NOT NULL,
        infotext TEXT NOT NULL,
        seed TEXT NOT NULL,
        subseed TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        grid INTEGER NOT NULL DEFAULT 0,
        made_at REAL NOT NULL
    );
    CREATE INDEX images_by_job ON images (job);
    CREATE TABLE hashes (
        path TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        sha256 TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE images ADD COLUMN digest TEXT;
    CREATE INDEX images_by_digest ON images (digest);
    ALTER TABLE jobs ADD COLUMN resumed_with INTEGER NOT NULL DEFAULT -1;
    """,
)
"""Each brings the file from its number to the next. Never edit one that was released; add one.

Seeds are text: they go to 2**64 - 1 and SQLite's integers do not. Times are seconds since the epoch.
"""


PATIENCE = 2.0
"""Seconds to wait for another process that has the file, such as one that is just ending."""

LONGEST_CHECK = 0.3
"""Seconds the start may take to look for damage."""


class Database:
    """A locked connection, for any thread. Write in a `transaction()`."""

    def __init__(self, path: Path | None) -> None:
        """Opens or creates `path`; None, or a file that cannot be written, means memory."""
        self.notices: list[str] = []
        self._lock = threading.RLock()
        self._connection = self._open(path)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All statements of the block take effect, or none. Raises sqlite3.Error."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")

    def read(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a SELECT. Raises sqlite3.Error."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _open(self, path: Path | None) -> sqlite3.Connection:
        if path is None:
            return _prepared(":memory:")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _prepared(str(path))
        except sqlite3.DatabaseError as error:
            if _is_damaged(error):
                return self._afresh(path)
            return self._in_memory(path, error)
        except OSError as error:
            return self._in_memory(path, error)

    def _afresh(self, path: Path) -> sqlite3.Connection:
        aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            for suffix in ("-wal", "-shm", ""):
                part = path.with_name(path.name + suffix)
                if part.exists():
                    part.replace(aside.with_name(aside.name + suffix))
            connection = _prepared(str(path))
        except (OSError, sqlite3.Error) as error:
            return self._in_memory(path, error)
        self._notice(
            f"The history {path} was damaged. It was moved to {aside.name} and a new one begun; no picture is lost."
        )
        return connection

    def _in_memory(self, path: Path, error: Exception) -> sqlite3.Connection:
        if "locked" in str(error):
            why = "another studio is using it"
            remedy = "stop that one, or give this one a folder of its own with --data-dir"
        else:
            why = f"it cannot be written ({error})"
            remedy = f"make {path.parent} writable and start again"
        self._notice(f"The history {path} is kept in memory until the studio stops: {why}. To keep it, {remedy}.")
        connection = _prepared(":memory:")
        if "locked" not in str(error):
            _copy_readable(path, connection)
        return connection

    def _notice(self, text: str) -> None:
        log.warning("%s", text)
        self.notices.append(text)


def _prepared(target: str) -> sqlite3.Connection:
    """A connection whose tables are current. Raises sqlite3.Error, having closed it."""
    connection = sqlite3.connect(target, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        # One studio owns the file while it runs; the system lets go of the lock even after kill -9.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _check(connection)
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Raise DatabaseError for a damaged file. A large one is looked through for a moment only."""
    end = time.monotonic() + LONGEST_CHECK
    connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        fault = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        fault = None
    finally:
        connection.set_progress_handler(None, 0)
    if fault and fault[0] != "ok":
        raise sqlite3.DatabaseError(f"malformed: {fault[0]}")


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise sqlite3.OperationalError("it was written by a newer version of the studio")
    for migration in MIGRATIONS[version:]:
        for statement in migration.split(";"):
            if statement.strip():
                connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")


def _is_damaged(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "malformed" in str(error)


def _copy_readable(path: Path, into: sqlite3.Connection) -> None:
    """Bring along what an unwritable file remembers, if it is whole."""
    try:
        if not path.is_file():
            return
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as source:
            if source.execute("PRAGMA user_version").fetchone() <= (len(MIGRATIONS),):
                source.backup(into)
                _migrate(into)
    except (sqlite3.Error, OSError) as error:
        log.warning("The history %s cannot be read either: %s", path, error)
