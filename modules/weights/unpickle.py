"""The allow-listed unpickler: .ckpt, .pt and .bin files give their tensors and run nothing.

A pickle is a program that may name any function and call it. This one may name only what tensors are
made of; what training programs leave beside the tensors becomes an `Inert` object, and any other name
refuses the file. Start at `tensors_of`.
"""

from __future__ import annotations

import pickle
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from modules.foundation.errors import BadFile, UnsafeFile

_ALLOWED = {
    "collections": {"OrderedDict"},
    "_codecs": {"encode"},
    "torch": {
        *("Size", "float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2"),
        *("uint8", "int8", "int16", "int32", "int64", "bool"),
        *("FloatStorage", "HalfStorage", "DoubleStorage", "BFloat16Storage", "ByteStorage", "CharStorage"),
        *("ShortStorage", "IntStorage", "LongStorage", "BoolStorage"),
    },
    "torch._utils": {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"},
    "torch.nn.parameter": {"Parameter"},
    "torch.storage": {"UntypedStorage"},
}
_LEFT_BY_TRAINING = {"pytorch_lightning", "lightning", "lightning_fabric", "numpy", "omegaconf", "ldm", "argparse"}
"""Packages whose objects checkpoints carry beside the weights: loop counters, scores, configuration."""
_DAMAGE = (
    *(pickle.UnpicklingError, EOFError, OSError, RuntimeError, LookupError),
    *(ValueError, AttributeError, TypeError, ImportError, AssertionError, MemoryError, SystemError),
)
"""What reading a damaged pickle has been seen to raise."""
_WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params-ema", "params")
"""What training programs put the tensors into; of BasicSR's upscalers the smoothed ones count."""
_HARMLESS_BUILTINS = {"set", "frozenset", "dict", "list", "tuple", "int", "float", "complex", "slice"}


class Inert(dict):
    """Stands for an object we do not need. It accepts whatever a pickle does to an object and does nothing."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()

    def __setstate__(self, _state: Any) -> None: ...
    def __hash__(self) -> int:  # type: ignore[override]  # a pickle may use it as a key
        return id(self)

    def append(self, _value: Any) -> None: ...
    def extend(self, _values: Any) -> None: ...
    def add(self, _value: Any) -> None: ...


class Parameters(Inert):
    """Stands for torch's ParameterDict, in which old embeddings have their vectors: the tensors by name."""

    def __setstate__(self, state: Any) -> None:
        found = state.get("_parameters") if isinstance(state, Mapping) else None
        self.update(found if isinstance(found, Mapping) else {})


class Unpickler(pickle.Unpickler):
    """Refuses every name that is not a tensor's."""

    def find_class(self, module: str, name: str, /) -> Any:
        """What a pickle may name. Raises UnsafeFile for anything else."""
        if name in _ALLOWED.get(module, ()):
            return super().find_class(module, name)
        if (module, name) == ("torch.nn.modules.container", "ParameterDict"):
            return Parameters
        if module in {"builtins", "__builtin__"} and name in _HARMLESS_BUILTINS:
            return super().find_class("builtins", name)
        if module.partition(".")[0] in _LEFT_BY_TRAINING:
            return Inert
        raise UnsafeFile(f"it would run '{module}.{name}' when loaded")


def _load(file: Any, **arguments: Any) -> Any:
    return Unpickler(file, **arguments).load()


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a pickled checkpoint by key, mapped from the file where its format allows.

    Looks inside `state_dict` where there is one, as ldm's files have, and its like. Raises UnsafeFile if the file
    would run code, BadFile if it is damaged or holds no tensors by name.
    """
    tensors = _flat(unpickled(path))
    if not tensors:
        raise BadFile(f"{path.name} holds no tensors by name, so it is no checkpoint.")
    return tensors


def unpickled(path: Path) -> Any:
    """What was pickled, foreign objects inert, tensors mapped from the file where its format allows.

    Raises UnsafeFile if the file would run code, BadFile if it is damaged.
    """
    # torch.load asks its pickle_module for these two and nothing else.
    safe = types.SimpleNamespace(Unpickler=Unpickler, load=_load, __name__="modules.weights.unpickle")
    try:
        with path.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            if is_zip:
                _refuse_programs(path)
            # Given a path that ends so, torch.load would not look at the content.
            source = file if path.suffix == ".safetensors" else path
            mapped = is_zip and source is path
            return torch.load(source, map_location="cpu", pickle_module=safe, weights_only=False, mmap=mapped)
    except UnsafeFile as error:
        raise UnsafeFile(f"{path.name} was refused: {error}. Get the model as .safetensors instead.") from None
    except _DAMAGE as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise BadFile(f"{path.name} is damaged or is no checkpoint ({problem}).") from None


def _flat(found: Any) -> dict[str, torch.Tensor]:
    for name in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping):
        return {}
    return {key: value for key, value in found.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}


def _refuse_programs(path: Path) -> None:
    """TorchScript archives are programs, too, and torch.load would hand them to another loader.

    Asked of torch's own reader, which decides there as well: another one might see other files in a crafted archive.
    """
    if "constants.pkl" in torch._C.PyTorchFileReader(str(path)).get_all_records():
        raise UnsafeFile("it is a TorchScript program")
