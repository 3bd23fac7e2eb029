"""Width, height and their swap, how many pictures, and how closely they follow the prompt."""

from __future__ import annotations

import gradio as gr

from modules.web import widgets
from modules.web.registry import Registry


def build(registry: Registry, tab: str, width: int, height: int, cfg_scale: float) -> None:
    """Make the blocks `dimensions`, `batch` and `cfg` with the given values."""
    with gr.Row(elem_id=f"{tab}_dimensions_row", elem_classes=["dimensions"]):
        with gr.Column(elem_id=f"{tab}_column_size", elem_classes=["stack"], min_width=0, scale=4):
            wide, high = sides(registry, tab, width, height)
        swap = widgets.tool_button("⇅", f"{tab}_res_switch_btn")
        with gr.Column(elem_id=f"{tab}_column_batch", elem_classes=["stack"], min_width=0, scale=3):
            batch(registry, tab)
    swaps(swap, wide, high)
    guidance(registry, tab, cfg_scale)


def sides(registry: Registry, tab: str, width: int, height: int) -> tuple[gr.Slider, gr.Slider]:
    """The sliders of width and height, in pixels."""
    wide = registry.add(widgets.slider("Width", 64, 2048, 8, width), tab=tab, field="width", label="Size-1")
    high = registry.add(widgets.slider("Height", 64, 2048, 8, height), tab=tab, field="height", label="Size-2")
    return wide, high


def swaps(button: gr.Button, wide: gr.Slider, high: gr.Slider) -> None:
    """Let a button exchange width and height."""
    both = [wide, high]
    button.click(None, both, both, js="(width, height) => [height, width]", api_visibility="private")


def batch(registry: Registry, tab: str) -> None:
    """How many batches, and how many pictures in each."""
    # A1111 writes no batch count, and pasting its batch size is what its users know.
    registry.add(widgets.slider("Batch count", 1, 100, 1, 1), tab=tab, field="n_iter", id="batch_count")
    registry.add(widgets.slider("Batch size", 1, 8, 1, 1), tab=tab, field="batch_size", label="Batch size")


def guidance(registry: Registry, tab: str, cfg_scale: float) -> None:
    """The block `cfg`."""
    registry.add(widgets.slider("CFG Scale", 1, 30, 0.5, cfg_scale), tab=tab, field="cfg_scale", label="CFG scale")
