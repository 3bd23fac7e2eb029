"""Checkpoints under A1111's names, and the one in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules._anchor import anchor
from modules.foundation.errors import NotFound

if TYPE_CHECKING:
    from modules.engine.model import ModelHandle
    from modules.store.model_files import CheckpointFile


class CheckpointInfo:
    """A checkpoint's names."""

    def __init__(self, file: CheckpointFile) -> None:
        self.filename = str(file.path)
        self.name = file.name
        self.title = file.title
        self.short_title = file.title
        self.model_name = file.model_name
        self.name_for_extra = file.path.stem
        self.sha256 = file.sha256
        self.hash = self.shorthash = file.hash


class SdModel:
    """The model in memory, as far as A1111's names for it are answered."""

    def __init__(self, handle: ModelHandle | None) -> None:
        self._handle = handle

    def __bool__(self) -> bool:
        return self._handle is not None

    @property
    def sd_checkpoint_info(self) -> CheckpointInfo | None:
        return CheckpointInfo(self._handle.ref) if self._handle is not None else None  # type: ignore[arg-type]


def checkpoint_tiles(use_short: bool = False) -> list[str]:
    """The checkpoints' titles."""
    return [file.title for file in anchor.studio.catalog.checkpoints()]


def get_closet_checkpoint_match(search: str) -> CheckpointInfo | None:
    """The checkpoint of any of these names, or the one whose name has it in it; None if there is none."""
    try:
        return CheckpointInfo(anchor.studio.catalog.find_checkpoint(search))
    except NotFound:
        pass
    near = [file for file in anchor.studio.catalog.checkpoints() if search.lower() in file.title.lower()]
    return CheckpointInfo(min(near, key=lambda file: len(file.title))) if near else None


def list_models() -> None:
    """The catalogue reads its folders afresh whenever it is asked."""


def __getattr__(name: str) -> Any:
    if name == "checkpoints_list":
        return {file.title: CheckpointInfo(file) for file in anchor.studio.catalog.checkpoints()}
    raise AttributeError(f"module 'modules.sd_models' has no attribute '{name}'")
