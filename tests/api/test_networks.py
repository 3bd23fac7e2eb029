"""LoRA files, embeddings and hypernetworks as A1111's API lists them, and remarks on a prompt's networks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import Served


def safetensors(path: Path, tensors: dict[str, list[int]], **said: str) -> Path:
    """A file of zeros, written without torch."""
    header: dict[str, object] = {"__metadata__": said} if said else {}
    end = 0
    for key, shape in tensors.items():
        size = 4 * shape[0] * shape[1]
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return path


@pytest.fixture
def files(api: Served) -> Iterator[dict[str, Path]]:
    paths = api.studio.paths
    said = {"ss_output_name": "alias", "ss_tag_frequency": '{"cats": {"cat": 3}}', "ssmd_cover_images": "[...]"}
    made = {
        "lora": safetensors(paths.folder("Lora") / "sub" / "file.safetensors", {"x": [1, 1]}, **said),
        "hypernetwork": paths.folder("hypernetworks") / "hyper.pt",
        "embedding": safetensors(paths.embeddings / "word.safetensors", {"emb_params": [2, 768]}),
    }
    made["hypernetwork"].parent.mkdir(parents=True, exist_ok=True)
    made["hypernetwork"].write_bytes(b"PK\x03\x04")
    for name in ("loras", "embeddings"):
        assert api.client.post(f"/sdapi/v1/refresh-{name}").json() is None
    api.studio.catalog.refresh()
    yield made
    for path in made.values():
        path.unlink()
    api.studio.catalog.refresh()


def test_loras(api: Served, files: dict[str, Path]) -> None:
    assert api.client.get("/sdapi/v1/loras").json() == [
        {
            "name": "file",
            "alias": "alias",
            "path": str(files["lora"]),
            "metadata": {"ss_output_name": "alias", "ss_tag_frequency": {"cats": {"cat": 3}}},
        }
    ]


def test_hypernetworks(api: Served, files: dict[str, Path]) -> None:
    assert api.client.get("/sdapi/v1/hypernetworks").json() == [{"name": "hyper", "path": str(files["hypernetwork"])}]


def test_embeddings(api: Served, files: dict[str, Path]) -> None:
    item = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 2}
    assert api.client.get("/sdapi/v1/embeddings").json() == {"loaded": {"word": item}, "skipped": {}}


def test_a_new_lora_is_listed_after_a_refresh(api: Served, files: dict[str, Path]) -> None:
    assert len(api.client.get("/sdapi/v1/loras").json()) == 1
    new = safetensors(files["lora"].parent / "new.safetensors", {"x": [1, 1]})
    try:
        assert len(api.client.get("/sdapi/v1/loras").json()) == 1
        api.client.post("/sdapi/v1/refresh-loras")
        assert [one["name"] for one in api.client.get("/sdapi/v1/loras").json()] == ["file", "new"]
    finally:
        new.unlink()


def count(api: Served, prompt: str, negative_prompt: str = "") -> tuple[dict[str, object], list[str]]:
    reply = api.client.post(
        "/atelier/v1/token-count", json={"prompt": prompt, "negative_prompt": negative_prompt, "steps": 20}
    ).json()
    return reply["prompt"], reply["negative_prompt"]["remarks"]


@pytest.mark.parametrize(
    ("prompt", "remarks"),
    [
        ("a <lora:file:0.5> <lyco:alias> <hypernet:hyper:1>", []),
        ("a <lora:other:1><lora:other:1>", ["There is no LoRA named 'other'."]),
        ("a <hypernet:other>", ["There is no hypernetwork named 'other'."]),
        ("a <LoRA:file:1>", ["There is no such kind of network: <LoRA:file:1>."]),
        ("a <lora:file:x>", ["The weights of <lora:file:x> must be numbers; 'x' is none."]),
        ("a <lora:file:1:te=y>", ["The weights of <lora:file:1:te=y> must be numbers; 'y' is none."]),
    ],
)
def test_what_is_wrong_with_networks_is_told_while_typing(
    api: Served, files: dict[str, Path], prompt: str, remarks: list[str]
) -> None:
    assert count(api, prompt)[0]["remarks"] == remarks


def test_tags_in_the_negative_prompt_are_text(api: Served, files: dict[str, Path]) -> None:
    _, remarks = count(api, "a", "b <lora:file:1>")
    assert remarks == ["In the negative prompt networks are only text: <lora:file:1>."]


def test_words_count_as_their_vectors(api: Served, files: dict[str, Path]) -> None:
    api.studio.ready.set()
    assert count(api, "a word")[0]["tokens"] == 3
