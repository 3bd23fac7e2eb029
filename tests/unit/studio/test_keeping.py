"""What the Save button writes: files under their names, and the log beside them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from modules.foundation.errors import UserError
from modules.store import pnginfo
from modules.studio.keeping import COLUMNS, archive_name, kept
from tests.unit.studio.bench import Painter, run, studio_at


@pytest.fixture(autouse=True)
def painter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "modules.engine.generate", Painter().module())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log" / "images" / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "log" / "images").iterdir() if path.suffix != ".csv")


def test_the_selected_picture_is_saved_and_written_down(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    job = run(studio, batch_size=3, prompt='a "cat", red')
    assert job.images[-1].grid
    (path,) = kept(studio, job, 1)
    assert path == tmp_path / "log" / "images" / "00000-6.png"
    assert path.read_bytes() == job.images[1].path.read_bytes()
    (row,) = rows(tmp_path)
    assert tuple(row) == COLUMNS
    assert (row["prompt"], row["seed"], row["width"], row["filename"]) == ('a "cat", red', "6", "16", "00000-6.png")


def test_the_grid_saves_all(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    job = run(studio, batch_size=2)
    assert len(kept(studio, job, 2)) == 3
    assert names(tmp_path) == ["00000-5.png", "00001-6.png", "grid-0000.png"]
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"save_selected_only": False}, ["00000-5.png", "00001-6.png", "grid-0000.png"]),
        ({"samples_filename_pattern": "[seed]-[width]-[model_name]"}, ["00000-5-16-[model_name].png"]),
        ({"save_txt": True}, ["00000-5.png", "00000-5.txt"]),
        ({"outdir_save": "mine", "use_save_to_dirs_for_ui": True, "directories_filename_pattern": "x"}, None),
    ],
)
def test_settings_decide(tmp_path: Path, changed: dict[str, Any], found: list[str] | None) -> None:
    studio = studio_at(tmp_path, **changed)
    job = run(studio, batch_size=2)
    paths = kept(studio, job, 0)
    if found is None:
        assert paths == [tmp_path / "mine" / "x" / "00000-5.png"]
    else:
        assert names(tmp_path) == found


def test_without_a_log(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, save_write_log_csv=False)
    kept(studio, run(studio), 0)
    assert names(tmp_path) == ["00000-5.png"] and not (tmp_path / "log" / "images" / "log.csv").exists()


def test_an_older_log_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    log = tmp_path / "log" / "images" / "log.csv"
    log.parent.mkdir(parents=True)
    log.write_text("prompt,seed,width,height,sampler,cfgs,steps,filename,negative_prompt\nold,1,2,3,4,5,6,7,8\n")
    kept(studio, run(studio), 0)
    first, second = rows(tmp_path)
    assert first["prompt"] == "old" and first["sd_model_hash"] == ""
    assert second["prompt"] == "a cat"


def test_a_log_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    log = tmp_path / "log" / "images" / "log.csv"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"\xff\xfe bad")
    with pytest.raises(UserError, match=r"log\.csv"):
        kept(studio, run(studio), 0)
    assert log.read_bytes() == b"\xff\xfe bad" and names(tmp_path) == ["00000-5.png"]


def test_another_format_than_it_was_saved_in(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    job = run(studio)
    studio.settings.snapshot = studio.settings.snapshot.overridden({"samples_format": "webp"})
    (path,) = kept(studio, job, 0)
    assert path.name == "00000-5.webp" and pnginfo.read(path)[0] == job.images[0].infotext


def test_the_name_of_a_zip(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, grid_zip_filename_pattern="[seed_first]-[seed_last]-[batch_number]x/[prompt]")
    assert archive_name(studio, run(studio, batch_size=3)) == "5-7x_a_cat.zip"
