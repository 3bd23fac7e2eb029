"""Postprocessing jobs: folders, names, captions, what is written into files, and what goes on after a bad picture."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.boot import assemble
from modules.foundation.errors import BadFile, NotFound, UserError
from modules.foundation.flags import parse
from modules.jobs.job import Job
from modules.store import confine, pnginfo
from modules.studio import extras
from modules.studio.context import Studio
from modules.studio.extras_request import OPERATIONS, Extras, Source
from modules.studio.operations import order


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = assemble(parse(["--data-dir", str(tmp_path / "data")], {}))
    yield studio
    studio.history.close()


def picture(width: int = 40, height: int = 24, text: str | None = None) -> bytes:
    return pnginfo.encode(Image.radial_gradient("L").resize((width, height)).convert("RGB"), text, "PNG")


def done(studio: Studio, **request: Any) -> tuple[Job, extras.ExtrasResult]:
    job = Job("one", extras.KIND, Extras(**request))
    return job, extras.run(job, studio)


def kept(studio: Studio, name: str, data: bytes) -> Source:
    return Source(name=name, data=studio.inputs.keep(data))


def test_files_are_named_after_their_sources_and_say_what_was_done(studio: Studio) -> None:
    images = (kept(studio, "cat.png", picture(text="a cat\nSteps: 3")), kept(studio, "cat.png", picture()))
    _, result = done(studio, images=images, upscaler_1="Lanczos", upscaling_resize=2)
    first, second = (image.path for image in result.images)
    assert first is not None and second is not None
    folder = studio.paths.data / "outputs" / "extras-images"
    assert (first, second) == (folder / "cat.png", folder / "cat-1.png")
    with Image.open(first) as written:
        assert written.info["parameters"] == "a cat\nSteps: 3"
        assert written.info["extras"] == "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos"


def test_without_names_results_are_numbered(studio: Studio) -> None:
    studio.settings.update({"use_original_name_batch": False, "use_upscaler_name_as_suffix": True})
    for number in range(2):
        _, result = done(studio, images=(kept(studio, "a.png", picture()),), upscaler_1="Nearest")
        assert result.images[0].path is not None and result.images[0].path.name == f"0000{number}.png"


def test_a_folder_is_worked_on_and_its_pictures_stay(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("b.png", "a.png"):
        (folder / name).write_bytes(picture())
    (folder / "broken.png").write_bytes(picture()[:200])
    (folder / "notes.txt").write_text("no picture")
    before = (folder / "a.png").read_bytes()
    request = {"input_dir": str(folder), "output_dir": str(folder), "upscaler_1": "Nearest"}
    job, result = done(studio, **request)
    assert [image.path.name for image in result.images if image.path] == ["a-1.png", "b-1.png"]
    assert all(image.image is None for image in result.images)
    assert (folder / "a.png").read_bytes() == before
    assert any("broken.png was passed over" in comment for comment in job.comments)
    _, unseen = done(studio, **request, show_extras_results=False)
    assert unseen.images == ()


def test_folders_that_cannot_be_used_are_refused(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        done(studio, input_dir=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="There are no pictures in"):
        done(studio, input_dir=str(tmp_path / "empty"))
    (tmp_path / "empty" / "a.png").write_bytes(picture())
    with pytest.raises(UserError, match="Pictures cannot be saved into"):
        done(studio, input_dir=str(tmp_path / "empty"), output_dir="models/Lora")


def test_from_other_machines_only_own_folders_are_read(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.png").write_bytes(picture())
    with pytest.raises(UserError, match="from other machines only"):
        confine.input_folder(tmp_path / "data", str(tmp_path / "outside"), anywhere=False)
    with pytest.raises(UserError, match="leads out of"):
        confine.input_folder(tmp_path / "data", "../outside", anywhere=True)
    assert confine.input_folder(tmp_path, "outside", anywhere=False) == (tmp_path / "outside").resolve()


def test_a_bad_picture_alone_fails_the_job(studio: Studio) -> None:
    with pytest.raises(BadFile, match=r"half\.png is damaged"):
        done(studio, images=(kept(studio, "half.png", picture()[:300]),))
    with pytest.raises(UserError, match="There is no picture to work on"):
        done(studio)
    with pytest.raises(NotFound, match="could not find upscaler named 4x-Other"):
        done(studio, images=(kept(studio, "a.png", picture()),), upscaler_1="4x-Other")


def test_interrupting_keeps_what_is_done(studio: Studio) -> None:
    images = tuple(kept(studio, f"{number}.png", picture(40 + number)) for number in range(3))
    job = Job("one", extras.KIND, Extras(images=images, upscaler_1="Nearest"))
    announce = job.announce

    def stop_after_first(name: str, data: Any = None) -> None:
        announce(name, data)
        if name == "image":
            job.cancel.interrupt()

    job.announce = stop_after_first  # type: ignore[method-assign]
    assert len(extras.run(job, studio).images) == 1


def test_upscaled_pictures_are_kept_for_the_next_try(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = studio.upscalers.upscale
    monkeypatch.setattr(studio.upscalers, "upscale", lambda *told, **more: (calls.append(1), real(*told, **more))[1])
    images = (kept(studio, "a.png", picture()),)
    _, first = done(studio, images=images, upscaler_1="Lanczos", save_output=False)
    _, again = done(studio, images=images, upscaler_1="Lanczos", save_output=False, flip=True)
    assert len(calls) == 1
    assert again.images[0].open() == first.images[0].open() and len(again.images) == 2
    studio.settings.update({"upscaling_max_images_in_cache": 0})
    done(studio, images=images, upscaler_1="Nearest", save_output=False)
    done(studio, images=images, upscaler_1="Nearest", save_output=False)
    assert len(calls) == 3


def test_split_crops_work_towards_the_size_of_upscale(studio: Studio) -> None:
    _, result = done(
        studio,
        images=(kept(studio, "tall.png", picture(64, 320)),),
        upscale_enabled=False,
        resize_mode=1,
        upscaling_resize_w=64,
        upscaling_resize_h=64,
        split_oversized=True,
    )
    assert {image.open().size for image in result.images} == {(64, 64)}
    assert [image.path.name for image in result.images if image.path][:2] == ["tall.png", "tall-1.png"]


@pytest.mark.parametrize(
    ("action", "expected"), [("Ignore", "new"), ("Keep", "old"), ("Prepend", "old new"), ("Append", "new old")]
)
def test_captions_join_those_that_are_there(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, action: str, expected: str
) -> None:
    studio.settings.update({"postprocessing_existing_caption_action": action})
    monkeypatch.setattr(type(studio.describer), "tags", lambda *_told, **_more: "new")
    folder = studio.paths.data / "outputs" / "extras-images"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("old")
    done(studio, images=(kept(studio, "a.png", picture()),), caption=True)
    assert (folder / "a.txt").read_text() == expected


def test_operations_come_in_the_order_of_the_settings(studio: Studio) -> None:
    assert tuple(order(studio.settings.snapshot)) == OPERATIONS
    studio.settings.update({"postprocessing_operation_order": ["Caption", "Upscale", "Nothing"]})
    assert order(studio.settings.snapshot)[:3] == ["Caption", "Upscale", "GFPGAN"]


def test_jpeg_carries_what_was_done(studio: Studio) -> None:
    studio.settings.update({"samples_format": "jpg"})
    _, result = done(studio, images=(kept(studio, "a.png", picture(text="a cat")),), upscaler_1="Nearest")
    assert result.images[0].path is not None
    text, _ = pnginfo.read(BytesIO(result.images[0].path.read_bytes()))
    assert text == "Postprocess upscale by: 2.0, Postprocess upscaler: Nearest"
