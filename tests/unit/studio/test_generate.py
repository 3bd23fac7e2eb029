"""A generation from the queue to files, history and result."""

from __future__ import annotations

import errno
import os
import queue
import sys
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from modules.foundation.errors import NotFound, UserError
from modules.store import pnginfo
from modules.studio.context import Studio
from modules.studio.deliver import last_infotext
from modules.studio.result import Result
from tests.unit.studio.bench import Painter, gate, in_background, run, studio_at, with_flags


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Painter:
    painter = Painter()
    monkeypatch.setitem(sys.modules, "modules.engine.generate", painter.module())
    return painter


@pytest.fixture
def studio(tmp_path: Path, painter: Painter) -> Studio:
    return studio_at(tmp_path)


def files(studio: Studio) -> list[str]:
    today = f"{datetime.now():%Y-%m-%d}"
    root = studio.paths.outputs
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name.replace(f"{today}/", "") for name in found if not name.startswith("studio.sqlite"))


def test_every_image_is_saved_recorded_and_in_the_result(studio: Studio) -> None:
    job = run(studio, n_iter=2, batch_size=2)
    assert (job.status, job.comments) == ("done", ())
    assert files(studio) == [
        "txt2img-grids/grid-0000.png",
        *(f"txt2img-images/0000{number}-{5 + number}.png" for number in range(4)),
    ]
    result = job.outcome
    assert isinstance(result, Result)
    assert [(image.grid, image.seed) for image in result.images] == [
        (True, 5),
        *((False, seed) for seed in (5, 6, 7, 8)),
    ]
    assert result.index_of_first_image == 1 and len(result.samples) == 4
    assert result.infotexts[0] == result.infotexts[1] == "a cat\nSteps: 2, Seed: 5"
    for image in result.samples:
        assert image.path is not None and pnginfo.read(image.path)[0] == image.infotext
        with Image.open(image.path) as saved:
            assert saved.getpixel((0, 0)) == image.open().getpixel((0, 0)) and saved.size == (16, 24)
    assert job.row is not None
    rows = studio.history.images(job.row)
    assert [(row.seed, row.grid, row.path.is_file()) for row in rows] == [
        (5, False, True), (6, False, True), (7, False, True), (8, False, True), (5, True, True),
    ]  # fmt: skip


def test_each_image_is_announced_when_it_is_on_disk(studio: Studio, painter: Painter) -> None:
    opened, painter.before_batch = gate()
    job, worker = in_background(studio, n_iter=2)
    for event in job.subscribe():
        if event.name == "image" and not opened.is_set():
            assert not job.finished
            assert event.data.path.is_file() and job.images == (event.data,)
            opened.set()
    assert len(job.images) == 3
    assert worker.stop()


def test_a_random_seed_is_told(studio: Studio) -> None:
    result = run(studio, seed=-1).outcome
    assert result.request.seed == result.images[0].seed >= 0


PLAIN = {"samples_save": False, "grid_save": False}
GRID = "txt2img-grids/grid-0000.png"
ONE, TWO = "txt2img-images/00000-5.png", "txt2img-images/00001-6.png"


@pytest.mark.parametrize(
    ("settings", "request_", "saved", "shown"),
    [
        ({}, {"do_not_save_samples": True}, [GRID], 3),
        ({}, {"do_not_save_grid": True}, [ONE, TWO], 2),
        ({"samples_save": False}, {}, [GRID], 3),
        (PLAIN, {}, [], 3),
        ({"samples_save": False, "return_grid": False}, {}, [GRID], 2),
        ({**PLAIN, "return_grid": False}, {}, [], 2),
        ({"grid_only_if_multiple": False, "samples_save": False}, {"batch_size": 1}, [GRID], 2),
        ({"samples_save": False}, {"batch_size": 1}, [], 1),
        (PLAIN, {"override_settings": {"samples_save": True}}, [ONE, TWO], 3),
        ({}, {"override_settings": {"grid_format": "jpg", "samples_save": False}}, [GRID.replace("png", "jpg")], 3),
    ],
)
def test_what_is_saved_and_shown(
    tmp_path: Path, painter: Painter, settings: dict, request_: dict, saved: list[str], shown: int
) -> None:
    studio = studio_at(tmp_path, **settings)
    result = run(studio, **{"batch_size": 2, **request_}).outcome
    assert files(studio) == saved
    assert len(result.images) == shown
    assert all(image.open().size for image in result.images)


def test_a_full_disk_loses_no_picture(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        job = run(studio)
    assert job.status == "done"
    (comment,) = job.comments
    assert comment.startswith("Not saved: The disk of") and "is full. Make room" in comment
    (image,) = job.outcome.images
    assert image.path is None and image.open().getpixel((0, 0)) == (5, 0, 0)
    assert image.slim().open().size == (16, 24), "the only copy is kept"
    assert pnginfo.read(image.encoded(studio.settings.snapshot)[0])[0] == image.infotext
    assert job.outcome.comments == job.comments
    assert run(studio).outcome.images[0].path is not None


def test_an_outputs_folder_that_cannot_be_made(tmp_path: Path, painter: Painter) -> None:
    (tmp_path / "outputs").write_text("in the way")
    studio = studio_at(tmp_path)
    assert "kept in memory" in studio.notices[0]
    job = run(studio)
    assert job.status == "done" and "Not saved" in job.comments[0]
    again = studio.jobs.get(job.id)
    assert again is job and again.images[0].open().size == (16, 24)


def test_an_interrupted_run_shows_what_it_had_and_saves_only_what_was_whole(studio: Studio, painter: Painter) -> None:
    opened, painter.before_batch = gate()
    job, worker = in_background(studio, n_iter=3)
    assert next(event for event in job.subscribe() if event.name == "image")
    job.cancel.interrupt()
    opened.set()
    assert job.wait(10) and worker.stop()
    assert job.status == "interrupted"
    assert [image.path is not None for image in job.outcome.samples] == [True, False]
    assert files(studio) == ["txt2img-grids/grid-0000.png", "txt2img-images/00000-5.png"]


def test_incomplete_images_are_saved_if_wanted(tmp_path: Path, painter: Painter) -> None:
    studio = studio_at(tmp_path, save_incomplete_images=True)
    opened, painter.before_batch = gate()
    job, worker = in_background(studio, n_iter=3)
    assert next(event for event in job.subscribe() if event.name == "image")
    job.cancel.skip()
    opened.set()
    assert job.wait(10) and worker.stop()
    assert job.status == "done"
    assert all(image.path for image in job.outcome.samples) and len(job.outcome.samples) == 3


def test_a_skipped_batch_is_not_saved_and_the_next_is(studio: Studio, painter: Painter) -> None:
    opened, painter.before_batch = gate()
    job, worker = in_background(studio, n_iter=3, do_not_save_grid=True)
    assert next(event for event in job.subscribe() if event.name == "image")
    job.cancel.skip()
    opened.set()
    assert job.wait(10) and worker.stop()
    assert [image.path is not None for image in job.outcome.samples] == [True, False, True]


def test_images_made_before_a_failure_are_still_there(studio: Studio, painter: Painter) -> None:
    def fail(batch: int) -> None:
        if batch == 1:
            raise UserError("The device has no room.")

    painter.before_batch = fail
    job = run(studio, n_iter=2)
    assert (job.status, job.error) == ("failed", "The device has no room.")
    assert len(job.images) == 1 and files(studio) == ["txt2img-images/00000-5.png"]


def test_an_override_that_does_not_fit_fails_the_job_in_words(studio: Studio) -> None:
    job = run(studio, override_settings={"jpeg_quality": 1000})
    assert job.status == "failed" and job.error is not None and "'jpeg_quality' cannot be 1000" in job.error


def test_a_grid_that_cannot_be_made_is_said(tmp_path: Path, painter: Painter) -> None:
    job = run(studio_at(tmp_path, grid_background_color="no colour"), batch_size=2)
    assert job.status == "done" and len(job.outcome.images) == 2
    assert job.comments[0].startswith("No grid was made")


def test_a_finished_job_is_found_again_after_a_restart(studio: Studio, tmp_path: Path) -> None:
    job = run(studio, batch_size=2)
    job.images[1].path.unlink()
    studio.history.close()

    again = studio_at(tmp_path).jobs.get(job.id)
    assert again is not None and again is not job
    result = again.outcome_or_raise()
    assert [(image.grid, image.seed) for image in result.images] == [(True, 5), (False, 5)]
    assert [image.infotext for image in result.images] == [
        job.outcome.images[0].infotext,
        job.outcome.images[1].infotext,
    ]
    assert result.images[1].open().getpixel((0, 0)) == (5, 0, 0)
    assert [image.grid for image in again.images] == [False, True]
    assert again.request == job.request


def test_pictures_of_older_jobs_are_read_from_disk(studio: Studio) -> None:
    jobs = [run(studio, seed=seed) for seed in range(4)]
    assert [job.outcome.images[0].image is None for job in jobs] == [True, True, False, False]
    assert [job.images[0].open().getpixel((0, 0)) for job in jobs] == [(seed, 0, 0) for seed in range(4)]
    jobs[0].images[0].path.unlink()
    with pytest.raises(NotFound, match=r"00000-0\.png cannot be read any more"):
        jobs[0].images[0].open()


def test_encoded_is_the_saved_file_or_the_wanted_format(studio: Studio) -> None:
    (image,) = run(studio).outcome.images
    assert image.path is not None
    assert image.encoded(studio.settings.snapshot) == (image.path.read_bytes(), "png")
    data, suffix = image.encoded(studio.settings.snapshot.overridden({"samples_format": "jpg"}))
    assert suffix == "jpg" and data[:2] == b"\xff\xd8" and pnginfo.read(data)[0] == image.infotext
    plain, _ = image.encoded(studio.settings.snapshot.overridden({"samples_format": "webp", "enable_pnginfo": False}))
    assert pnginfo.read(plain)[0] is None


def test_the_checkpoint_is_hashed_while_the_picture_is_made(studio: Studio) -> None:
    folder = studio.paths.folder("Stable-diffusion")
    folder.mkdir(parents=True)
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(name.encode())
    hashed: queue.SimpleQueue[str] = queue.SimpleQueue()
    studio.catalog.on_hashed(lambda file: hashed.put(file.name))
    run(studio)
    assert hashed.get(timeout=10) == "a.safetensors"
    run(studio, override_settings={"sd_model_checkpoint": "b"})
    assert hashed.get(timeout=10) == "b.safetensors"
    assert all(file.hash for file in studio.catalog.checkpoints())
    assert run(studio, override_settings={"sd_model_checkpoint": "none such"}).status == "done"


def test_the_last_infotext_is_remembered_unless_forbidden(studio: Studio) -> None:
    assert last_infotext(studio) == ""
    run(studio, n_iter=2)
    assert last_infotext(studio) == "a cat\nSteps: 2, Seed: 5"
    run(with_flags(studio, "--no-prompt-history"), seed=9)
    assert last_infotext(studio) == "a cat\nSteps: 2, Seed: 5"


def test_the_next_job_is_estimated_from_the_last(studio: Studio, painter: Painter) -> None:
    run(studio, steps=4)
    paces = []

    def note(batch: int) -> None:
        current = studio.jobs.current
        assert current is not None
        paces.append(current.progress.pace)

    painter.before_batch = note
    run(studio, steps=4)
    run(studio, steps=4, sampler_name="Heun")
    assert paces[0] is not None and paces[0].step > 0 and paces[0].tail > 0
    assert paces[1] is None, "another sampler has another price"
