"""Which checkpoint the studio starts with."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules import boot
from modules.engine.options import ModelOptions
from modules.foundation.errors import BadFile
from modules.foundation.flags import parse
from modules.jobs.job import Job
from modules.studio.checkpoints import KIND, Task, chosen, run
from modules.studio.context import Studio
from tests.tiny import write_checkpoint


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one checkpoint, and others elsewhere."""
    for name in ("data/models/Stable-diffusion/usual.safetensors", "else/mine.safetensors", "else/other.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path / "data"


def _started(data: Path, *words: str) -> Studio:
    studio = boot.assemble(parse(["--data-dir", str(data), *words], {}))
    studio.history.close()
    return studio


def _chosen(studio: Studio) -> str:
    found = chosen(studio)
    return found.name if found else ""


def test_the_first_there_is(data: Path) -> None:
    assert _chosen(_started(data)) == "usual.safetensors"


def test_the_first_that_worked_stays_chosen(data: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "else", "works")
    studio = _started(data, "--ckpt-dir", str(tmp_path / "else"))
    (data / "models" / "Stable-diffusion" / "usual.safetensors").unlink()
    for name in ("mine", "other"):
        (tmp_path / "else" / f"{name}.safetensors").unlink()
    studio.catalog.refresh()
    run(Job("1", KIND, Task(do="reload")), studio)
    (data / "models" / "Stable-diffusion" / "added.safetensors").write_bytes(b"comes first by name")
    studio.catalog.refresh()
    assert _chosen(studio) == "works.safetensors"
    assert _chosen(_started(data, "--ckpt-dir", str(tmp_path / "else"))) == "works.safetensors"


def test_the_first_that_fails_is_not_chosen(data: Path) -> None:
    studio = _started(data)
    with pytest.raises(BadFile):
        run(Job("1", KIND, Task(do="reload")), studio)
    assert studio.settings.snapshot[ModelOptions].sd_model_checkpoint is None


def test_the_one_of_the_flag_alone_of_its_folder(data: Path) -> None:
    studio = _started(data, "--ckpt", str(data.parent / "else" / "mine.safetensors"))
    assert _chosen(studio) == "mine.safetensors"
    assert [file.name for file in studio.catalog.checkpoints()] == ["mine.safetensors", "usual.safetensors"]
    studio.catalog.refresh()
    assert _chosen(studio) == "mine.safetensors"


def test_a_file_that_is_not_there_is_named(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    missing = data / "gone.safetensors"
    studio = _started(data, "--ckpt", str(missing))
    assert _chosen(studio) == "usual.safetensors"
    assert f"--ckpt {missing} is not chosen" in caplog.text


def test_a_folder_more(data: Path) -> None:
    studio = _started(data, "--ckpt-dir", str(data.parent / "else"))
    assert {file.name for file in studio.catalog.checkpoints()} == {
        "mine.safetensors",
        "other.safetensors",
        "usual.safetensors",
    }
