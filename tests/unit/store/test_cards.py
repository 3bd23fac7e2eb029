"""Cards: found, ordered, noted and pictured by what lies beside the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.foundation.errors import BadFile, NotFound
from modules.store.cards import Cards, Named, Wish
from modules.store.model_files import LORA, scan
from modules.store.thumbnails import SIDE, thumbnail

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, **noted: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        if noted:
            path.with_suffix(".json").write_text(json.dumps({key.replace("_", " "): v for key, v in noted.items()}))
        return path

    return write


@pytest.fixture
def cards(tmp_path: Path) -> Cards:
    def listed() -> list[Named]:
        files = sorted(scan(tmp_path, LORA), key=lambda file: file.name)
        return [Named(file.stem, file, "SD1" if "one" in file.stem else None, "alias of one") for file in files]

    return Cards({"lora": listed})


def keys(cards: Cards, **wish: Any) -> list[str]:
    return [card.key for card in cards.search("lora", Wish(**wish)).cards]


def test_words_are_looked_for_in_names_folders_descriptions_and_aliases(cards: Cards, put: Put) -> None:
    put("a/One.safetensors", description="A red THING")
    put("b/two.safetensors").with_suffix(".txt").write_text("a blue thing")
    assert keys(cards, search="thing") == ["a/One.safetensors", "b/two.safetensors"]
    assert keys(cards, search=" RED ") == ["a/One.safetensors"]
    assert keys(cards, search="b/t") == ["b/two.safetensors"]
    assert keys(cards, search="alias") == ["a/One.safetensors", "b/two.safetensors"]
    assert keys(cards, search="nothing") == []


def test_order(cards: Cards, put: Put) -> None:
    import os

    for number, name in enumerate(("z/a.safetensors", "B.safetensors", "c.safetensors")):
        path = put(name)
        os.utime(path, ns=(0, 10 - number))
    assert keys(cards) == ["B.safetensors", "c.safetensors", "z/a.safetensors"]
    assert keys(cards, sort="name") == ["z/a.safetensors", "B.safetensors", "c.safetensors"]
    assert keys(cards, sort="modified") == ["c.safetensors", "B.safetensors", "z/a.safetensors"]
    assert keys(cards, descending=True) == ["z/a.safetensors", "c.safetensors", "B.safetensors"]


def test_folders_and_their_numbers(cards: Cards, put: Put) -> None:
    for name in ("x.safetensors", "a/y.safetensors", "a/b/z.safetensors", "ab/w.safetensors"):
        put(name)
    found = cards.search("lora", Wish(folder="a"))
    assert found.folders == {"": 4, "a": 2, "a/b": 1, "ab": 1}
    assert [card.key for card in found.cards] == ["a/b/z.safetensors", "a/y.safetensors"]


def test_hidden_folders_show_when_searched(cards: Cards, put: Put) -> None:
    put(".secret/thing.safetensors")
    put("a/.deep/thing.safetensors")
    assert keys(cards) == keys(cards, search="thi") == []
    assert len(keys(cards, search="thin")) == len(keys(cards, hidden="Always")) == 2
    assert keys(cards, search="thing", hidden="Never") == []


def test_cards_of_other_families_are_left_out(cards: Cards, put: Put) -> None:
    put("one.safetensors")
    put("two.safetensors")
    put("three.safetensors", sd_version="SD2")
    put("one-b.safetensors", sd_version="Unknown")
    assert keys(cards, made_for="SD1") == ["one-b.safetensors", "one.safetensors", "two.safetensors"]
    assert keys(cards, made_for="SD2", unknown_too=False) == ["three.safetensors"]


@pytest.mark.parametrize("name", ["one.preview.png", "one.png", "one.jpeg", "one.preview.webp"])
def test_a_picture_beside_the_file(cards: Cards, put: Put, tmp_path: Path, name: str) -> None:
    put("one.safetensors")
    put("one-other.png")
    (tmp_path / name).write_bytes(b"")
    assert cards.find("lora", "one.safetensors").preview == tmp_path / name


def test_notes_keep_what_others_wrote(cards: Cards, put: Put, tmp_path: Path) -> None:
    put("one.safetensors", civitai="id", notes="old")
    card = cards.note("lora", "one.safetensors", {"notes": "new", "preferred weight": 0.7, "evil": "x"})
    assert json.loads((tmp_path / "one.json").read_text()) == {"civitai": "id", "notes": "new", "preferred weight": 0.7}
    assert card.noted["preferred weight"] == 0.7
    cards.note("lora", "one.safetensors", {"description": "fine words"})
    assert keys(cards, search="fine words") == ["one.safetensors"]
    assert keys(cards, search="alias of one") == ["one.safetensors"]


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"description": 5}'])
def test_notes_that_cannot_be_read_are_none(cards: Cards, put: Put, text: str) -> None:
    put("one.safetensors").with_suffix(".json").write_text(text)
    assert cards.find("lora", "one.safetensors").description == ""


def test_a_preview_is_set(cards: Cards, put: Put, tmp_path: Path) -> None:
    put("one.safetensors")
    assert cards.set_preview("lora", "one.safetensors", b"png").preview == tmp_path / "one.preview.png"
    assert (tmp_path / "one.preview.png").read_bytes() == b"png"
    assert cards.find("lora", "one.safetensors").preview == tmp_path / "one.preview.png"


def test_what_is_new_appears(cards: Cards, put: Put) -> None:
    put("one.safetensors")
    assert len(keys(cards)) == 1
    put("two.safetensors")
    assert len(keys(cards)) == 2
    put("two.preview.png")
    cards.forget("lora")
    assert cards.find("lora", "two.safetensors").preview is not None


def test_what_is_not_there_is_named(cards: Cards) -> None:
    with pytest.raises(NotFound, match=r"no page 'upscalers'\. There are: lora"):
        cards.search("upscalers", Wish())
    with pytest.raises(NotFound, match=r"no '\.\./\.\./etc/passwd'"):
        cards.find("lora", "../../etc/passwd")


def test_thumbnails_are_small_and_kept(tmp_path: Path) -> None:
    picture, kept = tmp_path / "large.png", tmp_path / "kept"
    Image.new("RGB", (2000, 1000), "red").save(picture)
    data = thumbnail(picture, kept)
    assert Image.open(BytesIO(data)).size == (SIDE, SIDE // 2)
    [file] = kept.rglob("*.webp")
    file.write_bytes(b"from before")
    assert thumbnail(picture, kept) == b"from before"
    Image.new("RGB", (10, 10)).save(picture)
    assert Image.open(BytesIO(thumbnail(picture, kept))).size == (10, 10), "a changed picture has another"


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no")
    with pytest.raises(BadFile, match=r"x\.png cannot be read as a picture"):
        thumbnail(tmp_path / "x.png", tmp_path / "kept")
