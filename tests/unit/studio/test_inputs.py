"""Pictures of requests: checked before they are kept, kept as long as a job names them."""

from __future__ import annotations

import os
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from modules.engine.request import Img2Img
from modules.foundation.errors import BadFile, NotFound, UserError
from modules.studio import inputs
from modules.studio.context import Studio
from tests.unit.studio.bench import studio_at


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return studio_at(tmp_path)


def kept(studio: Studio, color: int) -> str:
    out = BytesIO()
    Image.new("L", (8, 8), color).save(out, "PNG")
    name = inputs.keep(studio, out.getvalue())
    then = time.time() - 30 * 24 * 3600
    os.utime(studio.inputs.path(name), (then, then))
    return name


def test_what_is_no_picture_is_not_kept(studio: Studio) -> None:
    with pytest.raises(BadFile, match="The mask is not a picture"):
        inputs.keep(studio, b"hello", "The mask")
    assert not studio.paths.inputs.exists()


def test_a_folder_that_cannot_be_written_is_named(studio: Studio) -> None:
    studio.paths.inputs.parent.mkdir(exist_ok=True)
    studio.paths.inputs.write_text("in the way")
    with pytest.raises(UserError, match="cannot be kept in"):
        kept(studio, 0)


def test_pictures_of_jobs_stay_and_others_go(studio: Studio) -> None:
    start, mask, nobodys = (kept(studio, color) for color in (1, 2, 3))
    studio.jobs.submit("img2img", Img2Img(init_images=(start,), mask=mask))
    inputs.clean(studio)
    assert studio.inputs.read(start) and studio.inputs.read(mask)
    with pytest.raises(NotFound):
        studio.inputs.read(nobodys)


def test_a_job_is_a_complete_recipe_after_a_restart(studio: Studio, tmp_path: Path) -> None:
    start = kept(studio, 1)
    job = studio.jobs.submit("img2img", Img2Img(init_images=(start,), prompt="a cat", mask_blur=7))
    studio.history.close()
    again = studio_at(tmp_path)
    assert again.jobs.recover() == 1
    (resumed,) = again.jobs.pending()
    assert resumed.request == job.request and again.inputs.read(resumed.request.init_images[0])  # type: ignore[attr-defined]
    inputs.clean(again)
    assert again.inputs.read(start)
    again.history.close()


def test_with_a_history_that_cannot_be_read_nothing_goes(studio: Studio) -> None:
    name = kept(studio, 1)
    studio.history.close()
    inputs.clean(studio)
    assert studio.inputs.read(name)
