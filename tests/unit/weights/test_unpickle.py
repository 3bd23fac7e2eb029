"""Pickled checkpoints: tensors come out, code never runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from modules.foundation.errors import BadFile, UnsafeFile
from modules.weights.unpickle import Inert, tensors_of


class Runs:
    """Leaves a file behind if it is unpickled by the standard means."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


def _weights() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("nested", [True, False], ids=["state_dict", "flat"])
def test_tensors_come_out(tmp_path: Path, zipped: bool, nested: bool) -> None:
    path = tmp_path / "model.ckpt"
    content = {"state_dict": OrderedDict(_weights()), "global_step": 7} if nested else _weights()
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    found = tensors_of(path)
    assert found.keys() == _weights().keys()
    for key, value in _weights().items():
        assert found[key].dtype == value.dtype
        assert torch.equal(found[key], value)


def test_parameters_and_numpy_scores_beside_the_weights_do_no_harm(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "model.ckpt"
    content = {
        "state_dict": {"w": torch.nn.Parameter(torch.ones(2))},
        "callbacks": {"best": np.float64(1.5), "history": np.ones(3)},
    }
    torch.save(content, path)
    assert torch.equal(tensors_of(path)["w"].data, torch.ones(2))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_with_code_is_refused_and_nothing_runs(tmp_path: Path, zipped: bool) -> None:
    path, trace = tmp_path / "model.ckpt", tmp_path / "it-ran"
    torch.save({"state_dict": _weights(), "extra": Runs(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeFile, match=r"model\.ckpt was refused: it would run '\w+\.mkdir'"):
        tensors_of(path)
    assert not trace.exists()


def test_the_same_pickle_would_have_run(tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    pickle.loads(pickle.dumps(Runs(trace)))
    assert trace.exists()


@pytest.mark.parametrize(
    "name",
    ["eval", "exec", "getattr", "__import__", "open", "compile"],
)
def test_dangerous_builtins_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"\x80\x02c__builtin__\n" + name.encode() + b"\nX\x01\x00\x00\x00a\x85R.")
    with pytest.raises(UnsafeFile, match=name):
        tensors_of(path)


def test_torchs_own_loader_of_bytes_is_refused(tmp_path: Path) -> None:
    # torch.storage._load_from_bytes is torch.load without any guard.
    path = tmp_path / "model.pt"
    path.write_bytes(b"\x80\x02ctorch.storage\n_load_from_bytes\nC\x01a\x85R.")
    with pytest.raises(UnsafeFile, match="_load_from_bytes"):
        tensors_of(path)


def test_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/version", b"3\n")
        archive.writestr("model/constants.pkl", b"")
        archive.writestr("model/code/__torch__.py", b"")
    with pytest.raises(UnsafeFile, match="TorchScript"):
        tensors_of(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path: Path, share: float) -> None:
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": {"w": torch.ones(1000)}}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadFile, match=r"model\.ckpt"):
        tensors_of(path)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"state_dict": {}}, "text", {1: torch.ones(1)}])
def test_a_pickle_without_named_tensors_is_no_checkpoint(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "model.ckpt"
    torch.save(content, path)
    with pytest.raises(BadFile, match="no tensors"):
        tensors_of(path)


def test_an_inert_object_takes_whatever_a_pickle_does() -> None:
    inert = Inert(1, two=2)
    inert["key"] = 1
    inert.append(1)
    inert.extend([1])
    inert.add(1)
    inert.__setstate__({"a": 1})
    assert {inert: 1}[inert] == 1
