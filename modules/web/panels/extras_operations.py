"""The boxes of the Extras tab, one an operation. An operation takes part while its box is open, as in A1111."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from modules.web import handlers, widgets
from modules.web.registry import Registry

if TYPE_CHECKING:
    from modules.studio.context import Studio

Panel = Callable[["Studio", Registry, str], None]


def upscale(studio: Studio, registry: Registry, tab: str) -> None:
    """Two upscalers, and the size by factor or in pixels."""
    names = studio.upscalers.names()
    with _box(registry, tab, "Upscale", "upscale_enabled", f"{tab}_upscale", opened=True):
        with gr.Row(elem_classes=["fields"]):
            first = widgets.dropdown("Upscaler 1", names, "None")
            registry.add(first, tab=tab, field="upscaler_1")
            refresh = widgets.tool_button("🔄", f"refresh_{tab}_upscalers")
        with gr.Row(elem_classes=["fields"]):
            second = widgets.dropdown("Upscaler 2", names, "None")
            registry.add(second, tab=tab, field="upscaler_2")
            shared = widgets.slider("Upscaler 2 visibility", 0, 1, 0.001, 0)
            registry.add(shared, tab=tab, field="extras_upscaler_2_visibility", id="upscaler_2_visibility")
        _sizes(registry, tab)
    refresh.click(_listed(studio), None, [first, second], **handlers.QUIET)


def gfpgan(_studio: Studio, registry: Registry, tab: str) -> None:
    """How much of GFPGAN's result is seen."""
    with _box(registry, tab, "GFPGAN", "gfpgan_enabled"):
        registry.add(widgets.slider("Visibility", 0, 1, 0.001, 1), tab=tab, field="gfpgan_visibility")


def codeformer(_studio: Studio, registry: Registry, tab: str) -> None:
    """How much of CodeFormer's result is seen, and how far it goes."""
    with _box(registry, tab, "CodeFormer", "codeformer_enabled"):
        registry.add(widgets.slider("Visibility", 0, 1, 0.001, 1), tab=tab, field="codeformer_visibility")
        weight = widgets.slider("Weight (0 = maximum effect, 1 = minimum effect)", 0, 1, 0.001, 0)
        registry.add(weight, tab=tab, field="codeformer_weight")


def split(_studio: Studio, registry: Registry, tab: str) -> None:
    """Overlapping crops of long pictures."""
    with _box(registry, tab, "Split oversized images", "split_oversized"):
        threshold = widgets.slider("Threshold", 0, 1, 0.05, 0.5)
        _own(registry, tab, threshold, "split_threshold", "postprocess_split_threshold")
        overlap = widgets.slider("Overlap ratio", 0, 0.9, 0.05, 0.2)
        _own(registry, tab, overlap, "overlap_ratio", "postprocess_overlap_ratio")


def focal_crop(_studio: Studio, registry: Registry, tab: str) -> None:
    """A crop about what matters in the picture."""
    with _box(registry, tab, "Auto focal point crop", "focal_crop"):
        for part, value in (("face", 0.9), ("entropy", 0.15), ("edges", 0.5)):
            control = widgets.slider(f"Focal point {part} weight", 0, 1, 0.05, value)
            _own(registry, tab, control, f"focal_crop_{part}_weight", f"postprocess_focal_crop_{part}_weight")
        debug = gr.Checkbox(False, label="Create debug image")
        _own(registry, tab, debug, "focal_crop_debug", "train_process_focal_crop_debug")


def best_size(_studio: Studio, registry: Registry, tab: str) -> None:
    """A centre crop to the size that fits best."""
    sides = (("mindim", "Dimension lower bound", 384), ("maxdim", "Dimension upper bound", 768))
    areas = (("minarea", "Area lower bound", 64 * 64), ("maxarea", "Area upper bound", 640 * 640))
    with _box(registry, tab, "Auto-sized crop", "multicrop"):
        for controls, least, greatest, step in ((sides, 64, 2048, 8), (areas, 64 * 64, 2048 * 2048, 1)):
            with gr.Row(elem_classes=["fields"]):
                for name, label, value in controls:
                    control = widgets.slider(label, least, greatest, step, value)
                    _own(registry, tab, control, f"multicrop_{name}", f"postprocess_multicrop_{name}")
        aims = ["Maximize area", "Minimize error"]
        objective = gr.Radio(aims, value=aims[0], label="Resizing objective")
        _own(registry, tab, objective, "multicrop_objective", "postprocess_multicrop_objective")
        threshold = widgets.slider("Error threshold", 0, 1, 0.01, 0.1)
        _own(registry, tab, threshold, "multicrop_threshold", "postprocess_multicrop_threshold")


def flip(_studio: Studio, registry: Registry, tab: str) -> None:
    """Mirrored copies."""
    with _box(registry, tab, "Create flipped copies", "flip"), gr.Row(elem_classes=["fields"]):
        for name, on in (("Horizontal", True), ("Vertical", False), ("Both", False)):
            registry.add(gr.Checkbox(on, label=name), tab=tab, field=f"flip_{name.lower()}")


def caption(_studio: Studio, registry: Registry, tab: str) -> None:
    """A text file beside each picture that says what is in it."""
    with _box(registry, tab, "Caption", "caption"), gr.Row(elem_classes=["fields"]):
        registry.add(gr.Checkbox(True, label="Deepbooru"), tab=tab, field="caption_deepbooru")
        registry.add(gr.Checkbox(False, label="BLIP"), tab=tab, field="caption_blip")


PANELS: Mapping[str, Panel] = {
    "Upscale": upscale,
    "GFPGAN": gfpgan,
    "CodeFormer": codeformer,
    "Split oversized images": split,
    "Auto focal point crop": focal_crop,
    "Auto-sized crop": best_size,
    "Create flipped copies": flip,
    "Caption": caption,
}
"""By the operations' names."""


def _sizes(registry: Registry, tab: str) -> None:
    mode = registry.add(gr.Textbox("0", visible="hidden"), tab=tab, field="resize_mode", id="resize_mode_is")
    with gr.Tabs(elem_id=f"{tab}_resize_mode", elem_classes=["sources"]):
        with gr.Tab("Scale by", elem_id=f"{tab}_scale_by_tab") as by, gr.Row(elem_classes=["fields"]):
            registry.add(widgets.slider("Resize", 1, 8, 0.05, 4), tab=tab, field="upscaling_resize")
            longest = gr.Number(0, label="Max side length", precision=0, minimum=0, info="0: any")
            registry.add(longest, tab=tab, field="max_side_length", id="upscale_max_side_length")
        with gr.Tab("Scale to", elem_id=f"{tab}_scale_to_tab") as to:
            with gr.Row(elem_classes=["dimensions"], elem_id="upscaling_dimensions_row"):
                with gr.Column(elem_id="upscaling_column_size", elem_classes=["stack"], min_width=0, scale=4):
                    wide = widgets.slider("Width", 64, 8192, 8, 512)
                    high = widgets.slider("Height", 64, 8192, 8, 512)
                    registry.add(wide, tab=tab, field="upscaling_resize_w")
                    registry.add(high, tab=tab, field="upscaling_resize_h")
                swap = widgets.tool_button("⇅", "upscaling_res_switch_btn")
            registry.add(gr.Checkbox(True, label="Crop to fit"), tab=tab, field="upscaling_crop")
    both = [wide, high]
    swap.click(None, both, both, js="(width, height) => [height, width]", api_visibility="private")
    for strip, number in ((by, 0), (to, 1)):
        strip.select(None, None, mode, js=f"() => '{number}'", api_visibility="private")


@contextmanager
def _box(
    registry: Registry, tab: str, label: str, field: str, elem_id: str | None = None, *, opened: bool = False
) -> Iterator[None]:
    """A box whose being open is the request's `field`."""
    on = registry.add(gr.Checkbox(opened, label=label, visible="hidden"), tab=tab, field=field)
    with (
        gr.Accordion(label, open=opened, elem_id=elem_id, elem_classes=["operation"]) as box,
        gr.Column(elem_classes=["stack"], min_width=0),
    ):
        yield
    box.expand(None, None, on, js="() => true", api_visibility="private")
    box.collapse(None, None, on, js="() => false", api_visibility="private")


def _own(registry: Registry, tab: str, control: Component, field: str, elem_id: str) -> None:
    """Register a control whose element id A1111 gives no tab's name."""
    registry.add(control, tab=tab, field=field)
    control.elem_id = elem_id


def _listed(studio: Studio) -> Callable[[], list[dict[str, Any]]]:
    def handler() -> list[dict[str, Any]]:
        studio.catalog.refresh()
        names = studio.upscalers.names()
        return [gr.update(choices=names), gr.update(choices=names)]

    return handler
