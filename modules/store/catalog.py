"""Model files of every kind by name. Folders are read when first asked for and at `refresh()`.

Nothing is opened or hashed while scanning; a checkpoint's hash comes from the cache, is computed in
the background after `hash_soon`, or at once by `sha256`.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from modules.foundation.errors import BadFile, Interrupted, NotFound
from modules.foundation.paths import Paths
from modules.store.hash_cache import HashCache
from modules.store.lora_names import LoraNames
from modules.store.model_files import (
    CHECKPOINT,
    EMBEDDING,
    HYPERNETWORK,
    LORA,
    VAE,
    VAE_BESIDE,
    CheckpointFile,
    ModelFile,
    ModelKind,
    scan,
    single,
)

log = logging.getLogger(__name__)

F = TypeVar("F", bound=ModelFile)

_TITLE = re.compile(r"(?P<name>.+) \[(?P<hash>[0-9a-f]{8,64})\]")
_HASH = re.compile(r" \[[0-9a-f]+\]$")


@dataclass(frozen=True, slots=True)
class _Index:
    """Checkpoints by everything they may be asked for by, as of one version of the hashes."""

    files: tuple[CheckpointFile, ...]
    aliases: Mapping[str, CheckpointFile]
    version: int

    @classmethod
    def of(cls, files: tuple[CheckpointFile, ...], version: int) -> _Index:
        """A full title or name beats a file name that several share; of two alike the first file counts."""
        ranked: dict[str, tuple[int, CheckpointFile]] = {}
        for file in files:
            for rank, alias in enumerate(file.aliases()):
                if alias not in ranked or rank < ranked[alias][0]:
                    ranked[alias] = rank, file
        return cls(files, {alias: file for alias, (_, file) in ranked.items()}, version)


class Catalog:
    """What there is. Every method is for any thread."""

    def __init__(self, paths: Paths, hashes: HashCache) -> None:
        self._paths = paths
        self._hashes = hashes
        self._lock = threading.RLock()
        self._scanned: dict[ModelKind, tuple[ModelFile, ...]] = {}
        self._told: dict[ModelKind, tuple[int, tuple[ModelFile, ...]]] = {}
        """The scanned files with their hashes, as of one version of those."""
        self._times: dict[ModelKind, dict[Path, int]] = {}
        self._index: _Index | None = None
        self.lora_names = LoraNames(self.loras, partial(self.refresh, LORA), hashes)
        self._wanted: queue.SimpleQueue[ModelFile] = queue.SimpleQueue()
        self._hasher: threading.Thread | None = None
        self._closed = threading.Event()
        self._on_hashed: list[Callable[[ModelFile], None]] = []

    def files(self, kind: ModelKind) -> tuple[ModelFile, ...]:
        """Every file of a kind, by name without regard to case. Of two of one name the first folder's counts,
        before it the one listed by itself."""
        with self._lock:
            if kind not in self._scanned:
                self._scanned[kind] = self._scan(kind)
                self._times[kind] = self._folder_times(kind)
                self._told.pop(kind, None)
            version = self._hashes.version
            if kind not in self._told or self._told[kind][0] != version:
                self._told[kind] = version, tuple(self._hashed(file) for file in self._scanned[kind])
            return self._told[kind][1]

    def checkpoints(self) -> tuple[CheckpointFile, ...]:
        return self._indexed().files

    def vaes(self) -> tuple[ModelFile, ...]:
        """Those in the VAE folders and those beside checkpoints."""
        return tuple(sorted((*self.files(VAE), *self.files(VAE_BESIDE)), key=_order))

    def embeddings(self) -> tuple[ModelFile, ...]:
        """The folder is read again whenever a file was put there or taken away."""
        self.refresh_changed(EMBEDDING)
        return self.files(EMBEDDING)

    def loras(self) -> tuple[ModelFile, ...]:
        return self.files(LORA)

    def hypernetworks(self) -> tuple[ModelFile, ...]:
        return self.files(HYPERNETWORK)

    def refresh(self, kind: ModelKind | None = None) -> None:
        """Read the folders, or one kind's, again when next asked."""
        with self._lock:
            for scanned in [kind] if kind else list(self._scanned):
                self._scanned.pop(scanned, None)
            self._index = None

    def refresh_changed(self, kind: ModelKind) -> None:
        """Read a kind's folders again if a file was put there or taken away."""
        with self._lock:
            if kind in self._scanned and self._folder_times(kind) != self._times.get(kind):
                self.refresh(kind)

    def find_checkpoint(self, text: str) -> CheckpointFile:
        """The checkpoint of a title, name, file name or hash, in any of A1111's spellings.

        A title whose hash is not known here counts by its name. Raises NotFound.
        """
        wanted, index = text.strip(), self._indexed()
        return (
            index.aliases.get(wanted)
            or _by_title(index, wanted)
            or _by_old_hash(index.files, wanted)
            or _missing(index.files, wanted)
        )

    def closest_checkpoint(self, text: str) -> CheckpointFile:
        """As `find_checkpoint`, and if need be the shortest title that has the text in it, with or without its hash.

        So A1111 finds a refiner's and a second pass's checkpoint. Raises NotFound.
        """
        wanted, files = text.strip(), self._indexed().files
        try:
            return self.find_checkpoint(wanted)
        except NotFound:
            for part in (wanted, _HASH.sub("", wanted)):
                titled = [file for file in files if part and part in file.title]
                if titled:
                    return min(titled, key=lambda file: len(file.title))
            raise

    def find_vae(self, text: str) -> ModelFile:
        """The VAE of a file name, with or without its folder or suffix. Raises NotFound."""
        wanted = text.strip()
        for spelled in (lambda file: file.name, lambda file: file.path.name, lambda file: file.stem):
            for file in self.vaes():
                if spelled(file) == wanted:
                    return file
        raise NotFound(f"There is no VAE '{wanted}' in {self._paths.folder(VAE.folder)}. Put it there and refresh.")

    def sha256(self, file: F) -> F:
        """The file with its hash, computed now if need be, which takes seconds for gigabytes.

        Of a file that changed or went since it was listed, the hash it had then, if it is known.
        Raises BadFile if it cannot be read.
        """
        known = self._hashes.get(file.path, file.size, file.modified)
        if known:
            return replace(file, sha256=known)
        try:
            return replace(file, sha256=self._hashes.compute(file.path, self._closed.is_set))
        except OSError as error:
            raise BadFile(f"{file.path} cannot be read: {error.strerror or error}.") from error

    def hash_soon(self, file: ModelFile) -> None:
        """Compute the file's hash in the background, after those already wanted."""
        with self._lock:
            self._wanted.put(file)
            if self._hasher is None or not self._hasher.is_alive():
                self._hasher = threading.Thread(target=self._hash, name="hashes", daemon=True)
                self._hasher.start()

    def on_hashed(self, listener: Callable[[ModelFile], None]) -> None:
        """Call `listener` with each file whose hash was computed in the background."""
        self._on_hashed.append(listener)

    def close(self) -> None:
        """Stop hashing."""
        self._closed.set()

    def _indexed(self) -> _Index:
        with self._lock:
            if self._index is None or self._index.version != self._hashes.version:
                version = self._hashes.version
                self._index = _Index.of(tuple(_checkpoint(file) for file in self.files(CHECKPOINT)), version)
            return self._index

    def _scan(self, kind: ModelKind) -> tuple[ModelFile, ...]:
        listed = (single(path, kind) for path in self._paths.files.get(kind.folder, ()))
        found: dict[str, ModelFile] = {file.name: file for file in listed if file}
        for folder in self._folders(kind):
            for file in scan(folder, kind):
                found.setdefault(file.name, file)
        return tuple(sorted(found.values(), key=_order))

    def _folder_times(self, kind: ModelKind) -> dict[Path, int]:
        """When each folder with files of the kind was last changed."""
        folders = {*self._folders(kind), *(file.path.parent for file in self._scanned[kind])}
        return {folder: folder.stat().st_mtime_ns for folder in folders if folder.is_dir()}

    def _folders(self, kind: ModelKind) -> tuple[Path, ...]:
        if kind is EMBEDDING:
            return (self._paths.embeddings,)
        return self._paths.folders(kind.folder)

    def _hashed(self, file: ModelFile) -> ModelFile:
        known = self._hashes.get(file.path, file.size, file.modified)
        return replace(file, sha256=known) if known else file

    def _hash(self) -> None:
        while not self._closed.is_set():
            try:
                file = self._wanted.get(timeout=1)
            except queue.Empty:
                with self._lock:
                    if self._wanted.empty():
                        self._hasher = None
                        return
                continue
            try:
                done = self.sha256(file)
            except BadFile as error:
                log.warning("%s", error)
            except Interrupted:
                return
            else:
                for listener in self._on_hashed:
                    listener(done)


def _order(file: ModelFile) -> tuple[str, str]:
    return file.name.lower(), file.name


def _checkpoint(file: ModelFile) -> CheckpointFile:
    return CheckpointFile(file.name, file.path, file.size, file.modified, file.sha256)


def _by_title(index: _Index, wanted: str) -> CheckpointFile | None:
    """A title with a hash that was written before, or elsewhere, and is not known here."""
    title = _TITLE.fullmatch(wanted)
    if title is None:
        return None
    file = index.aliases.get(title["name"])
    if file is None or (file.sha256 and not file.sha256.startswith(title["hash"]) and len(title["hash"]) != 8):
        return None
    return file


def _by_old_hash(found: tuple[CheckpointFile, ...], wanted: str) -> CheckpointFile | None:
    if not re.fullmatch(r"[0-9a-f]{8}", wanted):
        return None
    for file in found:
        try:
            if file.old_hash() == wanted:
                return file
        except OSError as error:
            log.warning("%s cannot be read: %s", file.path, error)
    return None


def _missing(found: tuple[CheckpointFile, ...], wanted: str) -> CheckpointFile:
    there = ", ".join(file.name for file in found[:5]) + (", ..." if len(found) > 5 else "")
    raise NotFound(
        f"There is no checkpoint '{wanted}'. "
        + (f"There are: {there}." if found else "There is none at all.")
        + " Put it into models/Stable-diffusion and refresh the list."
    )
