"""Reading model files by content, and saying in words what is wrong with a bad one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.foundation.errors import BadFile, NotFound
from modules.weights import reader
from modules.weights.reader import opened

WEIGHTS = {"a": torch.arange(6, dtype=torch.float16).reshape(2, 3), "b.c": torch.ones(5)}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_file(WEIGHTS, path, metadata={"made": "here"})
    return path


def test_shapes_metadata_and_tensors(whole: Path) -> None:
    with opened(whole) as file:
        assert dict(file.shapes) == {"a": (2, 3), "b.c": (5,)}
        assert file.metadata == {"made": "here"}
        for key, value in WEIGHTS.items():
            assert torch.equal(file.tensor(key), value)


def test_the_map_is_renewed_without_harm(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_WINDOW", 1)
    with opened(whole) as file:
        found = {key: file.tensor(key).clone() for key in [*WEIGHTS, *WEIGHTS]}
    assert all(torch.equal(found[key], value) for key, value in WEIGHTS.items())


def test_the_ending_does_not_decide(whole: Path, tmp_path: Path) -> None:
    renamed = whole.rename(tmp_path / "model.ckpt")
    with opened(renamed) as file:
        assert torch.equal(file.tensor("a"), WEIGHTS["a"])
    pickled = tmp_path / "pickled.safetensors"
    with pickled.open("wb") as target:
        torch.save({"state_dict": WEIGHTS}, target)
    with opened(pickled) as file:
        assert torch.equal(file.tensor("b.c"), WEIGHTS["b.c"])


def _refused(path: Path, reason: str) -> None:
    with pytest.raises(BadFile, match=reason) as raised, opened(path):
        pass
    assert path.name in str(raised.value)


def test_a_truncated_file_says_how_much_is_missing(whole: Path) -> None:
    content = whole.read_bytes()
    whole.write_bytes(content[:-7])
    _refused(whole, rf"incomplete: {len(content) - 7:,} of {len(content):,} bytes")
    whole.write_bytes(content[:40])
    _refused(whole, "ends within its header")
    whole.write_bytes(content[:5])
    _refused(whole, "no model file")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html><body>Not Found</body></html>", "text or web page"),
        (b'{"a": 1}' * 20, "text or web page"),
        (b"\xff\xd8\xff\xe0" + bytes(300), "neither safetensors nor"),
        (b"\x10" + bytes(7) + b"{ not json at all", "header"),
    ],
)
def test_what_is_no_model_is_told_apart(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "thing.safetensors"
    path.write_bytes(content)
    _refused(path, reason)


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 4]}},  # four numbers in four bytes
        {"a": {"dtype": "F99", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F16", "shape": [2], "data_offsets": [4, 0]}},
        {"a": [1]},
        {"a": {"data_offsets": ["x", "y"]}},
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path: Path, header: dict[str, object]) -> None:
    path, text = tmp_path / "model.safetensors", json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    _refused(path, "damaged|incomplete")


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="gone"), opened(tmp_path / "gone.safetensors"):
        pass


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    _refused(tmp_path / "folder.safetensors", "cannot be read")
