"""The inpaint block: what the mask means and how far its work reaches, and soft inpainting."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules.engine.request import SoftInpainting
from modules.web import widgets
from modules.web.panels.modes import name_of
from modules.web.registry import Registry

SHOW = "(shown) => ({visible: shown, __type__: 'update'})"
SOFT = "soft_inpainting"
"""The request's field; on the page its values are the fields "soft_inpainting/<name>"."""
KNOBS: dict[str, tuple[str, str, tuple[float, float, float], str]] = {
    "schedule_bias": ("mask_blend_power", "Schedule bias", (0, 8, 0.1), "How soon what is half masked is kept."),
    "preservation_strength": ("mask_blend_scale", "Preservation strength", (0, 8, 0.05), "How firmly it is kept."),
    "transition_contrast_boost": (
        "inpaint_detail_preservation",
        "Transition contrast boost",
        (1, 32, 0.5),
        "Against flatness where old and new mix.",
    ),
    "mask_influence": (
        "composite_mask_influence",
        "Mask influence",
        (0, 1, 0.05),
        "How far the mask itself decides what is laid over the original.",
    ),
    "difference_threshold": (
        "composite_difference_threshold",
        "Difference threshold",
        (0, 8, 0.25),
        "How much a place must change to be replaced.",
    ),
    "difference_contrast": (
        "composite_difference_contrast",
        "Difference contrast",
        (0, 8, 0.25),
        "How sharp the edge of what is replaced is.",
    ),
}
"""Soft inpainting's values: A1111's element id, label, range, and what it does."""


def build(registry: Registry, tab: str) -> None:
    """Make the block `inpaint`, which style.css hides in the modes without a mask."""
    with gr.Column(elem_id=name_of(tab, "inpaint_controls"), elem_classes=["stack", "inpaint-controls"], min_width=0):
        with gr.Row(elem_classes=["fields"]):
            blur = widgets.slider("Mask blur", 0, 64, 1, 4)
            registry.add(blur, tab=tab, field="mask_blur", label="Mask blur")
            registry.add(widgets.slider("Mask transparency", 0, 100, 1, 0), tab=tab, field="mask_alpha")
        with gr.Row(elem_classes=["fields", "choices"]):
            mode = widgets.choice("Mask mode", ("Inpaint masked", "Inpaint not masked"), 0)
            registry.add(mode, tab=tab, field="inpainting_mask_invert", id="mask_mode", label="Mask mode")
            area = widgets.choice("Inpaint area", ("Whole picture", "Only masked"), 0)
            registry.add(area, tab=tab, field="inpaint_full_res", label="Inpaint area")
        content = widgets.choice("Masked content", ("fill", "original", "latent noise", "latent nothing"), 1)
        registry.add(content, tab=tab, field="inpainting_fill", label="Masked content")
        padding = widgets.slider("Only masked padding, pixels", 0, 256, 4, 32)
        registry.add(padding, tab=tab, field="inpaint_full_res_padding", label="Masked area padding")
        _soft(registry, tab)


def _soft(registry: Registry, tab: str) -> None:
    defaults = SoftInpainting.model_validate({}).model_dump()
    enabled = gr.Checkbox(
        False,
        label="Soft inpainting",
        elem_id=name_of(tab, "soft_inpainting_enabled"),
        info="Edges fade into the old picture.",
    )
    registry.adopt(enabled, tab=tab, field=f"{SOFT}/enabled")
    with gr.Column(visible=False, elem_classes=["stack", "indented"], min_width=0) as knobs:
        for name, (id, label, (least, most, step), does) in KNOBS.items():
            knob = widgets.slider(label, least, most, step, defaults[name], info=does, elem_id=name_of(tab, id))
            registry.adopt(knob, tab=tab, field=f"{SOFT}/{name}")
    enabled.change(None, enabled, knobs, js=SHOW, api_visibility="private")


def gathered(values: dict[str, Any]) -> dict[str, Any] | None:
    """Soft inpainting's value of a request, its controls taken out of `values`; None while it is off."""
    enabled = values.pop(f"{SOFT}/enabled", False)
    found = {name: values.pop(f"{SOFT}/{name}", None) for name in KNOBS}
    return {name: value for name, value in found.items() if value is not None} if enabled else None


def spread(soft: dict[str, Any] | None) -> dict[str, Any]:
    """The other way round."""
    if soft is None:
        return {f"{SOFT}/enabled": False}
    return {f"{SOFT}/enabled": True, **{f"{SOFT}/{name}": value for name, value in soft.items() if name in KNOBS}}
