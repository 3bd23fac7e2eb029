"""The cards browser's routes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.api.conftest import Served
from tests.api.test_networks import safetensors


@pytest.fixture
def lora(api: Served) -> Iterator[Path]:
    said = {"ss_output_name": "alias", "ss_tag_frequency": '{"a": {"cat": 3, "dog": 5}, "b": {"cat ": 4}}'}
    path = safetensors(api.studio.paths.folder("Lora") / "sub" / "file.safetensors", {"x": [1, 1]}, **said)
    api.studio.catalog.refresh()
    yield path
    for each in path.parent.iterdir():
        each.unlink()
    api.studio.catalog.refresh()


def get(api: Served, path: str, **query: object) -> dict[str, object]:
    reply = api.client.get(path, params=query)  # type: ignore[arg-type]
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_page(api: Served, lora: Path) -> None:
    found = get(api, "/atelier/v1/cards", page="lora")
    assert (found["total"], found["folders"]) == (1, {"": 1, "sub": 1})
    assert found["cards"] == [
        {
            "key": "sub/file.safetensors", "name": "file", "folder": "sub", "description": "", "preview": None,
            "prompt": "<lora:alias:1.0>", "negative": "", "made_for": None, "told": True,
        }
    ]  # fmt: skip
    assert get(api, "/atelier/v1/cards", page="lora", search="no such thing")["total"] == 0
    assert get(api, "/atelier/v1/cards", page="lora", offset=1)["cards"] == []


@pytest.mark.parametrize("page", ["textual_inversion", "hypernetworks", "checkpoints"])
def test_the_other_pages(api: Served, page: str) -> None:
    assert get(api, "/atelier/v1/cards", page=page)["total"] == len(api.studio.cards.search(page, _all()).cards)


def _all():
    from modules.store.cards import Wish

    return Wish(hidden="Always")


def test_notes_change_what_a_click_inserts(api: Served, lora: Path) -> None:
    values = {"activation text": "striped", "preferred weight": 0.6, "negative text": "plain", "notes": "n"}
    body = {"page": "lora", "key": "sub/file.safetensors", "values": values}
    card = api.client.post("/atelier/v1/cards/note", json=body).json()
    assert (card["prompt"], card["negative"]) == ("<lora:alias:0.6> striped", "plain")
    assert json.loads(lora.with_suffix(".json").read_text()) == values
    api.client.post("/sdapi/v1/options", json={"lora_preferred_name": "Filename"})
    assert get(api, "/atelier/v1/cards", page="lora")["cards"][0]["prompt"] == "<lora:file:0.6> striped"  # type: ignore[index]


def test_details(api: Served, lora: Path) -> None:
    found = get(api, "/atelier/v1/cards/details", page="lora", key="sub/file.safetensors")
    assert found["path"] == str(lora)
    assert found["words"] == [["cat", 7], ["dog", 5]]
    assert found["metadata"]["ss_output_name"] == "alias"  # type: ignore[index]
    told = get(api, "/sd_extra_networks/metadata", page="lora", item="file")
    assert json.loads(str(told["metadata"])) == found["metadata"]
    assert get(api, "/sd_extra_networks/metadata", page="lora", item="nobody") == {}


def test_pictures(api: Served, lora: Path, tmp_path: Path) -> None:
    address = "/atelier/v1/cards/thumb?page=lora&key=sub/file.safetensors"
    assert api.client.get(address).status_code == 404
    Image.new("RGB", (1000, 500), "red").save(lora.with_suffix(".png"))
    api.client.post("/atelier/v1/cards/refresh", json={"page": "lora"})
    reply = api.client.get(address)
    assert Image.open(BytesIO(reply.content)).size == (384, 192)
    whole = api.client.get("/sd_extra_networks/thumb", params={"filename": str(lora.with_suffix(".png"))})
    assert Image.open(BytesIO(whole.content)).size == (1000, 500)
    outside = tmp_path / "x.png"
    Image.new("RGB", (8, 8)).save(outside)
    for other in (outside, lora, lora.parent / ".." / ".." / ".." / "config.json"):
        assert api.client.get("/sd_extra_networks/thumb", params={"filename": str(other)}).status_code == 404


def test_a_picture_of_the_gallery_becomes_the_preview(api: Served, lora: Path) -> None:
    body = {"page": "lora", "key": "sub/file.safetensors", "picture": ""}
    reply = api.client.post("/atelier/v1/cards/preview", json=body)
    assert (reply.status_code, "No picture is selected" in reply.text) == (422, True)
    api.painter.go.set()
    made = api.client.post("/sdapi/v1/txt2img", json={"prompt": "a", "steps": 1, "force_task_id": "for-a-card"})
    assert made.status_code == 200
    card = api.client.post("/atelier/v1/cards/preview", json={**body, "picture": "for-a-card/0"}).json()
    assert card["preview"] is not None
    with Image.open(lora.with_name("file.preview.png")) as image:
        assert image.text["parameters"].startswith("a\n")  # type: ignore[attr-defined]


def test_what_is_not_there(api: Served) -> None:
    for address, said in (
        ("cards?page=nothing", "There is no page 'nothing'"),
        ("cards/details?page=lora&key=../x", "There is no '../x' any more"),
        ("cards?page=lora&limit=5000", "500"),
    ):
        reply = api.client.get(f"/atelier/v1/{address}")
        assert (reply.status_code, said in reply.text) == (422, True)
