"""Pictures that requests start from, kept on disk under their checksum: `outputs/inputs/ab/ab12...`.

A request names one as "sha256:<64 hex digits>", so that the row of a job is a complete recipe and
stays small. The same picture is kept once, however often it is used. Start with `Inputs.keep`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from modules.foundation import atomic
from modules.foundation.errors import NotFound

log = logging.getLogger(__name__)

PREFIX: Final = "sha256:"
NAME: Final = r"sha256:[0-9a-f]{64}"
"""A picture's name, as a regular expression."""
SPARED: Final = 7 * 24 * 3600
"""Seconds. A picture that no job names is kept this long after its last use: somebody may still be painting on it."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A folder of pictures, and those `held` in memory by their names. Without a folder there are no others."""

    folder: Path | None = None
    held: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def holding(self, *files: bytes) -> tuple[Inputs, tuple[str, ...]]:
        """The same with these pictures in memory only, and their names: for requests made while another runs."""
        names = tuple(_name(data) for data in files)
        return replace(self, held={**self.held, **dict(zip(names, files, strict=True))}), names

    def keep(self, data: bytes) -> str:
        """Put a picture's file away and answer with its name. Raises OSError if it cannot be written.

        The bytes are kept as they are; that they are a picture is for the caller to check.
        """
        assert self.folder is not None
        name = _name(data)
        path = self._path(name)
        try:
            os.utime(path)
        except OSError:
            # A concurrent writer of the same name has the same bytes.
            with suppress(FileExistsError):
                atomic.create(path, data)
        return name

    def has(self, data: bytes) -> bool:
        """Whether a picture's file is kept already."""
        return self.folder is not None and self._path(_name(data)).is_file()

    def forget(self, name: str) -> None:
        """Delete a kept picture."""
        self._path(name).unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The file of a picture. Raises NotFound if it is not kept (any more)."""
        if (held := self.held.get(name)) is not None:
            return held
        try:
            return self.path(name).read_bytes()
        except OSError as error:
            raise NotFound(f"The picture {name[:19]}… cannot be read any more: {error.strerror or error}.") from None

    def path(self, name: str) -> Path:
        """Where a picture lies. Raises NotFound for a name that is none, or of a picture that is not kept."""
        if self.folder is None or not re.fullmatch(NAME, name):
            raise NotFound(f"'{name[:80]}' is not the name of a picture that was sent here before.")
        path = self._path(name)
        if not path.is_file():
            raise NotFound(f"The picture {name[:19]}… is not kept any more; send it again.")
        return path

    def clean(self, named: Collection[str], spared: float = SPARED) -> int:
        """Delete pictures that are not among `named` and were not used for `spared` seconds. Returns how many."""
        if self.folder is None:
            return 0
        oldest, gone = time.time() - spared, 0
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            try:
                if PREFIX + path.name not in named and path.stat().st_mtime < oldest:
                    path.unlink()
                    gone += 1
            except OSError as error:
                log.info("%s stays: %s", path, error)
        return gone

    def _path(self, name: str) -> Path:
        assert self.folder is not None
        digest = name.removeprefix(PREFIX)
        return self.folder / digest[:2] / digest


def _name(data: bytes) -> str:
    return PREFIX + hashlib.sha256(data).hexdigest()


def named_in(text: str) -> set[str]:
    """The names of pictures in a request's JSON."""
    return set(re.findall(NAME, text))
