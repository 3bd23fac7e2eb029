"""Which models stay in memory, and that a failure never costs the one that works. No torch: the loader is pretended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from modules.engine.model import ModelRef
from modules.engine.options import ModelOptions, VaeOptions
from modules.engine.residency import Residency
from modules.foundation.errors import BadFile, NotFound, OutOfMemory
from modules.foundation.paths import Paths
from modules.store.catalog import Catalog
from modules.store.database import Database
from modules.store.hash_cache import HashCache


@dataclass(eq=False)
class Model:
    """A pretended handle."""

    ref: ModelRef
    vae_ref: ModelRef | None
    float32: bool


@dataclass
class Pretended:
    """A pretended loader. `done` lists what it did; `bad` files fail when checked, `heavy` ones when loaded."""

    done: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    heavy: set[str] = field(default_factory=set)

    def prepare(self, ref: ModelRef, vae_ref: ModelRef | None = None, *, float32: bool = False) -> Any:
        if ref.name in self.bad:
            raise BadFile(f"{ref.name} is damaged.")
        return Prepared(self, Model(ref, vae_ref, float32))

    def free(self) -> None:
        self.done.append("free")


@dataclass
class Prepared:
    loader: Pretended
    model: Model

    def load(self, phase: Any) -> Any:
        phase(f"Loading {self.model.ref.name}")
        if self.model.ref.name in self.loader.heavy:
            raise OutOfMemory("full")
        self.loader.done.append(self.model.ref.name)
        return self.model

    def load_vae(self, loaded: Model, phase: Any) -> Any:
        self.loader.done.append(f"vae of {loaded.ref.name}")
        return self.model


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    folder = tmp_path / "models" / "Stable-diffusion"
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / f"{name}.safetensors").write_text(name)
    (tmp_path / "models" / "VAE").mkdir()
    (tmp_path / "models" / "VAE" / "soft.safetensors").write_text("vae")
    return Paths(root=tmp_path)


@pytest.fixture
def catalog(paths: Paths) -> Iterator[Catalog]:
    paths.outputs.mkdir()
    database = Database(paths.database)
    yield Catalog(paths, HashCache(database))
    database.close()


@pytest.fixture
def loader() -> Pretended:
    return Pretended()


@pytest.fixture
def models(catalog: Catalog, loader: Pretended) -> Residency:
    return Residency(catalog, lambda: loader)  # type: ignore[arg-type, return-value]


def test_a_model_is_loaded_once(models: Residency, loader: Pretended) -> None:
    assert models.current is None
    first = models.acquire("a")
    assert models.acquire("a.safetensors") is first
    assert models.current is first
    assert loader.done == ["a"]


@pytest.mark.parametrize("wanted", [None, "", "  "])
def test_the_first_is_taken_where_none_is_named(models: Residency, wanted: str | None) -> None:
    assert models.acquire(wanted).ref.name == "a"


def test_no_checkpoint_at_all(tmp_path: Path, loader: Pretended) -> None:
    (tmp_path / "outputs").mkdir()
    database = Database(tmp_path / "outputs" / "studio.sqlite")
    models = Residency(Catalog(Paths(root=tmp_path), HashCache(database)), lambda: loader)  # type: ignore[arg-type, return-value]
    with pytest.raises(NotFound, match="Put one into models/Stable-diffusion"):
        models.acquire(None)
    database.close()


def test_hashing_does_not_make_another_model_of_it(models: Residency, loader: Pretended, catalog: Catalog) -> None:
    first = models.acquire("a")
    digest = first.ref.sha256
    assert digest == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert first.ref.hash == digest[:10]
    assert models.acquire(f"a.safetensors [{first.ref.hash}]") is first
    assert loader.done == ["a"]


def test_room_is_made_before_loading(models: Residency, loader: Pretended) -> None:
    models.acquire("a")
    models.acquire("b")
    assert loader.done == ["a", "free", "b"]


def test_the_limit_keeps_the_most_recent(models: Residency, loader: Pretended) -> None:
    two = ModelOptions(sd_checkpoints_limit=2)
    first = models.acquire("a", two)
    models.acquire("b", two)
    assert models.acquire("a", two) is first
    models.acquire("c", two)  # b goes
    assert models.acquire("a", two) is first
    assert loader.done == ["a", "b", "free", "c"]


def test_a_bad_file_costs_nothing(models: Residency, loader: Pretended) -> None:
    working = models.acquire("a")
    loader.bad.add("b")
    with pytest.raises(BadFile):
        models.acquire("b")
    with pytest.raises(NotFound):
        models.acquire("nothing of the kind")
    assert models.current is working
    assert models.acquire("a") is working
    assert loader.done == ["a"]


def test_a_failure_while_loading_brings_the_previous_model_back(models: Residency, loader: Pretended) -> None:
    models.acquire("a")
    loader.heavy.add("b")
    with pytest.raises(OutOfMemory):
        models.acquire("b")
    assert models.current is not None
    assert models.current.ref.name == "a"
    assert models.acquire("a") is models.current
    assert loader.done.count("a") == 2


def test_a_failure_after_the_only_good_model_is_gone_is_still_told(models: Residency, loader: Pretended) -> None:
    models.acquire("a")
    loader.heavy.update("ab")
    with pytest.raises(OutOfMemory):
        models.acquire("b")
    assert models.current is None


def test_another_vae_keeps_the_rest(models: Residency, loader: Pretended) -> None:
    assert models.acquire("a").vae_ref is None
    soft = models.acquire("a", vae_options=VaeOptions(sd_vae="soft.safetensors"))
    assert soft.vae_ref is not None
    assert soft.vae_ref.title == "soft.safetensors"
    assert loader.done == ["a", "vae of a"]
    with pytest.raises(NotFound, match="soggy"):
        models.acquire("a", vae_options=VaeOptions(sd_vae="soggy"))
    assert models.current is soft


def test_automatic_takes_the_vae_named_like_the_checkpoint(models: Residency, paths: Paths, catalog: Catalog) -> None:
    (paths.folder("Stable-diffusion") / "a.vae.safetensors").write_text("vae")
    (paths.folder("VAE") / "b.safetensors").write_text("vae")
    catalog.refresh()
    for name, vae in (("a", "a.vae.safetensors"), ("b", "b.safetensors")):
        found = models.acquire(name).vae_ref
        assert found is not None
        assert found.title == vae
    assert models.acquire("c").vae_ref is None
    assert models.acquire("a", vae_options=VaeOptions(sd_vae="None")).vae_ref is None


@pytest.mark.parametrize(
    ("noted", "sd_vae", "overrides", "used"),
    [
        ("soft.safetensors", "Automatic", True, "soft.safetensors"),
        ("soft", "None", True, None),
        ("soft", "None", False, "soft.safetensors"),
        ("None", "soft.safetensors", False, None),
        ("Automatic", "soft.safetensors", False, "a.vae.safetensors"),
        ("gone", "Automatic", True, "a.vae.safetensors"),
    ],
)
def test_a_checkpoint_may_have_a_vae_noted(
    models: Residency, paths: Paths, catalog: Catalog, noted: str, sd_vae: str, overrides: bool, used: str | None
) -> None:
    folder = paths.folder("Stable-diffusion")
    (folder / "a.vae.safetensors").write_text("vae")
    (folder / "a.json").write_text(json.dumps({"vae": noted}))
    catalog.refresh()
    options = VaeOptions(sd_vae=sd_vae, sd_vae_overrides_per_model_preferences=overrides)
    found = models.acquire("a", vae_options=options).vae_ref
    assert (found.title if found else None) == used


def test_the_number_of_bits_makes_another_model(models: Residency, loader: Pretended) -> None:
    models.acquire("a")
    assert models.acquire("a", ModelOptions(float32=True)).float32  # type: ignore[attr-defined]
    assert loader.done == ["a", "free", "a"]


def test_a_file_that_was_replaced_is_read_again_after_a_refresh(
    models: Residency, paths: Paths, catalog: Catalog
) -> None:
    first = models.acquire("a")
    (paths.folder("Stable-diffusion") / "a.safetensors").write_text("another")
    catalog.refresh()
    assert models.acquire("a") is not first


def test_unload_and_reload(models: Residency, loader: Pretended) -> None:
    assert models.reload() is None
    first = models.acquire("a")
    told: list[str] = []
    again = models.reload(told.append)
    assert again is models.current is not first
    assert told == ["Loading a"]
    models.unload()
    assert models.current is None
    assert loader.done == ["a", "free", "a", "free"]


def test_a_reload_of_a_file_gone_bad_keeps_what_is_loaded(models: Residency, loader: Pretended) -> None:
    first = models.acquire("a")
    loader.bad.add("a")
    with pytest.raises(BadFile):
        models.reload()
    assert models.current is first


def test_importing_it_loads_no_torch() -> None:
    program = (
        "import sys, modules.engine.residency; assert not {'torch', 'diffusers', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
