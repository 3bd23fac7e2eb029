"""✨: which request the button under the gallery makes of the selected picture."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from modules import boot
from modules.engine.request import Txt2Img
from modules.foundation.errors import NotFound
from modules.foundation.flags import parse
from modules.studio.context import Studio
from modules.studio.result import SavedImage
from modules.web import page, pictures, upscaling
from modules.web.registry import Registry
from modules.web.tabs import txt2img


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = boot.assemble(parse(["--data-dir", str(tmp_path_factory.mktemp("studio"))]))
    yield made
    made.catalog.close()
    made.history.close()


@pytest.fixture(scope="module")
def registry(studio: Studio) -> Registry:
    found = Registry()
    with gr.Blocks(analytics_enabled=False):
        txt2img.build(studio, found, page.checkpoints.defaults_now(studio))
    return found


@pytest.fixture
def queued(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> list[Txt2Img]:
    """The requests that reach the queue, which does not run here."""
    taken: list[Txt2Img] = []

    class Taken:
        id = "job"

    def submit(kind: str, request: Txt2Img, **_: Any) -> Taken:
        taken.append(request)
        return Taken()

    monkeypatch.setattr(studio.jobs, "submit", submit)
    return taken


def press(studio: Studio, registry: Registry, picture: SavedImage | None, monkeypatch: Any, **changed: Any) -> Any:
    def find(*_: Any) -> SavedImage:
        if picture is None:
            raise NotFound("No picture is selected.")
        return picture

    monkeypatch.setattr(pictures, "find", find)
    monkeypatch.setattr(upscaling, "user_of", lambda _: None)
    values = [changed.get(field, part.value) for field, part in registry.fields("txt2img").items()]
    return upscaling.Upscale(studio, registry, "txt2img")(gr.Request(), "mine", "job/0", [], *values)


def saved(size: tuple[int, int], *, grid: bool = False) -> SavedImage:
    image = Image.new("RGB", size, "red")
    return SavedImage(None, image, "a cat\nSteps: 9, Seed: 41", 41, 7, "a cat", "", *size, grid=grid)


def test_the_second_pass_alone_over_that_picture_with_its_seed(
    studio: Studio, registry: Registry, queued: list[Txt2Img], monkeypatch: pytest.MonkeyPatch
) -> None:
    varied = {"subseed_show": True, "subseed_strength": 0.3, "subseed": 99}
    several = {"batch_size": 4, "n_iter": 3, "seed": 3}
    reply = press(studio, registry, saved((96, 64)), monkeypatch, hr_scale=1.5, prompt="a dog", **varied, **several)
    assert reply == {"id": "job"}
    (request,) = queued
    assert (request.enable_hr, request.hr_scale, request.prompt) == (True, 1.5, "a dog")
    assert (request.batch_size, request.n_iter, request.seed, request.subseed) == (1, 1, 41, 7)
    assert (request.width, request.height) == (96, 64)
    assert request.override_settings["save_images_before_highres_fix"] in (False, "False")
    assert request.firstpass_image is not None
    with Image.open(BytesIO(studio.inputs.read(request.firstpass_image))) as kept:
        assert kept.size == (96, 64)


@pytest.mark.parametrize(
    ("picture", "words"), [(None, "No picture is selected"), (saved((96, 64), grid=True), "A grid cannot be enlarged")]
)
def test_what_cannot_be_enlarged_is_said(
    studio: Studio,
    registry: Registry,
    queued: list[Txt2Img],
    monkeypatch: pytest.MonkeyPatch,
    picture: SavedImage | None,
    words: str,
) -> None:
    reply = press(studio, registry, picture, monkeypatch)
    assert (reply["id"], words in reply["error"], queued) == ("mine", True, [])


def test_a_size_out_of_range_is_said_before_anything_is_queued(
    studio: Studio, registry: Registry, queued: list[Txt2Img], monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = press(studio, registry, saved((4000, 64)), monkeypatch, hr_scale=4)
    assert ("it can be 16 to 8192" in reply["error"], queued) == (True, [])
