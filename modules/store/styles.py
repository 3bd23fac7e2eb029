"""Styles on disk: A1111's styles.csv, one or several. Start with `Styles`.

    name,prompt,negative_prompt
    oil,"oil painting of {prompt}, thick strokes",photo

A file is read again whenever it has changed, so that an editor's changes show without a restart.
"""

from __future__ import annotations

import csv
import io
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from modules.foundation import atomic
from modules.foundation.errors import BadFile, NotFound, UserError
from modules.prompting.styles import Style

log = logging.getLogger(__name__)

COLUMNS: Final = ("name", "prompt", "negative_prompt")
OLD_PROMPT: Final = "text"
"""What the column `prompt` was called once."""
WIDTH: Final = 40
"""Characters of a divider."""
_State = tuple[tuple[Path, int, int], ...]
_Rows = list[dict[str, str]]


class Styles:
    """Every style there is. `patterns` are files, or patterns of them (`styles/*.csv`); for any thread."""

    def __init__(self, patterns: Iterable[str | Path] = ()) -> None:
        self._patterns = tuple(Path(pattern).expanduser().absolute() for pattern in patterns)
        self._lock = threading.RLock()
        self._read: tuple[_State, tuple[Style, ...]] | None = None

    @property
    def default_file(self) -> Path | None:
        """Where a new style goes: the first file, for a pattern the first that fits, else `styles.csv` beside it."""
        if not self._patterns:
            return None
        first = self._patterns[0]
        if not _is_pattern(first):
            return first
        return next(iter(_fitting(first)), first.with_name("styles.csv"))

    def all(self) -> tuple[Style, ...]:
        """Every style in the order of the files, each file's behind a divider where there are several.

        Of two of one name the later counts, at the earlier one's place. What cannot be read is logged and left out.
        """
        with self._lock:
            files = self._files()
            state = tuple(_state(path) for path in files)
            if self._read is None or self._read[0] != state:
                self._read = state, self._loaded(files)
            return self._read[1]

    def known(self) -> Mapping[str, Style]:
        """The styles by name, dividers left out."""
        return {style.name: style for style in self.all() if not style.is_divider}

    def refresh(self) -> None:
        """Read the files again even if they look unchanged."""
        with self._lock:
            self._read = None

    def save(self, name: str, prompt: str, negative_prompt: str) -> Style:
        """Add a style, or change the one of this name where it is kept; the file's earlier state goes to `<file>.bak`.

        Raises UserError for a name that cannot be read again, BadFile if the file cannot be read, OSError if it
        cannot be written.
        """
        name = name.strip()
        if not name or name.startswith("#") or "\n" in name or "\0" in name + prompt + negative_prompt:
            raise UserError(f"A style cannot be called {name!r}: it needs one line of text that does not begin with #.")
        if any(style.is_divider and style.name == name for style in self.all()):
            raise UserError(f"'{name}' divides the files in the list; give the style another name.")
        with self._lock:
            here = self.known().get(name)
            path = here.path if here and here.path else self.default_file
            if path is None:
                raise UserError("There is no styles file to save into; start with --styles-file.")
            rows, columns = _rows(path)
            wanted: dict[str, str] = {"name": name, "prompt": prompt, "negative_prompt": negative_prompt}
            same = [row for row in rows if row["name"] == name]
            for row in same:
                row.update(wanted)
            _write(path, rows if same else [*rows, wanted], columns)
            self._read = None
        return Style(name, prompt, negative_prompt, path)

    def delete(self, name: str) -> None:
        """Take a style out of every file that has it. Raises NotFound if none has; otherwise as `save`."""
        with self._lock:
            if name not in self.known():
                raise NotFound(f"There is no style named '{name}'.")
            for path in self._files():
                if not path.is_file():
                    continue
                rows, columns = _rows(path)
                left = [row for row in rows if row["name"] != name]
                if len(left) < len(rows):
                    _write(path, left, columns)
            self._read = None

    def _files(self) -> list[Path]:
        found = [_fitting(pattern) if _is_pattern(pattern) else [pattern] for pattern in self._patterns]
        return list(dict.fromkeys(path for paths in found for path in paths))

    def _loaded(self, files: list[Path]) -> tuple[Style, ...]:
        styles: dict[str, Style] = {}
        for path in files:
            if len(files) > 1:
                divider = f" {path.stem.upper()} ".center(WIDTH, "-")
                styles[divider] = Style(divider, None, None, path)
            try:
                rows = _rows(path)[0] if path.is_file() else []
            except BadFile as error:
                log.warning("%s", error)
                continue
            for row in rows:
                if row["name"] and not row["name"].startswith("#"):
                    styles[row["name"]] = Style(row["name"], row["prompt"], row["negative_prompt"], path)
        return tuple(styles.values())


def _is_pattern(path: Path) -> bool:
    return "*" in path.name or "?" in path.name


def _fitting(pattern: Path) -> list[Path]:
    return sorted(pattern.parent.glob(pattern.name))


def _state(path: Path) -> tuple[Path, int, int]:
    try:
        found = path.stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


def _rows(path: Path) -> tuple[_Rows, list[str]]:
    """A file's rows, comments (#) and foreign columns too, and its columns, `COLUMNS` among them.

    Raises BadFile if it is not such a file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True, restkey="", restval="")
        columns = ["prompt" if name == OLD_PROMPT else name for name in reader.fieldnames or COLUMNS]
        if "name" not in columns:
            raise BadFile(f"{path} is no file of styles: its first line must be {','.join(COLUMNS)}.")
        reader.fieldnames = columns
        rows = [{**dict.fromkeys(COLUMNS, ""), **{key: str(row[key]) for key in columns}} for row in reader]
    except FileNotFoundError:
        return [], list(COLUMNS)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path} cannot be read as styles ({error}); save it as UTF-8 CSV or move it away.") from None
    return rows, [*columns, *(name for name in COLUMNS if name not in columns)]


def _write(path: Path, rows: _Rows, columns: list[str]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    if path.is_file():
        atomic.write(path.with_name(f"{path.name}.bak"), path.read_bytes())
    # With a byte order mark, as A1111 writes it and spreadsheets want it.
    atomic.write(path, out.getvalue().encode("utf-8-sig"))
