"""Which models are in memory: loaded when asked for, kept up to a limit, the last good one never lost.

Importing this module loads no torch: the loader, which does, is made when the first model is asked for.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modules.engine.model import ModelHandle, ModelRef
from modules.engine.options import ModelOptions, VaeOptions
from modules.foundation.errors import NotFound, UserError

if TYPE_CHECKING:
    from modules.engine.loader import Loader, Phase, Prepared
    from modules.store.catalog import Catalog
    from modules.store.model_files import CheckpointFile, ModelFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A model in a certain state. Compared by the files' paths and times, not by titles, which hashing changes."""

    model: ModelRef = field(compare=False)
    vae: ModelRef | None = field(compare=False)
    model_file: tuple[Path, int]
    vae_file: tuple[Path, int] | None
    float32: bool

    def shares_network(self, other: _Wanted) -> bool:
        """Whether only the VAE differs."""
        return self.model_file == other.model_file and self.float32 == other.float32


class Residency:
    """The loaded models. Models are loaded and used on the device thread; `current` may be read from any."""

    def __init__(self, catalog: Catalog, loader: Callable[[], Loader]) -> None:
        """`loader` is called once, when the first model is asked for; it may import torch."""
        self._catalog = catalog
        self._make_loader = loader
        self._loader: Loader | None = None
        # The most recently used last; the last one is current.
        self._loaded: OrderedDict[_Wanted, ModelHandle] = OrderedDict()
        self._current: ModelHandle | None = None
        self._lock = threading.RLock()

    @property
    def current(self) -> ModelHandle | None:
        """The model acquired last; None before the first and after `unload`."""
        return self._current

    def acquire(
        self,
        wanted: str | None,
        options: ModelOptions | None = None,
        vae_options: VaeOptions | None = None,
        phase: Phase | None = None,
    ) -> ModelHandle:
        """The model called `wanted` (title, name, file name or hash); empty or None takes the first there is.

        Loads it unless it is loaded, and lets the least recently used models beyond
        `sd_checkpoints_limit` go. `phase` is told what is being done. Raises NotFound, BadFile or
        OutOfMemory; whatever was current before then still is, and works.
        """
        options, vae_options = options or ModelOptions(), vae_options or VaeOptions()
        file = self._found(wanted)
        with self._lock:
            key = self._key(file, self._chosen_vae(file, vae_options), options.float32)
            if key not in self._loaded:
                self._load(key, options.sd_checkpoints_limit, phase or _silent)
            self._loaded.move_to_end(key)
            self._current = self._loaded[key]
            return self._current

    def unload(self) -> None:
        """Free every model's memory."""
        with self._lock:
            self._current = None
            self._loaded.clear()
            self._free()

    def reload(self, phase: Phase | None = None) -> ModelHandle | None:
        """Read the current model's file again; None if none is loaded. Raises as `acquire` does."""
        with self._lock:
            if self._current is None:
                return None
            key = next(reversed(self._loaded))
            prepared = self._prepared(key)
            self._current = None
            del self._loaded[key]
            self._free()
            self._loaded[key] = self._current = prepared.load(phase or _silent)
            return self._current

    def _load(self, key: _Wanted, limit: int, phase: Phase) -> None:
        """Put the model `key` into `_loaded`, or raise and leave what was there as it was."""
        prepared = self._prepared(key)  # from here on only a full memory or disk can stand in the way
        sibling = next((other for other in self._loaded if other.shares_network(key)), None)
        if sibling:
            self._loaded[key] = prepared.load_vae(self._loaded[sibling], phase)
            del self._loaded[sibling]
            return
        before = next(reversed(self._loaded), None)
        if len(self._loaded) >= limit:
            while len(self._loaded) >= limit:
                self._loaded.popitem(last=False)
            self._current = next(reversed(self._loaded.values()), None)
            self._free()
        evicted = before is not None and before not in self._loaded
        try:
            self._loaded[key] = prepared.load(phase)
        except UserError:
            if before and evicted:
                self._restore(before, phase)
            raise

    def _restore(self, key: _Wanted, phase: Phase) -> None:
        """Load the model that had to make room for one that then failed."""
        self._free()
        with suppress(UserError):
            self._loaded[key] = self._current = self._prepared(key).load(phase)

    def _prepared(self, key: _Wanted) -> Prepared:
        if self._loader is None:
            self._loader = self._make_loader()
        return self._loader.prepare(key.model, key.vae, float32=key.float32)

    def _free(self) -> None:
        if self._loader:
            self._loader.free()

    def _found(self, wanted: str | None) -> CheckpointFile:
        if wanted and wanted.strip():
            return self._catalog.find_checkpoint(wanted)
        first = next(iter(self._catalog.checkpoints()), None)
        if first is None:
            raise NotFound("There is no checkpoint. Put one into models/Stable-diffusion and refresh the list.")
        return first

    def _chosen_vae(self, file: CheckpointFile, options: VaeOptions) -> ModelFile | None:
        """The separate VAE the settings mean for a checkpoint, None for the checkpoint's own.

        What is noted on the checkpoint's card counts where they say Automatic, or leave it to the model.
        """
        chosen = options.sd_vae
        if chosen != "Automatic" and options.sd_vae_overrides_per_model_preferences:
            return self._named_vae(chosen)
        noted = file.preferred_vae
        if noted and noted != "Automatic":
            try:
                return self._named_vae(noted)
            except NotFound as error:
                log.warning("%s is noted to go with a VAE that is missing: %s", file.name, error)
        beside = _vae_beside(file, self._catalog.vaes())
        return beside if beside is not None or chosen == "Automatic" else self._named_vae(chosen)

    def _named_vae(self, name: str) -> ModelFile | None:
        return None if name == "None" else self._catalog.find_vae(name)

    def _key(self, file: CheckpointFile, vae: ModelFile | None, float32: bool) -> _Wanted:
        return _Wanted(
            model=ModelRef(file.model_name, file.title, file.path, lambda: self._catalog.sha256(file).sha256),
            vae=ModelRef(vae.stem, vae.name, vae.path, lambda: self._catalog.sha256(vae).sha256) if vae else None,
            model_file=(file.path, file.modified),
            vae_file=(vae.path, vae.modified) if vae else None,
            float32=float32,
        )


def _vae_beside(file: CheckpointFile, vaes: tuple[ModelFile, ...]) -> ModelFile | None:
    """The VAE named after a checkpoint: `name.vae.safetensors`, or `name.safetensors` in the VAE folder."""
    return next((vae for vae in vaes if vae.stem.removesuffix(".vae") == file.stem), None)


def _silent(_text: str) -> None:
    """The phase of callers that do not watch."""
