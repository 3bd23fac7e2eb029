"""A pasted infotext sets every control it names, on every tab that has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from modules import boot
from modules.engine.recipe import FIELDS
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.foundation.flags import parse
from modules.studio.context import Studio
from modules.web import handlers, page, ui_config
from modules.web.registry import Registry
from modules.web.tabs import img2img, txt2img

NOT_SHOWN = {"restore_faces"}
"""Restored as settings, for they have no control on the tabs."""
TOLD: dict[str, str] = {
    "Steps": "33",
    "Sampler": "Euler a",
    "Schedule type": "Karras",
    "CFG scale": "6.5",
    "Seed": "123",
    "Size": "320x448",
    "Batch size": "3",
    "Variation seed": "7",
    "Variation seed strength": "0.3",
    "Seed resize from": "256x512",
    "Denoising strength": "0.35",
    "Hires upscale": "1.5",
    "Hires upscaler": "Latent (nearest)",
    "Hires steps": "12",
    "Hires resize": "640x896",
    "Hires sampler": "DDIM",
    "Hires schedule type": "Exponential",
    "Hires prompt": '"other words, best"',
    "Hires negative prompt": '"other bad words, worst"',
    "Refiner switch at": "0.6",
    "Mask blur": "9",
    "Mask mode": "Inpaint not masked",
    "Masked content": "latent noise",
    "Inpaint area": "Only masked",
    "Masked area padding": "48",
    "Image CFG scale": "1.2",
    "Tiling": "True",
    "Clip skip": "2",
}
TEXT = "a cat, best\nNegative prompt: dog, worst\n" + ", ".join(f"{label}: {value}" for label, value in TOLD.items())


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = boot.assemble(parse(["--data-dir", str(tmp_path_factory.mktemp("studio"))]))
    made.styles.save("st", "best", "worst")
    yield made
    made.catalog.close()
    made.history.close()


@pytest.fixture(scope="module")
def registry(studio: Studio) -> Registry:
    found = Registry()
    defaults = page.checkpoints.defaults_now(studio)
    with gr.Blocks(analytics_enabled=False):
        txt2img.build(studio, found, defaults)
        for name in img2img.TABS:
            img2img.build(studio, found, defaults, name)
    return found


TABS: list[tuple[str, type[Request]]] = [("txt2img", Txt2Img), *((name, Img2Img) for name in img2img.TABS)]


@pytest.mark.parametrize(("tab", "kind"), TABS)
def test_every_field_that_an_infotext_fills_has_its_control(registry: Registry, tab: str, kind: type[Request]) -> None:
    assert set(FIELDS.values()) & set(kind.model_fields) - set(registry.fields(tab)) == NOT_SHOWN


@pytest.mark.parametrize(("tab", "kind"), TABS)
def test_pasting_sets_the_controls(studio: Studio, registry: Registry, tab: str, kind: type[Request]) -> None:
    *updates, overrides, reply = handlers.restored(studio, registry, tab, TEXT, kind)
    fields = list(registry.fields(tab))
    found: dict[str, Any] = {
        field: update["value"] for field, update in zip(fields, updates, strict=True) if "value" in update
    }
    wanted: dict[str, Any] = {
        "prompt": "a cat", "negative_prompt": "dog", "steps": 33, "sampler_name": "Euler a", "scheduler": "Karras",
        "cfg_scale": 6.5, "seed": 123, "width": 320, "height": 448, "batch_size": 3, "subseed": 7, "tiling": True,
        "subseed_strength": 0.3, "seed_resize_from_w": 256, "seed_resize_from_h": 512, "denoising_strength": 0.35,
        "subseed_show": True,
    }  # fmt: skip
    if kind is Txt2Img:
        wanted |= {
            "enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent (nearest)", "hr_second_pass_steps": 12,
            "hr_resize_x": 640, "hr_resize_y": 896, "hr_prompt": "other words", "hr_negative_prompt": "other bad words",
            "hr_sampler_name": "DDIM", "hr_scheduler": "Exponential",
        }  # fmt: skip
    else:
        wanted |= {
            "mask_blur": 9, "inpainting_mask_invert": 1, "inpainting_fill": 2, "inpaint_full_res": True,
            "inpaint_full_res_padding": 48, "image_cfg_scale": 1.2,
        }  # fmt: skip
    assert {field: found.get(field) for field in wanted if field in fields} == {
        field: value for field, value in wanted.items() if field in fields
    }
    assert found["styles"] == ["st"]
    assert overrides["value"] == ["Clip skip: 2"]
    assert "error" not in reply


CONFIG: dict[str, Any] = {
    "txt2img/Width/value": 768,
    "txt2img/Width/maximum": 4096,
    "customscript/sampler.py/txt2img/Sampling steps/value": 33.0,
    "customscript/sampler.py/txt2img/Sampling method/value": "Euler a",
    "customscript/seed.py/txt2img/Extra/value": True,
    "txt2img/Prompt/value": "always",
    "txt2img/CFG Scale/visible": False,
    "txt2img/Batch count/value": None,
}
UNFIT: dict[str, Any] = {
    "txt2img/Height/value": "tall",
    "txt2img/Schedule type/value": "Nonesuch",
    "txt2img/Seed/minimum": 3,
    "txt2img/Variation strength/value": True,
    "txt2img/Batch size/visible": "no",
    "img2img/Nothing/value": 3,
}


def test_defaults_from_ui_config(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    found = Registry()
    with gr.Blocks(analytics_enabled=False):
        txt2img.build(studio, found, page.checkpoints.defaults_now(studio))
    fields: dict[str, Any] = dict(found.fields("txt2img"))
    before = {name: fields[name].value for name in ("height", "scheduler", "n_iter")}
    ui_config.apply(found, {**CONFIG, **UNFIT})
    assert (fields["width"].value, fields["width"].maximum, fields["steps"].value) == (768, 4096, 33)
    assert (fields["sampler_name"].value, fields["prompt"].value, fields["cfg_scale"].visible) == (
        "Euler a", "always", False,
    )  # fmt: skip
    assert fields["subseed_show"].value is True
    assert {name: fields[name].value for name in before} == before
    assert sum("cannot be" in record.message for record in caplog.records) == len(UNFIT) - 1


@pytest.mark.parametrize("text", ["[1]", "{", "\xff"])
def test_a_file_that_is_none(tmp_path: Any, text: str) -> None:
    file = tmp_path / "ui-config.json"
    file.write_bytes(text.encode("latin-1"))
    assert ui_config.read(file) == {}
    assert ui_config.read(tmp_path / "missing.json") == {}
