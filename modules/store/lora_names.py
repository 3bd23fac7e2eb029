"""LoRA files by the names that prompts call them by, and what the files say of themselves.

A file is called by its stem; by its alias too, the `ss_output_name` that trainers write into it, where no other file
has the same.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from modules.foundation.errors import NotFound
from modules.store.hash_cache import HashCache
from modules.store.model_files import ModelFile
from modules.weights import metadata

log = logging.getLogger(__name__)

_NO_ALIAS: Final = "none"
SHORTEST_HASH: Final = 8
"""Characters; fewer could be any file's."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class LoraNames:
    """For any thread. Files' remarks are read when they are first asked for, and again when a file changes."""

    def __init__(
        self, files: Callable[[], tuple[ModelFile, ...]], rescan: Callable[[], None], hashes: HashCache
    ) -> None:
        self._files = files
        self._rescan = rescan
        self._hashes = hashes
        self._lock = threading.RLock()
        self._said: dict[Path, tuple[int, Mapping[str, str]]] = {}
        self._listed: tuple[ModelFile, ...] = ()
        self._stems: Mapping[str, ModelFile] = {}
        self._aliases: Mapping[str, ModelFile] | None = None

    def find(self, name: str) -> ModelFile:
        """The file of a stem or alias; of several with one stem the last. Raises NotFound.

        The folders are read again before a name is given up.
        """
        for again in (False, True):
            if again:
                self._rescan()
            with self._lock:
                self._index()
                if found := self._stems.get(name) or self._by_alias().get(name):
                    return found
        raise NotFound(f"There is no LoRA '{name}'. Put it into models/Lora.")

    def is_known(self, name: str) -> bool:
        """Whether `find` would find it without looking into the folders again."""
        with self._lock:
            self._index()
            return name in self._stems or name in self._by_alias()

    def alias(self, file: ModelFile) -> str:
        """What the file calls itself, else its stem."""
        return self.said(file).get("ss_output_name") or file.stem

    def inserted(self, file: ModelFile, *, prefer_alias: bool) -> str:
        """The name that a click on the file's card writes into the prompt."""
        alias = self.alias(file)
        with self._lock:
            self._index()
            return alias if prefer_alias and self._by_alias().get(alias) == file else file.stem

    def said(self, file: ModelFile) -> Mapping[str, str]:
        """What trainers wrote into the file, by key; empty where there is nothing or it cannot be read."""
        with self._lock:
            known = self._said.get(file.path)
            if known and known[0] == file.modified:
                return known[1]
        try:
            found = MappingProxyType(metadata.read(file.path))
        except OSError as error:
            log.warning("%s cannot be read: %s", file.path, error)
            found = _NOTHING
        with self._lock:
            self._said[file.path] = (file.modified, found)
        return found

    def hash(self, file: ModelFile) -> str | None:
        """The twelve characters that infotexts show: of the tensors alone, as trainers compute it; None if unreadable.

        Reads the file the first time, unless it says its hash itself.
        """
        if said := self.said(file).get("sshs_model_hash"):
            return said[:12]
        try:
            return self._hashes.compute(file.path, tensors=file.path.suffix.lower() == ".safetensors")[:12]
        except OSError as error:
            log.warning("%s cannot be read: %s", file.path, error)
            return None

    def by_hash(self, digest: str) -> ModelFile | None:
        """The file whose hash begins with that, among those whose hash is known; no file is read for it."""
        for file in self._files():
            tensors = file.path.suffix.lower() == ".safetensors"
            told = self.said(file).get("sshs_model_hash")
            known = told or self._hashes.get(file.path, file.size, file.modified, tensors=tensors)
            if known and len(digest) >= SHORTEST_HASH and known.startswith(digest):
                return file
        return None

    def _index(self) -> None:
        files = self._files()
        if files == self._listed and self._stems:
            return
        self._listed = files
        # Folder by folder with the deeper ones later, as A1111 walks them.
        ordered = sorted(files, key=lambda file: (_natural(str(file.path.parent)), _natural(file.path.name)))
        self._stems = {file.stem: file for file in ordered}
        self._aliases = None

    def _by_alias(self) -> Mapping[str, ModelFile]:
        if self._aliases is None:
            named = [(self.alias(file), file) for file in self._listed]
            count = Counter(alias for alias, _ in named)
            self._aliases = {alias: file for alias, file in named if count[alias] == 1 and alias.lower() != _NO_ALIAS}
        return self._aliases


def _natural(text: str) -> list[tuple[int, str]]:
    """Numbers in a name count as numbers."""
    return [(int(part), "") if part.isdecimal() else (0, part.lower()) for part in re.split(r"(\d+)", text)]
