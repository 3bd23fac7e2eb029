"""What one `add` call leads to."""

from __future__ import annotations

import gradio as gr
import pytest

from modules.web import widgets
from modules.web.registry import Registry


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.add(gr.Textbox(label="Prompt"), tab="txt2img", field="prompt", label="Prompt")
    made.add(widgets.slider("Steps", 1, 150, 1, 20), tab="txt2img", field="steps", label="Steps")
    made.add(widgets.slider("Batch count", 1, 100, 1, 1), tab="txt2img", field="n_iter", id="batch_count")
    made.add(gr.Textbox(), tab="img2img", field="prompt")
    return made


def test_element_ids_are_a1111s(registry):
    ids = [component.elem_id for component in registry.inputs("txt2img")]
    assert ids == ["txt2img_prompt", "txt2img_steps", "txt2img_batch_count"]


def test_values_by_name(registry):
    assert registry.values("txt2img", ["a cat", 7, 2]) == {"prompt": "a cat", "steps": 7, "n_iter": 2}
    with pytest.raises(ValueError):
        registry.values("txt2img", ["a cat"])


def test_a_field_has_one_component_a_tab(registry):
    with pytest.raises(ValueError, match="steps"):
        registry.add(gr.Number(), tab="txt2img", field="steps")
    registry.add(gr.Number(), tab="img2img", field="steps")


def test_updates_leave_alone_what_is_not_named(registry):
    prompt, steps, count = registry.updates("txt2img", {"steps": 9, "unknown": 1})
    assert steps["value"] == 9
    assert "value" not in prompt and "value" not in count


def test_labels(registry):
    assert registry.labels("txt2img") == {"prompt": "Prompt", "steps": "Steps"}


def test_controls_pass_on_what_is_out_of_range():
    """So that the request's own check can name field and value; also after Gradio has made a copy of the control."""
    slider = widgets.slider("Width", 64, 2048, 8, 512)
    assert slider.preprocess(0) == 0
    assert type(slider)(**slider.constructor_args).preprocess(100_000) == 100_000
    assert widgets.dropdown("Checkpoint", ["a"], "a").preprocess("gone") == "gone"


def test_controls_are_gradios_own_to_the_page():
    names = {made.get_block_name() for made in (widgets.slider("a", 0, 1, 1, 0), widgets.dropdown("b", [], None))}
    assert names == {"slider", "dropdown"}
    assert widgets.Image().get_block_name() == "image"
