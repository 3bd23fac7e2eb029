"""Where pictures go and what they are called; what happens when they cannot be written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.foundation.errors import UserError
from modules.foundation.settings import Settings, Snapshot
from modules.store import pnginfo
from modules.store.naming import NameFacts
from modules.store.options import EmbeddedTextOptions, FolderOptions, PathOptions, SavingOptions
from modules.store.outputs import Outputs

ROOT = Path(__file__).resolve().parents[3]
GROUPS = (SavingOptions, PathOptions, FolderOptions, EmbeddedTextOptions)
NOON = datetime(2026, 11, 20, 12)
IMAGE = Image.new("RGB", (16, 24), "red")


def settings(**changed: Any) -> Snapshot:
    return Settings(GROUPS, Path("/nowhere/config.json")).snapshot.overridden(changed)


def facts(seed: int | None = 5, prompt: str = "a cat") -> NameFacts:
    return NameFacts(seed=seed, prompt=prompt, width=16, height=24, made_at=NOON)


def test_a1111s_folders_and_names(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    saved = [outputs.save(IMAGE, "text", facts(seed), settings()) for seed in (5, 6)]
    saved += [outputs.save(IMAGE, "text", facts(), settings(), grid=True) for _ in range(2)]
    assert [path.relative_to(tmp_path).as_posix() for path in saved] == [
        "outputs/txt2img-images/2026-11-20/00000-5.png",
        "outputs/txt2img-images/2026-11-20/00001-6.png",
        "outputs/txt2img-grids/2026-11-20/grid-0000.png",
        "outputs/txt2img-grids/2026-11-20/grid-0001.png",
    ]
    assert [pnginfo.read(path)[0] for path in saved] == ["text"] * 4
    assert sorted(path.name for path in saved[0].parent.iterdir()) == ["00000-5.png", "00001-6.png"]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"save_to_dirs": False}, "outputs/txt2img-images/00000-5-a cat.png"),
        (
            {"samples_filename_pattern": "[seed]-[width]x[height]"},
            "outputs/txt2img-images/2026-11-20/00000-5-16x24.png",
        ),
        ({"samples_filename_pattern": "[none]"}, "outputs/txt2img-images/2026-11-20/00000.png"),
        ({"samples_filename_pattern": "../[seed]/x"}, "outputs/txt2img-images/2026-11-20/00000-.._5_x.png"),
        ({"save_images_add_number": False}, "outputs/txt2img-images/2026-11-20/5.png"),
        ({"directories_filename_pattern": "[width]/[prompt_words]"}, "outputs/txt2img-images/16/a cat/00000-5.png"),
        ({"directories_filename_pattern": ""}, "outputs/txt2img-images/a cat/00000-5.png"),
        ({"outdir_txt2img_samples": "mine"}, "mine/2026-11-20/00000-5.png"),
        ({"outdir_samples": "all"}, "all/2026-11-20/00000-5.png"),
        ({"samples_format": "jpg"}, "outputs/txt2img-images/2026-11-20/00000-5.jpg"),
        ({"samples_format": ".WEBP"}, "outputs/txt2img-images/2026-11-20/00000-5.webp"),
    ],
)
def test_settings_decide(tmp_path: Path, changed: dict[str, Any], name: str) -> None:
    path = Outputs(tmp_path).save(IMAGE, "text", facts(), settings(**changed))
    assert path.relative_to(tmp_path).as_posix() == name
    assert pnginfo.read(path)[0] == "text"


@pytest.mark.parametrize("kind", ["txt2img", "img2img"])
@pytest.mark.parametrize("grid", [False, True])
def test_each_kind_has_its_folder(tmp_path: Path, kind: str, grid: bool) -> None:
    path = Outputs(tmp_path).save(IMAGE, "text", facts(), settings(), kind=kind, grid=grid)
    assert path.relative_to(tmp_path).parts[:2] == ("outputs", f"{kind}-{'grids' if grid else 'images'}")


@pytest.mark.parametrize("format", ["png", "jpg", "jpeg", "webp", "avif", "gif"])
def test_the_infotext_is_in_every_format_that_can_hold_it(tmp_path: Path, format: str) -> None:
    path = Outputs(tmp_path).save(IMAGE, "猫\nSteps: 3", facts(), settings(samples_format=format))
    assert pnginfo.read(path)[0] == "猫\nSteps: 3"
    assert sorted(tmp_path.rglob("*.txt")) == []


@pytest.mark.parametrize("format", ["tiff", "bmp"])
def test_and_beside_those_that_cannot(tmp_path: Path, format: str) -> None:
    path = Outputs(tmp_path).save(IMAGE, "猫\nSteps: 3", facts(), settings(samples_format=format))
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == "猫\nSteps: 3\n"
    with Image.open(path) as image:
        assert image.size == IMAGE.size


def test_names_can_end_as_the_caller_wishes(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    path = outputs.save(
        IMAGE, "text", facts(), settings(), suffix="-before-highres-fix", basename="x", items={"k": "v"}
    )
    assert path.name == "x-0000-5-before-highres-fix.png" and pnginfo.read(path)[1] == {"k": "v"}
    path = outputs.save(IMAGE, "text", facts(None), settings(), suffix="-mask")
    assert path.name == "00000-mask.png"


@pytest.mark.parametrize(
    ("changed", "size", "copy"),
    [
        ({}, (16, 24), None),
        ({"target_side_length": 20}, (16, 24), (13, 20)),
        ({"target_side_length": 20}, (40, 10), (20, 5)),
        ({"img_downscale_threshold": 0.00001}, (16, 24), (16, 24)),
        ({"target_side_length": 20, "export_for_4chan": False}, (16, 24), None),
        ({"target_side_length": 20, "samples_format": "jpg"}, (16, 24), None),
    ],
)
def test_a_large_picture_gets_a_small_copy(
    tmp_path: Path, changed: dict[str, Any], size: tuple[int, int], copy: tuple[int, int] | None
) -> None:
    path = Outputs(tmp_path).save(Image.new("RGBA", size, "red"), "text", facts(), settings(**changed))
    with Image.open(path) as image:
        assert image.size == size
    found = [one for one in path.parent.iterdir() if one != path]
    if copy is None:
        assert found == []
    else:
        (small,) = found
        assert small == path.with_suffix(".jpg") and pnginfo.read(small)[0] == "text"
        with Image.open(small) as image:
            assert image.size == copy


def test_a_file_is_kept_as_it_is(tmp_path: Path) -> None:
    data = pnginfo.encode(IMAGE, "text", "JPEG", quality=50)
    path = Outputs(tmp_path).keep(data, "jpg", "text", facts(), settings(save_txt=True), False)
    assert path == tmp_path / "log" / "images" / "00000-5.jpg"
    assert path.read_bytes() == data and path.with_suffix(".txt").is_file()


def test_grids_can_have_long_names_and_their_own_format(tmp_path: Path) -> None:
    wanted = settings(grid_extended_filename=True, grid_format="webp", grid_save_to_dirs=False)
    path = Outputs(tmp_path).save(IMAGE, "text", facts(), wanted, grid=True)
    assert path == tmp_path / "outputs/txt2img-grids/grid-0000-5.webp"


def test_numbers_go_on_after_whatever_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "outputs/txt2img-images/2026-11-20"
    folder.mkdir(parents=True)
    for name in ("00041-7.png", "00007.jpg", "grid-0099.png", "photo.png", "99999999999999999999.png"):
        (folder / name).touch()
    outputs = Outputs(tmp_path)
    assert outputs.save(IMAGE, "", facts(), settings()).name == "00042-5.png"
    (folder / "00050-1.png").touch()
    assert outputs.save(IMAGE, "", facts(), settings()).name == "00051-5.png"
    assert Outputs(tmp_path).save(IMAGE, "", facts(), settings()).name == "00052-5.png"


WRITER = """
import sys
from pathlib import Path
from tests.unit.store.test_outputs import IMAGE, Outputs, facts, settings
outputs = Outputs(Path(sys.argv[1]))
for _ in range(25):
    print(outputs.save(IMAGE, "", facts(int(sys.argv[2])), settings()).name)
"""


def test_processes_that_write_together_share_the_numbers(tmp_path: Path) -> None:
    def start(seed: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(seed)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    writers = [start(seed) for seed in (1, 1, 2)]
    names = [name for writer in writers for name in writer.communicate(timeout=60)[0].split()]
    assert all(writer.returncode == 0 for writer in writers)
    assert sorted(int(name[:5]) for name in names) == list(range(75))
    assert len(list((tmp_path / "outputs/txt2img-images/2026-11-20").iterdir())) == 75


def test_without_numbers_a_file_is_replaced_or_gets_a_suffix(tmp_path: Path) -> None:
    plain = settings(save_images_add_number=False)
    added = settings(save_images_add_number=False, save_images_replace_action="Add number suffix")
    outputs = Outputs(tmp_path)
    assert [outputs.save(IMAGE, text, facts(), plain).name for text in "ab"] == ["5.png", "5.png"]
    assert [outputs.save(IMAGE, text, facts(), added).name for text in "cd"] == ["5-1.png", "5-2.png"]
    folder = tmp_path / "outputs/txt2img-images/2026-11-20"
    assert {path.name: pnginfo.read(path)[0] for path in folder.iterdir()} == {
        "5.png": "b",
        "5-1.png": "c",
        "5-2.png": "d",
    }


def test_long_prompts_make_names_a_file_system_takes(tmp_path: Path) -> None:
    path = Outputs(tmp_path).save(
        IMAGE, "", facts(prompt="猫" * 1000), settings(samples_filename_pattern="[prompt_spaces]-[prompt_spaces]")
    )
    assert path.is_file() and len(path.name.encode()) <= 255


def test_infotext_can_be_left_out_or_put_beside(tmp_path: Path) -> None:
    path = Outputs(tmp_path).save(IMAGE, "text", facts(), settings(enable_pnginfo=False, save_txt=True))
    assert pnginfo.read(path)[0] is None
    assert path.with_suffix(".txt").read_text() == "text\n"


def test_a_text_too_long_for_the_format_is_put_beside(tmp_path: Path) -> None:
    path = Outputs(tmp_path).save(IMAGE, "猫" * 50_000, facts(), settings(samples_format="jpg"))
    assert path.with_suffix(".txt").read_text(encoding="utf-8") == "猫" * 50_000 + "\n"


def test_what_webp_cannot_hold_becomes_png(tmp_path: Path) -> None:
    path = Outputs(tmp_path).save(Image.new("L", (16384, 1)), "", facts(), settings(samples_format="webp"))
    assert path.suffix == ".png" and path.is_file()


def test_jpeg_quality_counts(tmp_path: Path) -> None:
    noise = Image.effect_noise((64, 64), 90)
    sizes = [
        Outputs(tmp_path).save(noise, "", facts(), settings(samples_format="jpg", jpeg_quality=quality)).stat().st_size
        for quality in (20, 95)
    ]
    assert sizes[0] * 2 < sizes[1]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "is full. Make room"),
        (errno.EROFS, "cannot be written to. Make it writable"),
        (errno.EACCES, "cannot be written to. Make it writable"),
        (errno.EIO, "cannot be saved into"),
    ],
)
def test_an_error_names_the_folder_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UserError, match=words) as raised:
        Outputs(tmp_path).save(IMAGE, "text", facts(), settings())
    folder = tmp_path / "outputs/txt2img-images/2026-11-20"
    assert str(folder) in str(raised.value) and "folder in" in str(raised.value)
    assert list(folder.iterdir()) == [], "a half-written file was left behind"
    monkeypatch.undo()
    assert Outputs(tmp_path).save(IMAGE, "text", facts(), settings()).name == "00000-5.png"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "outputs").touch()
    with pytest.raises(UserError, match="txt2img-images"):
        Outputs(tmp_path).save(IMAGE, "text", facts(), settings())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"samples_format": "exe"}, "'exe'"),
        ({"outdir_txt2img_samples": "../elsewhere"}, "leads out of"),
        ({"outdir_txt2img_samples": "extensions/x"}, "cannot be saved into"),
        ({"outdir_txt2img_samples": "."}, "cannot be saved into"),
        ({"directories_filename_pattern": "../../../x"}, "leads out of"),
        ({"directories_filename_pattern": "/etc"}, "leads out of"),
    ],
)
def test_settings_that_lead_astray_are_refused(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Outputs(tmp_path).save(IMAGE, "text", facts(), settings(**changed))
    assert list(tmp_path.iterdir()) == []


def test_a_link_does_not_lead_out_either(tmp_path: Path) -> None:
    (tmp_path / "data/outputs/txt2img-images").mkdir(parents=True)
    (tmp_path / "data/outputs/txt2img-images/out").symlink_to(tmp_path)
    with pytest.raises(UserError, match="leads out of"):
        Outputs(tmp_path / "data").save(IMAGE, "", facts(), settings(directories_filename_pattern="out"))


def test_another_drive_may_be_chosen(tmp_path: Path) -> None:
    outputs, drive = Outputs(tmp_path / "data"), tmp_path / "drive"
    wanted = settings(outdir_txt2img_samples=str(drive))
    assert outputs.save(IMAGE, "", facts(), wanted) == drive / "2026-11-20/00000-5.png"
    assert drive in outputs.folders(wanted)
