"""LoRA files by the names that prompts call them by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.foundation.errors import NotFound
from modules.foundation.paths import Paths
from modules.store.catalog import Catalog
from modules.store.database import Database
from modules.store.hash_cache import HashCache


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    paths = Paths(data_dir=tmp_path, extra={"Lora": (tmp_path / "more",)})
    (tmp_path / "models" / "Lora").mkdir(parents=True)
    (tmp_path / "more").mkdir()
    database = Database(tmp_path / "studio.sqlite")
    yield Catalog(paths, HashCache(database))
    database.close()


def lora(catalog_folder: Path, name: str, data: bytes = b"1234", **said: str) -> Path:
    path = catalog_folder / "models" / "Lora" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tensor = {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": said, "x": tensor} if said else {"x": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def test_a_file_is_called_by_its_stem_or_its_alias(catalog: Catalog, tmp_path: Path) -> None:
    path = lora(tmp_path, "sub/file-v2.safetensors", ss_output_name="nickname")
    assert catalog.lora_names.find("file-v2").path == path
    assert catalog.lora_names.find("nickname").path == path
    with pytest.raises(NotFound, match="no LoRA 'Nickname'"):
        catalog.lora_names.find("Nickname")


def test_an_alias_that_two_files_share_is_none(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "a.safetensors", ss_output_name="same")
    lora(tmp_path, "b.safetensors", ss_output_name="same")
    lora(tmp_path, "c.safetensors", ss_output_name="None")
    for name in ("same", "None"):
        with pytest.raises(NotFound):
            catalog.lora_names.find(name)


def test_a_stem_counts_before_an_alias(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "a.safetensors", ss_output_name="b")
    own = lora(tmp_path, "b.safetensors", ss_output_name="c")
    assert catalog.lora_names.find("b").path == own


def test_of_one_stem_the_deeper_folder_counts(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "x.safetensors")
    later = lora(tmp_path, "sub/x.safetensors")
    assert catalog.lora_names.find("x").path == later


def test_a_name_that_is_missing_is_looked_for_again(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        catalog.lora_names.find("late")
    lora(tmp_path, "late.safetensors")
    assert not catalog.lora_names.is_known("late")
    assert catalog.lora_names.find("late").stem == "late"
    assert catalog.lora_names.is_known("late")


def test_what_a_click_inserts(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "a.safetensors", ss_output_name="alias")
    lora(tmp_path, "b.safetensors", ss_output_name="twice")
    lora(tmp_path, "c.safetensors", ss_output_name="twice")
    names, (a, b, _) = catalog.lora_names, catalog.loras()
    assert (names.inserted(a, prefer_alias=True), names.inserted(a, prefer_alias=False)) == ("alias", "a")
    assert names.inserted(b, prefer_alias=True) == "b"


def test_the_hash_is_of_the_tensors_alone(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "a.safetensors", b"tensors", note="one")
    lora(tmp_path, "b.safetensors", b"tensors", note="another, longer")
    lora(tmp_path, "c.safetensors", b"tensors", sshs_model_hash="f" * 64)
    expected = hashlib.sha256(b"tensors").hexdigest()[:12]
    assert [catalog.lora_names.hash(file) for file in catalog.loras()] == [expected, expected, "f" * 12]
    whole = hashlib.sha256(catalog.loras()[0].path.read_bytes()).hexdigest()
    assert catalog.sha256(catalog.loras()[0]).sha256 == whole, "the two hashes are kept apart"


def test_what_a_file_says_is_read_again_when_it_changes(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "a.safetensors", ss_output_name="one")
    assert catalog.lora_names.alias(catalog.loras()[0]) == "one"
    lora(tmp_path, "a.safetensors", ss_output_name="another")
    catalog.refresh()
    assert catalog.lora_names.alias(catalog.loras()[0]) == "another"


def test_files_that_say_nothing_or_are_damaged_have_their_stem(catalog: Catalog, tmp_path: Path) -> None:
    lora(tmp_path, "a.safetensors")
    (tmp_path / "models/Lora/b.safetensors").write_bytes(b"\xff" * 20)
    (tmp_path / "models/Lora/c.pt").write_bytes(b"PK\x03\x04")
    assert [catalog.lora_names.alias(file) for file in catalog.loras()] == ["a", "b", "c"]
