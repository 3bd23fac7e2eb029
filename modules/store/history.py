"""What was asked and what came of it: rows of jobs and of images.

Writing is best effort: a full disk must not stop a generation, so a row that cannot be written is
logged and everything goes on in memory. Reading answers with what there is.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.store.database import Database
from modules.store.inputs import PREFIX, named_in

log = logging.getLogger(__name__)

_JOB = "row, id, kind, request, owner, status, error, comments, queued_at, started_at, finished_at"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as it is written down; `request` is JSON, times are seconds since the epoch."""

    row: int
    id: str
    kind: str
    request: str
    owner: str | None
    status: str
    error: str | None
    comments: tuple[str, ...]
    queued_at: float
    started_at: float
    finished_at: float


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A saved picture. `path` is absolute; the file may have been moved or deleted since."""

    job: int | None
    path: Path
    infotext: str
    seed: int
    subseed: int
    width: int
    height: int
    grid: bool
    made_at: float


class History:
    """Paths are kept relative to `root` where they lie below it, so that the folder can move."""

    def __init__(self, database: Database, root: Path) -> None:
        self._database = database
        self._root = root.resolve()
        self._trouble: str | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know: the history was damaged, or cannot be written just now."""
        return (*self._database.notices, *([self._trouble] if self._trouble else []))

    def close(self) -> None:
        """Let go of the file; what is asked afterwards is answered with nothing."""
        self._database.close()

    def add_job(self, id: str, kind: str, request: str, owner: str | None, queued_at: float) -> int | None:
        """The row of a job that was queued; None if it could not be written."""
        return self._write(
            "INSERT INTO jobs (id, kind, request, owner, status, queued_at) VALUES (?, ?, ?, ?, 'queued', ?)",
            (id, kind, request, owner, queued_at),
        )

    def started(self, row: int | None, at: float) -> None:
        self._write("UPDATE jobs SET status = 'running', started_at = ? WHERE row = ?", (at, row))

    def finished(self, row: int | None, status: str, error: str | None, comments: Iterable[str], at: float) -> None:
        self._write(
            "UPDATE jobs SET status = ?, error = ?, comments = ?, finished_at = ? WHERE row = ?",
            (status, error, json.dumps(list(comments)), at, row),
        )

    def add_image(
        self,
        job: int | None,
        path: Path,
        infotext: str,
        seed: int,
        subseed: int,
        size: tuple[int, int],
        grid: bool,
        digest: str | None = None,
    ) -> None:
        """A picture was written; `size` is its width and height in pixels.

        `digest` stands for everything that decided what it shows, so that it can be found again by `made_by`.
        """
        self._write(
            "INSERT INTO images (job, path, infotext, seed, subseed, width, height, grid, made_at, digest)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (job, self._kept(path), infotext, str(seed), str(subseed), *size, int(grid), time.time(), digest),
        )

    def made_by(self, digest: str, job: int | None = None) -> list[ImageRow]:
        """The pictures, grids apart, of the newest job that made some of this digest; of `job` if that is given."""
        found = self._read(
            "SELECT MAX(job) FROM images WHERE digest = ? AND (? IS NULL OR job = ?)", (digest, job, job)
        )
        newest = found[0][0] if found else None
        if newest is None:
            return []
        return self._images("WHERE job = ? AND digest = ? AND NOT grid ORDER BY row", (newest, digest))

    def resume(self, row: int) -> bool:
        """Whether a job that was cut short by the program's end may go on: it has made pictures since the last time.

        So a job that brings the program down is not taken up for ever.
        """
        found = self._read(
            "SELECT COUNT(images.row), jobs.resumed_with FROM jobs LEFT JOIN images ON images.job = jobs.row"
            " WHERE jobs.row = ?",
            (row,),
        )
        count, before = found[0] if found else (0, 0)
        if before is None or count <= before:
            return False
        self._write("UPDATE jobs SET resumed_with = ?, status = 'queued' WHERE row = ?", (count, row))
        return True

    def unfinished(self) -> list[JobRow]:
        """Jobs that were queued or running when the studio stopped, the oldest first."""
        return self._jobs("WHERE status IN ('queued', 'running') ORDER BY row", ())

    def inputs(self) -> set[str] | None:
        """The names of the pictures that the requests of all jobs start from; None if the history cannot be read."""
        try:
            rows = self._database.read("SELECT request FROM jobs WHERE instr(request, ?)", (PREFIX,))
        except (sqlite3.Error, OSError) as error:
            log.warning("The history could not be read (%s).", error)
            return None
        return {name for (request,) in rows for name in named_in(request)}

    def job(self, id: str) -> JobRow | None:
        """The newest job of this id."""
        return next(iter(self._jobs("WHERE id = ? ORDER BY row DESC LIMIT 1", (id,))), None)

    def recent(self, count: int, owner: str | None = None) -> list[JobRow]:
        """The newest jobs, the newest first; of one owner if given."""
        if owner is None:
            return self._jobs("ORDER BY row DESC LIMIT ?", (count,))
        return self._jobs("WHERE owner = ? ORDER BY row DESC LIMIT ?", (owner, count))

    def images(self, job: int) -> list[ImageRow]:
        """A job's pictures in the order they were made."""
        return self._images("WHERE job = ? ORDER BY row", (job,))

    def _images(self, condition: str, values: tuple[Any, ...]) -> list[ImageRow]:
        rows = self._read(
            f"SELECT job, path, infotext, seed, subseed, width, height, grid, made_at FROM images {condition}", values
        )
        return [
            ImageRow(j, self._root / path, text, int(seed), int(subseed), w, h, bool(grid), at)
            for j, path, text, seed, subseed, w, h, grid, at in rows
        ]

    def _jobs(self, condition: str, values: tuple[Any, ...]) -> list[JobRow]:
        rows = self._read(f"SELECT {_JOB} FROM jobs {condition}", values)
        names = _JOB.split(", ")
        return [JobRow(**{**dict(zip(names, row, strict=True)), "comments": tuple(json.loads(row[7]))}) for row in rows]

    def _kept(self, path: Path) -> str:
        whole = path.resolve()
        return whole.relative_to(self._root).as_posix() if whole.is_relative_to(self._root) else str(whole)

    def _write(self, statement: str, values: tuple[Any, ...]) -> int | None:
        try:
            with self._database.transaction() as connection:
                written = connection.execute(statement, values).lastrowid
        except (sqlite3.Error, OSError) as error:
            self._trouble = f"The history could not be written ({error}); the studio goes on without these entries."
            log.warning("%s", self._trouble)
            return None
        self._trouble = None
        return written

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._database.read(statement, values)
        except (sqlite3.Error, OSError) as error:
            log.warning("The history could not be read (%s).", error)
            return []
