"""The img2img and inpaint tabs as they are built: which controls there are, what they make of a request and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from modules import boot
from modules.engine.request import Img2Img
from modules.foundation.errors import BadFile, UserError
from modules.foundation.flags import parse
from modules.studio import inputs
from modules.studio.batch_request import Batch
from modules.studio.context import Studio
from modules.web import composing, handlers, page
from modules.web.registry import Registry
from modules.web.tabs import img2img
from tests.unit.web.test_page import NOT_ON_THE_TAB

OTHERWISE = {
    # from the canvas, from one control for two fields, or for programs alone, as in A1111
    "restore_faces", "reconstruction", "init_images", "mask", "mask_blur_x", "mask_blur_y", "mask_round",
    "initial_noise_multiplier", "latent_mask",
    "soft_inpainting",
}  # fmt: skip


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
        for tab in img2img.TABS:
            img2img.build(studio, found, page.checkpoints.defaults_now(studio), tab)
    return found


def picture(studio: Studio, size: tuple[int, int] = (100, 60)) -> dict[str, Any]:
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, "PNG")
    return {"id": inputs.keep(studio, out.getvalue()), "width": size[0], "height": size[1]}


def mask(studio: Studio, size: tuple[int, int] = (100, 60)) -> str:
    out = BytesIO()
    Image.new("L", size, 255).save(out, "PNG")
    return inputs.keep(studio, out.getvalue())


def request(registry: Registry, studio: Studio, scene: dict[str, Any], tab: str = "img2img", **changed: Any) -> Img2Img:
    """What Generate queues with this on the canvas and some controls changed."""
    changed["canvas"] = json.dumps(scene)
    sent = []
    for field, component in registry.fields(tab).items():
        shown = component.preprocess(component.value) if isinstance(component, gr.Radio) else component.value
        sent.append(changed.get(field, shown))
    values = registry.values(tab, sent)
    made = handlers.request_of(studio, values.pop(handlers.REQUEST, Img2Img), values, [])
    assert isinstance(made, Img2Img)
    return made


def test_every_field_of_the_request_is_on_the_tab_or_left_out_on_purpose(registry):
    wanted = set(Img2Img.model_fields) - NOT_ON_THE_TAB - OTHERWISE - {"styles"}
    assert wanted - set(registry.fields("img2img")) <= {"script_name", "script_args", "alwayson_scripts"}
    assert set(registry.fields("img2img")) == set(registry.fields("inpaint"))


def test_the_canvas_is_the_first_of_the_values(registry):
    for tab in img2img.TABS:
        assert next(iter(registry.fields(tab))) == "canvas", "img2img.js fills it in by its place"


def test_the_tabs_defaults_are_a1111s(registry, studio):
    made = request(registry, studio, {"mode": "img2img", "picture": picture(studio)})
    assert (made.denoising_strength, made.resize_mode, made.mask) == (0.75, 0, None)
    assert (made.inpainting_fill, made.inpaint_full_res, made.inpaint_full_res_padding) == (1, False, 32)
    assert (made.mask_blur_x, made.inpainting_mask_invert, made.image_cfg_scale) == (4, 0, 1.5)


def test_choices_are_numbers_in_a_request(registry, studio):
    scene = {"mode": "inpaint", "picture": picture(studio), "mask": mask(studio)}
    made = request(registry, studio, scene, "inpaint", inpaint_full_res=1, inpainting_fill=2, mask_blur=9)
    assert made.inpaint_full_res is True and made.inpainting_fill == 2 and made.mask_blur_y == 9
    assert made.mask == scene["mask"] and made.init_images == (scene["picture"]["id"],)


def test_resize_by_counts_from_the_picture(registry, studio):
    scene = {"mode": "img2img", "picture": picture(studio)}
    made = request(registry, studio, scene, resize_by="by", scale=2.5)
    assert (made.width, made.height) == (250, 150)
    with pytest.raises(UserError, match="Scale cannot be 0"):
        request(registry, studio, scene, resize_by="by", scale=0)


def test_what_a_job_had_comes_back_into_the_controls(registry, studio):
    scene = {"mode": "inpaint", "picture": picture(studio), "mask": mask(studio)}
    made = request(registry, studio, scene, "inpaint", inpaint_full_res=1, mask_blur=9)
    back = composing.Painting(studio).spread(made.model_dump(mode="json"))
    assert (back["inpaint_full_res"], back["mask_blur"], back["denoising_strength"]) == (1, 9, 0.75)


def test_a_batch_takes_files_or_a_folder(registry, studio, tmp_path):
    good, bad = tmp_path / "one.png", tmp_path / "two.png"
    Image.new("RGB", (8, 8)).save(good)
    bad.write_text("nothing")
    made = request(
        registry, studio, {"mode": "batch"}, batch_files=[str(good)], resize_by="by", scale=2, batch_input_dir="x"
    )
    assert isinstance(made, Batch) and made.names == ("one.png",) and made.scale_by == 2 and not made.input_dir
    with pytest.raises(BadFile, match=r"two\.png is not a picture"):
        request(registry, studio, {"mode": "batch"}, batch_files=[str(good), str(bad)])
    made = request(
        registry,
        studio,
        {"mode": "batch"},
        batch_source="directory",
        batch_input_dir="in",
        batch_png_info_props=["Seed"],
    )
    assert (
        isinstance(made, Batch) and made.input_dir == "in" and made.png_info_props == ("Seed",) and not made.init_images
    )
    with pytest.raises(UserError, match="no input directory"):
        request(registry, studio, {"mode": "batch"}, batch_source="directory")


@pytest.mark.parametrize(
    "text", ["nonsense", '{"mode": "dream"}', '{"picture": {"id": "/etc/passwd", "width": 1, "height": 1}}']
)
def test_a_canvas_that_is_none_of_ours_is_refused(registry, studio, text):
    with pytest.raises(UserError, match="not as it should be"):
        composing.scene_of(text)


def test_an_infotext_fills_the_inpaint_controls(registry, studio):
    text = (
        "a cat\nSteps: 8, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x128, Denoising strength: 0.4, "
        "Mask blur: 7, Mask mode: Inpaint not masked, Masked content: latent noise, Inpaint area: Only masked, "
        "Masked area padding: 48"
    )
    *updates, _, reply = handlers.restored(studio, registry, "inpaint", text, Img2Img)
    found = {
        field: update["value"]
        for field, update in zip(registry.fields("inpaint"), updates, strict=True)
        if "value" in update
    }
    assert (found["denoising_strength"], found["mask_blur"], found["inpaint_full_res_padding"]) == (0.4, 7, 48)
    radio = registry.fields("inpaint")
    shown = {
        field: radio[field].postprocess(found[field])
        for field in ("inpainting_mask_invert", "inpainting_fill", "inpaint_full_res")
    }
    assert list(shown.values()) == ["Inpaint not masked", "latent noise", "Only masked"]
    assert "mask_blur" in reply["pasted"]
