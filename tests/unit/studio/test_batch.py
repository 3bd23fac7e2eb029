"""Batches of img2img: which pictures are worked on, with what, and what the files of the results are called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.engine.options import Img2ImgOptions, VaeOptions
from modules.engine.plan import Made
from modules.engine.request import Img2Img, Request
from modules.engine.run import RunContext
from modules.foundation.errors import UserError
from modules.jobs.job import Job
from modules.jobs.worker import Worker
from modules.prompting.options import InfotextOptions, TextCompatibility
from modules.store import pnginfo
from modules.studio import batch, inputs
from modules.studio.batch_request import Batch
from modules.studio.context import Studio
from modules.studio.options import BatchOptions
from tests.unit.studio import bench
from tests.unit.studio.bench import Painter, studio_at, with_flags

SMALL = {"prompt": "a cat", "seed": 5, "steps": 2, "width": 16, "height": 24}


class Watching(Painter):
    """Remembers what it was asked, and the bytes of the pictures, which are gone afterwards."""

    asked: list[Img2Img]
    seen: list[tuple[bytes, bytes | None]]

    def generate(self, request: Request, run: RunContext) -> Iterator[Made]:
        assert isinstance(request, Img2Img)
        self.asked.append(request)
        mask = run.inputs.read(request.mask) if request.mask else None
        self.seen.append((run.inputs.read(request.init_images[0]), mask))
        return super().generate(request, run)


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Watching:
    painter = Watching()
    painter.asked, painter.seen = [], []
    monkeypatch.setitem(sys.modules, "modules.engine.generate", painter.module())
    monkeypatch.setattr(
        bench, "GROUPS", (*bench.GROUPS, BatchOptions, Img2ImgOptions, VaeOptions, InfotextOptions, TextCompatibility)
    )
    return painter


@pytest.fixture
def studio(tmp_path: Path, painter: Watching) -> Studio:
    return studio_at(tmp_path, grid_save=False)


def done(studio: Studio, **request: Any) -> Job:
    batch.register(studio, ready=True)
    job = studio.jobs.submit(batch.KIND, Batch.model_validate({**SMALL, **request}))
    worker = Worker(studio.jobs)
    worker.start()
    assert job.wait(20)
    assert worker.stop()
    return job


def picture(color: int = 0, size: tuple[int, int] = (20, 30), infotext: str | None = None) -> bytes:
    return pnginfo.encode(Image.new("RGB", size, (color, color, color)), infotext, "PNG")


def folder(studio: Studio, name: str, **files: bytes) -> str:
    at = studio.paths.data / name
    for file, data in files.items():
        path = at / file.replace("__", "/").replace("_png", ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return name


def names(at: Path) -> list[str]:
    return sorted(path.name for path in at.iterdir())


def test_a_folder_is_walked_in_the_order_people_count(studio: Studio, painter: Watching) -> None:
    pictures = {"p10_png": picture(10), "p2_png": picture(2), "sub__p3_png": picture(3), "notes": b"no picture"}
    job = done(studio, input_dir=folder(studio, "in", **pictures))
    assert (job.status, job.comments) == ("done", ())
    assert [seen for seen, _ in painter.seen] == [picture(2), picture(10), picture(3)]
    assert {request.seed for request in painter.asked} == {5}
    assert len(job.images) == len(job.outcome.images) == 3


def test_a_random_seed_is_drawn_once(studio: Studio, painter: Watching) -> None:
    done(studio, seed=-1, input_dir=folder(studio, "in", a_png=picture(1), b_png=picture(2)))
    first, second = (request.seed for request in painter.asked)
    assert first == second >= 0


def test_pictures_are_only_lent_to_the_inputs(studio: Studio) -> None:
    mine = inputs.keep(studio, picture(1))
    done(studio, input_dir=folder(studio, "in", a_png=picture(1), b_png=picture(2)))
    assert [path.name for path in studio.paths.inputs.rglob("*") if path.is_file()] == [mine.removeprefix("sha256:")]


def test_uploads_and_their_names(studio: Studio, painter: Watching) -> None:
    images = tuple(inputs.keep(studio, picture(color)) for color in (1, 2))
    job = done(studio, init_images=images, names=("first.jpg", "second.png"), output_dir="out")
    assert names(studio.paths.data / "out") == ["first.png", "second.png"]
    assert [saved.path is not None and saved.path.stem for saved in job.images] == ["first", "second"]


def test_results_of_one_name_are_numbered_and_nothing_is_overwritten(studio: Studio) -> None:
    given = folder(studio, "in", a_png=picture(1), sub__a_png=picture(2))
    done(studio, input_dir=given, output_dir="out")
    assert names(studio.paths.data / "out") == ["a-1.png", "a.png"]
    done(studio, input_dir=given, output_dir="several", batch_size=2)
    assert len(names(studio.paths.data / "several")) == 4
    assert "a-1.png" in names(studio.paths.data / "several") and "a-2.png" in names(studio.paths.data / "several")


def test_each_picture_by_its_own_size(studio: Studio, painter: Watching) -> None:
    given = folder(studio, "in", a_png=picture(1, (40, 80)), b_png=picture(2, (64, 32)))
    done(studio, input_dir=given, scale_by=1.5)
    assert [(request.width, request.height) for request in painter.asked] == [(60, 120), (96, 48)]


def test_one_mask_is_for_all_several_are_by_name(studio: Studio, painter: Watching) -> None:
    given = folder(studio, "in", a_png=picture(1), b_png=picture(2))
    done(studio, input_dir=given, inpaint_mask_dir=folder(studio, "one", any_png=picture(255)))
    assert [mask for _, mask in painter.seen] == [picture(255)] * 2
    painter.seen.clear()
    several = folder(studio, "several", a_png=picture(254), c_png=picture(253))
    job = done(studio, input_dir=given, inpaint_mask_dir=several)
    assert painter.seen == [(picture(1), picture(254))]
    assert len(job.comments) == 1 and "b.png was passed over" in job.comments[0] and "mask b.png" in job.comments[0]


TOLD = "a dog\nNegative prompt: rain\nSteps: 7, Sampler: Euler a, CFG scale: 3.5, Seed: 99, Size: 16x16"


def test_parameters_come_from_the_pictures(studio: Studio, painter: Watching) -> None:
    given = folder(studio, "in", a_png=picture(1, infotext=TOLD), b_png=picture(2))
    properties = ("Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps")
    done(studio, input_dir=given, use_png_info=True, png_info_props=properties, negative_prompt="fog")
    told, plain = painter.asked
    assert (told.prompt, told.negative_prompt) == ("a cat a dog", "fog rain")
    assert (told.seed, told.cfg_scale, told.sampler_name, told.steps) == (99, 3.5, "Euler a", 7)
    assert (plain.prompt, plain.seed, plain.steps, plain.width) == ("a cat", 5, 2, 16)


def test_only_what_was_chosen_is_taken_and_from_the_folder_that_was(studio: Studio, painter: Watching) -> None:
    given = folder(studio, "in", a_png=picture(1, infotext="nothing\nSteps: 3, Sampler: DDIM, Seed: 1, CFG scale: 1"))
    told = folder(studio, "told", a_png=picture(3, infotext=TOLD))
    done(studio, input_dir=given, use_png_info=True, png_info_dir=told, png_info_props=("Seed",))
    assert (painter.asked[0].seed, painter.asked[0].steps, painter.asked[0].prompt) == (99, 2, "a cat")


def test_a_damaged_picture_is_passed_over(studio: Studio, painter: Watching) -> None:
    job = done(studio, input_dir=folder(studio, "in", a_png=picture(1)[:40], b_png=picture(2)))
    assert job.status == "done" and len(painter.seen) == 1
    assert job.comments and job.comments[0].startswith("a.png was passed over. a.png is ")
    alone = done(studio, input_dir=folder(studio, "alone", a_png=b"junk"))
    assert alone.status == "failed" and "a.png is not a picture" in str(alone.error)


def test_an_interrupted_batch_keeps_what_it_had(studio: Studio, painter: Watching) -> None:
    given = folder(studio, "in", **{f"p{number}_png": picture(number) for number in range(4)})
    batches: list[int] = []

    def stop(_batch: int) -> None:
        batches.append(1)
        if len(batches) == 2:
            studio.jobs.current.cancel.interrupt()  # type: ignore[union-attr]

    painter.before_batch = stop
    job = done(studio, input_dir=given)
    assert job.status == "interrupted" and len(painter.asked) == 2 and len(job.images) == 2


def test_so_many_results_are_shown_and_all_saved(studio: Studio, tmp_path: Path) -> None:
    given = folder(studio, "in", **{f"p{number}_png": picture(number) for number in range(5)})
    job = done(studio, input_dir=given, output_dir="out", override_settings={"img2img_batch_show_results_limit": 2})
    assert len(job.images) == len(job.outcome.images) == 2
    assert len(names(studio.paths.data / "out")) == 5


def test_progress_is_that_of_the_whole(studio: Studio) -> None:
    job = done(studio, n_iter=2, input_dir=folder(studio, "in", a_png=picture(1), b_png=picture(2)))
    assert (job.progress.batches, job.progress.fraction) == (4, 1.0)


@pytest.mark.parametrize("what", ["input_dir", "output_dir", "inpaint_mask_dir", "png_info_dir"])
def test_from_other_machines_no_folder_outside_is_touched(studio: Studio, tmp_path_factory: Any, what: str) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.png").write_bytes(picture(1, infotext=TOLD))
    request: dict[str, Any] = {"input_dir": folder(studio, "in", a_png=picture(1)), what: str(outside)}
    request |= {"use_png_info": True, "png_info_props": ("Seed",)} if what == "png_info_dir" else {}
    job = done(with_flags(studio, "--listen"), **request)
    if what == "png_info_dir":
        assert job.images[0].seed == 5
    else:
        assert job.status == "failed" and "outside of" in str(job.error)
    assert names(outside) == ["a.png"]


def test_a_files_name_leads_nowhere_else(studio: Studio, painter: Watching) -> None:
    folder(studio, "secret", a_png=picture(3, infotext=TOLD))
    told = folder(studio, "told", b_png=picture(3))
    images = (inputs.keep(studio, picture(1)),)
    request = {"use_png_info": True, "png_info_dir": told, "png_info_props": ("Seed",), "output_dir": "out"}
    done(studio, init_images=images, names=("../secret/a.png",), **request)
    assert painter.asked[0].seed == 5
    assert names(studio.paths.data / "out") == ["a.png"]


@pytest.mark.parametrize("what", ["../..", "/etc", "nowhere"])
def test_folders_that_are_none(studio: Studio, what: str) -> None:
    job = done(studio, input_dir=what)
    assert job.status == "failed" and isinstance(job.exception, UserError)


def test_nothing_to_do_is_said(studio: Studio) -> None:
    assert "choose some files" in str(done(studio).error)
    hidden = with_flags(studio, "--hide-ui-dir-config")
    assert "--hide-ui-dir-config" in str(done(hidden, input_dir="in").error)


def test_a_batch_is_a_complete_row() -> None:
    request = Batch(input_dir="in", scale_by=2.0, png_info_props=("Seed",))
    assert Batch.model_validate_json(request.model_dump_json()) == request
    with pytest.raises(ValueError, match="init_images"):
        Img2Img()  # type: ignore[call-arg]
    assert BytesIO(picture()).read(4) == b"\x89PNG"
