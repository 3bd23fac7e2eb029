"""Tensors out of a model file, one at a time, whatever its format. Start at `opened`.

The format is told by the file's content; its ending may say anything. Reading keeps no more than
a few tensors of the file in memory, however large it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from modules.foundation.errors import BadFile, NotFound

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]

_WINDOW = 64 << 20
"""Bytes read through one memory map before it is renewed; pages of the file stay resident until then."""
_LONGEST_HEADER = 100_000_000
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class TensorFile(Protocol):
    """An open model file."""

    path: Path
    shapes: Mapping[str, Shape]
    metadata: Mapping[str, str]

    def tensor(self, key: str) -> Tensor:
        """One tensor as it is stored. It may be a view of the file: copy or convert it before asking for the next."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[TensorFile]:
    """The model file at `path`. Raises NotFound, BadFile (damaged, or no model at all) or UnsafeFile."""
    start = _start(path)
    if start.startswith(_PICKLES):
        from modules.weights.unpickle import tensors_of

        yield _Pickled(path, tensors_of(path))
        return
    _check_safetensors(path, start)
    file = _Safetensors(path)
    try:
        yield file
    finally:
        file.close()


def is_pickle(path: Path) -> bool:
    """Whether a file is what torch.save writes. Raises NotFound or BadFile if it cannot be read."""
    return _start(path).startswith(_PICKLES)


class _Pickled:
    """Tensors of a pickle. Each is let go once it was asked for."""

    def __init__(self, path: Path, tensors: dict[str, Tensor]) -> None:
        self.path = path
        self.metadata: Mapping[str, str] = {}
        self.shapes: Mapping[str, Shape] = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
        self._tensors = tensors

    def tensor(self, key: str) -> Tensor:
        return self._tensors[key]


class _Safetensors:
    """Tensors of a safetensors file through a memory map that is renewed every few tensors."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()
        self.metadata: Mapping[str, str] = self._file.metadata() or {}
        keys = self._file.keys()
        self.shapes: Mapping[str, Shape] = {key: tuple(self._file.get_slice(key).get_shape()) for key in keys}

    def tensor(self, key: str) -> Tensor:
        if self._read > _WINDOW:
            self.close()
            self._open()
        found = self._file.get_tensor(key)
        self._read += found.nbytes
        return found

    def close(self) -> None:
        self._file.__exit__(None, None, None)

    def _open(self) -> None:
        from safetensors import SafetensorError, safe_open

        self._read = 0
        try:
            self._file: Any = safe_open(self.path, "pt").__enter__()
        except (SafetensorError, OSError) as error:
            raise BadFile(f"{self.path.name} is damaged ({error}). Download or copy it again.") from None


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(256)
    except FileNotFoundError:
        raise NotFound(f"The model file {path} does not exist any more.") from None
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read ({error.strerror or error}).") from None


def _check_safetensors(path: Path, start: bytes) -> None:
    """Say in words what is wrong with a file that is no whole safetensors file."""
    name, size = path.name, path.stat().st_size
    if not start:
        raise BadFile(f"{name} is empty. Download or copy it again.")
    if start.startswith(b"version https://git-lfs"):
        raise BadFile(f"{name} is only a Git LFS pointer; the model itself was not downloaded. Run `git lfs pull`.")
    length = int.from_bytes(start[:8], "little")
    if start[8:9] != b"{" or length > _LONGEST_HEADER:
        kind = "a text or web page" if _is_text(start) else "neither safetensors nor a PyTorch checkpoint"
        raise BadFile(f"{name} is no model file: its content is {kind}.")
    if 8 + length > size:
        raise BadFile(f"{name} is incomplete: it ends within its header. Download or copy it again.")
    expected = 8 + length + _data_length(path, length)
    if size < expected:
        raise BadFile(f"{name} is incomplete: {size:,} of {expected:,} bytes are there. Download or copy it again.")


def _data_length(path: Path, length: int) -> int:
    with path.open("rb") as file:
        file.seek(8)
        text = file.read(length)
    try:
        header = json.loads(text)
        return max((int(entry["data_offsets"][1]) for key, entry in header.items() if key != "__metadata__"), default=0)
    except (ValueError, AttributeError, KeyError, TypeError, IndexError, RecursionError, OverflowError):
        raise BadFile(f"{path.name} is damaged: its header cannot be read. Download or copy it again.") from None


def _is_text(start: bytes) -> bool:
    try:
        start[:-4].decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in start
