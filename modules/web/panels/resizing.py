"""How the picture is brought to the size that is generated: resize mode, to a size or by a factor."""

from __future__ import annotations

import gradio as gr

from modules.web import widgets
from modules.web.panels import size
from modules.web.panels.modes import name_of
from modules.web.registry import Registry

MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")


def mode(registry: Registry, tab: str) -> None:
    """The row of resize modes."""
    chosen = widgets.choice("Resize mode", MODES, 0, elem_id=name_of(tab, "resize_mode"))
    registry.adopt(chosen, tab=tab, field="resize_mode")


def build(registry: Registry, tab: str, width: int, height: int) -> None:
    """Make the blocks `dimensions` and `batch`."""
    by = registry.add(gr.Textbox("to", visible="hidden"), tab=tab, field="resize_by", id="selected_scale_tab")
    with gr.Row(elem_id=f"{tab}_dimensions_row", elem_classes=["dimensions"]):
        with gr.Column(elem_id=f"{tab}_column_size", elem_classes=["stack"], min_width=0, scale=4):
            _ways(registry, tab, by, width, height)
        with gr.Column(elem_id=f"{tab}_column_batch", elem_classes=["stack"], min_width=0, scale=3):
            size.batch(registry, tab)


def _ways(registry: Registry, tab: str, by: gr.Textbox, width: int, height: int) -> None:
    """To a size, or by a factor; `by` says which is open."""
    with gr.Tabs(elem_id=f"{tab}_tabs_resize", elem_classes=["sources"], overflow_behavior="wrap"):
        with (
            gr.Tab("Resize to", id="to", elem_id=f"{tab}_tab_resize_to") as to_size,
            gr.Row(elem_classes=["dimensions"]),
        ):
            with gr.Column(elem_classes=["stack"], min_width=0, scale=4):
                wide, high = size.sides(registry, tab, width, height)
            with gr.Column(elem_classes=["size-tools"], min_width=0, scale=0):
                swap = widgets.tool_button("⇅", f"{tab}_res_switch_btn")
                detect = widgets.tool_button("📐", f"{tab}_detect_image_size_btn")
        with gr.Tab("Resize by", id="by", elem_id=f"{tab}_tab_resize_by") as by_scale:
            registry.add(widgets.slider("Scale", 0.05, 4, 0.05, 1), tab=tab, field="scale")
            gr.HTML("", elem_id=f"{tab}_scale_resolution_preview", elem_classes=["resolution"])
    size.swaps(swap, wide, high)
    both = [wide, high]
    detect.click(None, both, both, js=f"(...now) => atelier.detectSize('{tab}', now)", api_visibility="private")
    to_size.select(None, None, by, js="() => 'to'", api_visibility="private")
    by_scale.select(None, None, by, js="() => 'by'", api_visibility="private")
