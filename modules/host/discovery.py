"""Which extensions there are, which of them are on, and in what order their files are loaded.

An extension is a folder below `extensions/`: of the program (shipped) or of the user. Its `metadata.ini` may name it
and say before and after which others its files come, as in A1111.
"""

from __future__ import annotations

import configparser
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

log = logging.getLogger(__name__)

Switch = Literal["none", "extra", "all"]
"""What is off as a whole: nothing, the user's own extensions, or all."""
SHIPPED = (
    "dynamic-prompts",
    "img2img-alternative",
    "loopback",
    "outpainting",
    "prompt-matrix",
    "prompts-from-file",
    "sd-upscale",
    "soft-inpainting",
    "xyz-grid",
)
"""Folders of the program's own extensions; what else lies beside them is the user's."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One folder. `name` is its folder's, `canonical` the lower-case name by which metadata speak of it."""

    name: str
    path: Path
    shipped: bool
    enabled: bool
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def canonical(self) -> str:
        return self.metadata.get("Extension", {}).get("Name", self.name).lower().strip() or self.name.lower()

    def files(self, folder: str, *suffixes: str) -> list[Path]:
        """The files at the top of one of its folders, by name."""
        found = (self.path / folder).iterdir() if (self.path / folder).is_dir() else ()
        return sorted(path for path in found if path.suffix in suffixes and path.is_file())


@dataclass(frozen=True, slots=True)
class File:
    """One file of an extension to be loaded. `key` is `<extension>/<file>`, as metadata name it."""

    extension: Extension
    path: Path

    @property
    def key(self) -> str:
        return f"{self.extension.canonical}/{self.path.name}"


def discover(
    shipped: Path, users: Path, *, disabled: Iterable[str] = (), switched_off: Switch = "none"
) -> list[Extension]:
    """Every extension, the shipped ones first, each group by name. A name that is taken already is left out."""
    off = {name.lower() for name in disabled}
    found: dict[str, Extension] = {}
    folders = [*_folders(shipped), *(() if users.resolve() == shipped.resolve() else _folders(users))]
    ours = [path for path in folders if path.parent == shipped and path.name in SHIPPED]
    for path in (*ours, *(path for path in folders if path not in ours)):
        is_ours = path in ours
        is_on = path.name.lower() not in off and switched_off != "all" and (is_ours or switched_off != "extra")
        extension = Extension(path.name, path, is_ours, is_on, _metadata(path / "metadata.ini"))
        if extension.canonical in found:
            other = found[extension.canonical].path
            log.error("%s is not loaded: %s has the name '%s' already.", path, other, extension.canonical)
            continue
        found[extension.canonical] = extension
    return list(found.values())


def ordered(extensions: Sequence[Extension], folder: str, *suffixes: str) -> list[File]:
    """The files of one folder over all enabled extensions, in A1111's order.

    By extension and name; then what comes "After" another is moved behind it. Missing names and circles are ignored.
    """
    files = [
        File(extension, path)
        for extension in extensions
        if extension.enabled
        for path in extension.files(folder, *suffixes)
    ]
    by_key = {file.key: file for file in files}
    after: dict[str, list[str]] = {key: [] for key in by_key}
    present = {extension.canonical for extension in extensions if extension.enabled}
    for file in files:
        told = _told(file, folder)
        _warn_of_missing(file, told.get("requires", ""), present)
        for name in _names(told.get("after", ""), present):
            after[file.key] += [key for key in by_key if _matches(key, name) and key != file.key]
        for name in _names(told.get("before", ""), present):
            for key in by_key:
                if _matches(key, name) and key != file.key:
                    after[key].append(file.key)
    return [by_key[key] for key in _sorted(after)]


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))


def _metadata(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] - keys keep their case
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        log.error("%s cannot be read and is ignored: %s", path, error)
        return {}
    return {name: dict(parser[name]) for name in parser.sections()}


def _told(file: File, folder: str) -> dict[str, str]:
    """What the metadata say of this file: its own section over that of the folder. Keys in lower case."""
    found: dict[str, str] = {}
    for section in (folder, f"{folder}/{file.path.name}"):
        for key, value in file.extension.metadata.get(section, {}).items():
            found[key.lower()] = value
    return found


def _names(text: str, present: set[str]) -> Iterator[str]:
    """The names of a list; of `a|b` the first that is there."""
    for item in filter(None, re.split(r"[,\s]+", text.lower())):
        options = item.split("|")
        yield next((option for option in options if option.split("/")[0] in present), options[0])


def _matches(key: str, name: str) -> bool:
    return key == name or key.split("/")[0] == name


def _warn_of_missing(file: File, text: str, present: set[str]) -> None:
    for item in filter(None, re.split(r"[,\s]+", text.lower())):
        if not present & {option.split("/")[0] for option in item.split("|")}:
            log.warning("%s requires the extension '%s', which is not installed.", file.key, item)


def _sorted(after: Mapping[str, Sequence[str]]) -> list[str]:
    """Depth first, each behind what it comes after, otherwise in the order given."""
    done: dict[str, None] = {}
    under_way: set[str] = set()

    def visit(key: str) -> None:
        if key in done or key in under_way:
            return
        under_way.add(key)
        for other in after[key]:
            visit(other)
        done[key] = None

    for key in after:
        visit(key)
    return list(done)
