"""TAESD decoders for previews: which file belongs to a model, and it in memory. Start with `TinyDecoders.of`."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from modules.foundation.errors import UserError
from modules.store.model_files import TAESD

if TYPE_CHECKING:
    from modules.engine.model import ModelHandle
    from modules.families.taesd import Decoder
    from modules.store.catalog import Catalog

log = logging.getLogger(__name__)

PUBLISHED = "taesd_decoder"
"""The name of TAESD's own file, which is for the latents of Stable Diffusion 1 and 2."""


class TinyDecoders:
    """Keeps the decoder used last. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[Path, int, Decoder | None] | None = None

    def of(self, model: ModelHandle, catalog: Catalog) -> Decoder | None:
        """The decoder for a model's latents: `<its file's name>_decoder`, else the published one if that fits.

        None without such a file, or for one that cannot be read, which is logged once.
        """
        from modules.families.catalog import SD_PREVIEW

        files = {file.stem: file for file in catalog.files(TAESD)}
        file = files.get(f"{model.ref.path.stem}_decoder")
        if file is None and model.latent_format.preview == SD_PREVIEW:
            file = files.get(PUBLISHED)
        if file is None:
            return None
        with self._lock:
            if self._read is None or self._read[:2] != (file.path, file.modified):
                self._read = file.path, file.modified, _opened(file.path)
            return self._read[2]


def _opened(path: Path) -> Decoder | None:
    from modules.families import taesd
    from modules.weights import reader

    try:
        with reader.opened(path) as file:
            weights = {key: file.tensor(key).clone() for key in file.shapes}
        return taesd.built(weights, path.name)
    except UserError as error:
        log.warning("Previews go on without it. %s", error)
        return None
