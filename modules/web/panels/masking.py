"""The inpaint block: what the mask means and how far its work reaches. Soft inpainting is an extension's."""

from __future__ import annotations

import gradio as gr

from modules.web import widgets
from modules.web.panels.modes import name_of
from modules.web.registry import Registry


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
