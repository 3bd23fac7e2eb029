"""Finding model files by all their names, quickly, and hashing them behind the scenes."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from modules.foundation.errors import BadFile, NotFound
from modules.foundation.paths import Paths
from modules.store.catalog import Catalog
from modules.store.database import Database
from modules.store.hash_cache import HashCache
from modules.store.model_files import UPSCALERS


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(root=tmp_path)


@pytest.fixture
def catalog(paths: Paths) -> Catalog:
    return Catalog(paths, HashCache(Database(None)))


def put(path: Path, content: bytes | str = b"") -> str:
    """Write a file; its SHA-256."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_every_kind_in_its_folder(catalog: Catalog, paths: Paths) -> None:
    for name in (
        "b.safetensors",
        "A.ckpt",
        "sub/c.SafeTensors",
        "c.vae.pt",
        "note.txt",
        "c.yaml",
        "sub/d.vae.safetensors",
    ):
        put(paths.models / "Stable-diffusion" / name)
    put(paths.models / "VAE" / "e.pt")
    put(paths.models / "Lora" / "style.safetensors")
    put(paths.models / "hypernetworks" / "h.pt")
    put(paths.embeddings / "bad.pt")
    put(paths.models / "ESRGAN" / "x4.pth")
    assert [file.name for file in catalog.checkpoints()] == ["A.ckpt", "b.safetensors", "sub/c.SafeTensors"]
    assert [file.name for file in catalog.vaes()] == ["c.vae.pt", "e.pt", "sub/d.vae.safetensors"]
    assert [file.name for file in catalog.loras()] == ["style.safetensors"]
    assert [file.name for file in catalog.hypernetworks()] == ["h.pt"]
    assert [file.name for file in catalog.embeddings()] == ["bad.pt"]
    assert [file.name for file in catalog.files(UPSCALERS[0])] == ["x4.pth"]


def test_folders_that_do_not_exist_are_empty(catalog: Catalog) -> None:
    assert catalog.checkpoints() == () and catalog.vaes() == ()


def test_a_new_file_appears_after_refresh(catalog: Catalog, paths: Paths) -> None:
    assert catalog.checkpoints() == ()
    put(paths.models / "Stable-diffusion" / "new.safetensors")
    assert catalog.checkpoints() == ()
    catalog.refresh()
    assert [file.name for file in catalog.checkpoints()] == ["new.safetensors"]


def test_extra_folders_are_searched_too(tmp_path: Path) -> None:
    paths = Paths(root=tmp_path, extra={"Stable-diffusion": (tmp_path / "more",)})
    put(tmp_path / "models/Stable-diffusion/both.ckpt", "first")
    put(tmp_path / "more/both.ckpt", "second")
    put(tmp_path / "more/only.ckpt")
    catalog = Catalog(paths, HashCache(Database(None)))
    assert [file.name for file in catalog.checkpoints()] == ["both.ckpt", "only.ckpt"]
    assert catalog.find_checkpoint("both").path == tmp_path / "models/Stable-diffusion/both.ckpt"


def test_links_are_followed_once(catalog: Catalog, paths: Paths, tmp_path: Path) -> None:
    folder = paths.models / "Stable-diffusion"
    put(tmp_path / "drive" / "linked.ckpt")
    folder.mkdir(parents=True)
    (folder / "drive").symlink_to(tmp_path / "drive")
    (tmp_path / "drive" / "back").symlink_to(folder)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "gone.ckpt").symlink_to(tmp_path / "nothing.ckpt")
    assert [file.name for file in catalog.checkpoints()] == ["drive/linked.ckpt"]


@pytest.mark.parametrize(
    "text",
    [
        "sub/real v1.5.safetensors",
        "real v1.5.safetensors",
        "sub_real v1.5",
        "real v1.5",
        " real v1.5 ",
        "{hash}",
        "{sha}",
        "sub/real v1.5.safetensors [{hash}]",
        "real v1.5 [{hash}]",
        "sub_real v1.5 [{hash}]",
        "{old}",
        "sub/real v1.5.safetensors [{old}]",
        "{path}",
    ],
)
def test_a_checkpoint_by_all_its_names(catalog: Catalog, paths: Paths, text: str) -> None:
    path = paths.models / "Stable-diffusion/sub/real v1.5.safetensors"
    content = os.urandom(0x100000 + 0x10000)
    sha = put(path, content)
    put(paths.models / "Stable-diffusion/other.ckpt", "other")
    (file,) = (file for file in catalog.checkpoints() if file.stem == "real v1.5")
    catalog.sha256(file)
    old = hashlib.sha256(content[0x100000:]).hexdigest()[:8]
    found = catalog.find_checkpoint(text.format(hash=sha[:10], sha=sha, old=old, path=path))
    assert found.path == path
    assert found.title == f"sub/real v1.5.safetensors [{sha[:10]}]"
    assert (found.hash, found.sha256, found.model_name) == (sha[:10], sha, "sub_real v1.5")


def test_a_full_name_beats_a_shared_stem(catalog: Catalog, paths: Paths) -> None:
    for name in ("a/model.safetensors", "model.ckpt", "model.safetensors"):
        put(paths.models / "Stable-diffusion" / name, name)
    assert catalog.find_checkpoint("model.safetensors").name == "model.safetensors"
    assert catalog.find_checkpoint("a/model.safetensors").name == "a/model.safetensors"
    assert catalog.find_checkpoint("model").name == "model.ckpt"


def test_a_remembered_title_of_a_file_not_hashed_here_counts_by_name(catalog: Catalog, paths: Paths) -> None:
    sha = put(paths.models / "Stable-diffusion/model.safetensors", "content")
    assert catalog.find_checkpoint("model.safetensors [0123456789]").hash is None
    catalog.sha256(catalog.checkpoints()[0])
    assert catalog.find_checkpoint(f"model.safetensors [{sha[:10]}]").hash == sha[:10]
    with pytest.raises(NotFound):
        catalog.find_checkpoint("model.safetensors [0123456789]")


def test_what_is_missing_is_said_with_what_there_is(catalog: Catalog, paths: Paths) -> None:
    with pytest.raises(
        NotFound, match=r"no checkpoint 'x'\. There is none at all\. Put it into models/Stable-diffusion"
    ):
        catalog.find_checkpoint("x")
    put(paths.models / "Stable-diffusion/starter.safetensors")
    catalog.refresh()
    with pytest.raises(NotFound, match=r"no checkpoint 'start'\. There are: starter\.safetensors\."):
        catalog.find_checkpoint("start")
    for never in ("", "..", "../../etc/passwd", "/etc/passwd"):
        with pytest.raises(NotFound):
            catalog.find_checkpoint(never)


def test_the_yaml_beside_it(catalog: Catalog, paths: Paths) -> None:
    folder = paths.models / "Stable-diffusion"
    put(folder / "with.safetensors")
    put(folder / "without.safetensors")
    put(folder / "with.yaml")
    assert catalog.find_checkpoint("with").config == folder / "with.yaml"
    assert catalog.find_checkpoint("without").config is None


def test_a_vae_by_file_name_or_stem(catalog: Catalog, paths: Paths) -> None:
    put(paths.models / "VAE/sub/good.safetensors")
    for text in ("sub/good.safetensors", "good.safetensors", "good"):
        assert catalog.find_vae(text).stem == "good"
    with pytest.raises(NotFound, match="no VAE 'bad'"):
        catalog.find_vae("bad")


def test_hashes_come_in_the_background(catalog: Catalog, paths: Paths) -> None:
    sha = put(paths.models / "Stable-diffusion/model.safetensors", "content")
    told, done = [], threading.Event()
    catalog.on_hashed(lambda file: (told.append(file.sha256), done.set()))
    catalog.hash_soon(catalog.checkpoints()[0])
    assert done.wait(10)
    assert told == [sha]
    assert catalog.checkpoints()[0].title == f"model.safetensors [{sha[:10]}]"
    assert catalog.find_checkpoint(sha[:10]).name == "model.safetensors"


def test_the_background_survives_a_file_that_is_gone(
    catalog: Catalog, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    folder = paths.models / "Stable-diffusion"
    put(folder / "a.ckpt"), put(folder / "b.ckpt")
    gone, there = catalog.checkpoints()
    gone.path.unlink()
    done = threading.Event()
    catalog.on_hashed(lambda file: done.set())
    catalog.hash_soon(gone)
    catalog.hash_soon(there)
    assert done.wait(10)
    assert "a.ckpt cannot be read" in caplog.text
    with pytest.raises(BadFile, match=r"a\.ckpt cannot be read"):
        catalog.sha256(gone)


def test_hashes_are_kept_until_the_file_changes(tmp_path: Path, paths: Paths) -> None:
    database = tmp_path / "studio.sqlite"
    path = paths.models / "Stable-diffusion/model.safetensors"
    sha = put(path, "content")
    first = Database(database)
    catalog = Catalog(paths, HashCache(first))
    catalog.sha256(catalog.checkpoints()[0])
    first.close()

    second = Database(database)
    assert Catalog(paths, HashCache(second)).checkpoints()[0].sha256 == sha
    second.close()
    changed = put(path, "CONTENT")
    os.utime(path, ns=(1, 1))
    third = Catalog(paths, HashCache(Database(database)))
    assert third.checkpoints()[0].sha256 is None
    assert third.sha256(third.checkpoints()[0]).sha256 == changed


def test_a_loaded_file_that_is_gone_keeps_its_hash(catalog: Catalog, paths: Paths) -> None:
    sha = put(paths.models / "Stable-diffusion/model.ckpt", "content")
    (file,) = catalog.checkpoints()
    catalog.sha256(file)
    file.path.unlink()
    assert catalog.sha256(file).sha256 == sha


def test_two_that_want_one_hash_read_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = put(tmp_path / "model.ckpt", b"x" * 1000)
    hashes, opened, path_open = HashCache(Database(None)), [], Path.open

    def slowly(path: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(path)
        time.sleep(0.05)
        return path_open(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", slowly)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(hashes.compute, [tmp_path / "model.ckpt"] * 4))
    assert found == [sha] * 4 and len(opened) == 1


def test_closing_stops_hashing_in_the_middle(catalog: Catalog, paths: Paths) -> None:
    path = paths.models / "Stable-diffusion/huge.safetensors"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse terabyte
    catalog.hash_soon(catalog.checkpoints()[0])
    time.sleep(0.05)
    catalog.close()
    hasher = catalog._hasher
    assert hasher is not None
    hasher.join(10)
    assert not hasher.is_alive()


def test_thousands_of_files_are_listed_without_opening_one(
    catalog: Catalog, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = paths.models / "Lora"
    for number in range(2000):
        put(folder / f"{number % 20}" / f"{number}.safetensors")
    monkeypatch.setattr(Path, "open", lambda *_, **__: pytest.fail("a file was opened"))
    assert len(catalog.loras()) == 2000
