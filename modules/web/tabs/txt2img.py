"""The txt2img tab: the panels stacked as A1111's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from modules.engine.request import Txt2Img
from modules.web import upscaling
from modules.web.access import Access
from modules.web.defaults import Defaults
from modules.web.panels import (
    advanced,
    gallery,
    hires,
    network_cards,
    overrides,
    prompt,
    refiner,
    sampler,
    script_slot,
    seed,
    size,
)
from modules.web.registry import Registry
from modules.web.tabs import generation

if TYPE_CHECKING:
    from modules.studio.context import Studio

TAB = "txt2img"


def build(studio: Studio, registry: Registry, defaults: Defaults) -> generation.GenerationTab:
    """Make the tab with the checkpoint's defaults chosen."""
    top = prompt.build(registry, TAB)
    network_cards.build(TAB)
    with gr.Row(elem_id=f"{TAB}_body", elem_classes=["resize-handle-row"], equal_height=False):
        with gr.Column(elem_id=f"{TAB}_settings", elem_classes=["settings-column", "stack"], min_width=0):
            sampler.build(registry, TAB, defaults.sampler_name, defaults.scheduler, defaults.steps)
            second = hires.build(studio, registry, TAB)
            refiner.build(studio, registry, TAB)
            size.build(registry, TAB, defaults.width, defaults.height, defaults.cfg_scale)
            seed.build(registry, TAB)
            advanced.build(registry, TAB)
            chosen = overrides.build(TAB)
            script_slot.build(registry, TAB)
        output = gallery.build(TAB, can_open_folder=not Access.of(studio.flags).beyond_loopback, can_upscale=True)
    tab = generation.GenerationTab(TAB, Txt2Img, top, chosen, output)
    generation.bind(studio, registry, tab)
    hires.bind(studio, registry, TAB, second)
    if output.upscale:
        upscaling.bind(studio, registry, TAB, output.upscale, chosen)
    return tab
