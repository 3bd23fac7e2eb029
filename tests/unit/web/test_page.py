"""The page as it is built: which controls there are, what they send, what comes back. No torch, no browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from modules import boot
from modules.engine.request import Txt2Img
from modules.foundation.errors import UserError
from modules.foundation.flags import parse
from modules.studio.context import Studio
from modules.web import handlers, page
from modules.web.app import Assets
from modules.web.panels import seed, setting
from modules.web.registry import Registry
from modules.web.tabs import settings, txt2img

NOT_ON_THE_TAB = {
    # set by the settings, by override settings or by the API alone, as in A1111
    "eta", "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond", "override_settings",
    "do_not_save_samples", "do_not_save_grid", "kind", "disable_extra_networks",
    "firstphase_width", "firstphase_height", "restore_faces",
    # set by the button under the gallery, and by the controls of scripts
    "firstpass_image", "script_name", "script_args", "alwayson_scripts",
}  # fmt: skip
ONLY_ON_THE_TAB = {"subseed_show", "refiner_enable"}

IDS = Path(__file__).with_name("element_ids.txt").read_text(encoding="utf-8").split()
"""A1111's element ids of what this page has: scripts and extensions find things by them."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = boot.assemble(parse(["--data-dir", str(tmp_path_factory.mktemp("studio"))]))
    yield made
    made.catalog.close()
    made.history.close()


@pytest.fixture(scope="module")
def blocks(studio: Studio) -> gr.Blocks:
    return page.build(studio)


@pytest.fixture
def registry(studio: Studio) -> Registry:
    found = Registry()
    with gr.Blocks(analytics_enabled=False):
        txt2img.build(studio, found, page.checkpoints.defaults_now(studio))
    return found


def values(registry: Registry, **changed: Any) -> list[Any]:
    """What the tab sends, with some controls changed."""
    return [changed.get(field, component.value) for field, component in registry.fields("txt2img").items()]


def test_every_field_of_the_request_is_on_the_tab_or_left_out_on_purpose(registry):
    assert set(registry.fields("txt2img")) == set(Txt2Img.model_fields) - NOT_ON_THE_TAB | ONLY_ON_THE_TAB


def test_element_ids_are_a1111s(blocks):
    found = {block.elem_id for block in blocks.blocks.values() if getattr(block, "elem_id", None)}
    assert set(IDS) - found == set()


def test_ids_are_unique(blocks):
    found = [block.elem_id for block in blocks.blocks.values() if getattr(block, "elem_id", None)]
    assert len(found) == len(set(found))


def test_nothing_of_the_page_is_part_of_gradios_public_api(blocks):
    assert not blocks.get_api_info()["named_endpoints"]


def test_every_setting_is_on_the_settings_tab(studio):
    listed = {key for _, keys in settings.sections(studio) for key in keys}
    assert listed == set(studio.settings.declared()) - {"sd_model_checkpoint"}


def test_every_setting_can_be_a_quicksetting(studio):
    with gr.Blocks(analytics_enabled=False):
        for key in studio.settings.declared():
            made = setting.build(studio, key)
            assert made.elem_id == f"setting_{key}"
            assert hasattr(made, "blur") or hasattr(made, "input") or hasattr(made, "release")


def test_what_the_tab_shows_is_a_valid_request(studio, registry):
    request = handlers.request_of(studio, Txt2Img, registry.values("txt2img", values(registry, prompt="a cat")), [])
    assert (request.prompt, request.steps, request.sampler_name) == ("a cat", 20, "DPM++ 2M")


def test_what_stands_behind_a_closed_extra_does_not_count(studio, registry):
    chosen = {"subseed": 5, "subseed_strength": 0.5, "seed_resize_from_w": 256, "seed_resize_from_h": 256}
    for shown, strength in ((True, 0.5), (False, 0.0)):
        sent = registry.values("txt2img", values(registry, subseed_show=shown, **chosen))
        assert handlers.request_of(studio, Txt2Img, sent, []).subseed_strength == strength
    assert seed.without_hidden({"seed": 1, "subseed_show": True, **chosen}) == {"seed": 1, **chosen}


def test_an_emptied_number_box_is_the_fields_default(studio, registry):
    sent = registry.values("txt2img", values(registry, seed=None, cfg_scale=None))
    assert handlers.request_of(studio, Txt2Img, sent, []).seed == -1


@pytest.mark.parametrize(
    ("field", "value", "words", "id"),
    [
        ("width", 0, "Width cannot be 0: it must be at least 16.", "txt2img_width"),
        ("width", 100_000, "Width cannot be 100000: it can be at most 8192.", "txt2img_width"),
        ("steps", -1, "Sampling steps cannot be -1", "txt2img_steps"),
        ("prompt", "x" * 5_000_000, "Prompt cannot be 'xxx", "txt2img_prompt"),
        ("cfg_scale", "much", "CFG Scale cannot be 'much'", "txt2img_cfg_scale"),
    ],
)
def test_what_is_wrong_is_named_with_its_value(studio, registry, field, value, words, id):
    sent = registry.values("txt2img", values(registry, **{field: value}))
    with pytest.raises(ValidationError) as caught:
        handlers.request_of(studio, Txt2Img, sent, [])
    reply = handlers.explained(caught.value, registry, "txt2img")
    assert reply["error"].startswith(words) and len(reply["error"]) < 300
    assert reply["field"] == id


def test_override_settings_go_by_label_or_key(studio, registry):
    sent = registry.values("txt2img", values(registry))
    request = handlers.request_of(studio, Txt2Img, sent, ["Clip skip: 2", "samples_format: webp", "Nobody: 1"])
    assert request.override_settings == {"CLIP_stop_at_last_layers": "2", "samples_format": "webp"}
    with pytest.raises(UserError, match="CLIP_stop_at_last_layers"):
        handlers.request_of(studio, Txt2Img, sent, ["Clip skip: many"])


def test_pasted_settings_that_differ_become_overrides(studio, registry):
    text = "a cat\nSteps: 8, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x128, Clip skip: 2"
    *updates, chosen, reply = handlers.restored(studio, registry, "txt2img", text)
    found = {
        field: update["value"]
        for field, update in zip(registry.fields("txt2img"), updates, strict=True)
        if "value" in update
    }
    assert found["width"] == 64 and found["height"] == 128 and found["steps"] == 8 and found["prompt"] == "a cat"
    assert chosen["value"] == ["Clip skip: 2"] and chosen["visible"]
    assert "steps" in reply["pasted"]


def test_text_that_is_nothing_changes_nothing(studio, registry):
    *updates, _, reply = handlers.restored(studio, registry, "txt2img", "")
    assert "error" in reply and not any("value" in update for update in updates)


def test_applied_settings_are_those_the_user_changed(studio):
    keys = ("jpeg_quality", "samples_format")
    shown = {"jpeg_quality": 80, "samples_format": "png"}
    studio.settings.update({"samples_format": "webp"})  # by another page, after this one was opened
    _, text, after = settings.apply(studio, keys)(shown, 91, "png")
    assert studio.settings.snapshot.values()["jpeg_quality"] == 91
    assert studio.settings.snapshot.values()["samples_format"] == "webp"
    assert "1 settings changed: jpeg_quality" in text and after["jpeg_quality"] == 91
    reply, *_ = settings.apply(studio, keys)(after, 1000, "png")
    assert "jpeg_quality" in reply["error"]


def test_the_pages_files_are_asked_for_anew():
    """An update must not leave a browser with scripts of two versions."""
    files = TestClient(Assets(directory=page.ASSETS))
    found = files.get("/js/main.js")
    assert found.headers["cache-control"] == "no-cache"
    again = files.get("/js/main.js", headers={"if-none-match": found.headers["etag"]})
    assert again.status_code == 304 and again.headers["cache-control"] == "no-cache"
