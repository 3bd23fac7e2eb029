"""The img2img tab and the inpaint tab, which is the same panel opened in inpaint mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from modules.engine.request import Img2Img
from modules.web import widgets
from modules.web.access import Access
from modules.web.composing import Painting
from modules.web.defaults import Defaults
from modules.web.panels import (
    advanced,
    gallery,
    masking,
    modes,
    network_cards,
    overrides,
    prompt,
    refiner,
    resizing,
    sampler,
    script_slot,
    seed,
    size,
)
from modules.web.registry import Registry
from modules.web.tabs import generation

if TYPE_CHECKING:
    from modules.studio.context import Studio

TABS = ("img2img", "inpaint")
"""Their names; each is opened in the mode of its name."""


def build(studio: Studio, registry: Registry, defaults: Defaults, tab: str) -> generation.GenerationTab:
    """Make one of TABS with the checkpoint's defaults chosen."""
    modes.scene(registry, tab)
    top = prompt.build(registry, tab)
    network_cards.build(tab)
    with gr.Row(elem_id=f"{tab}_body", elem_classes=["resize-handle-row", "painting"], equal_height=False):
        with gr.Column(elem_id=f"{tab}_settings", elem_classes=["settings-column", "stack"], min_width=0):
            modes.build(registry, tab, opened=tab)
            resizing.mode(registry, tab)
            masking.build(registry, tab)
            sampler.build(registry, tab, defaults.sampler_name, defaults.scheduler, defaults.steps)
            refiner.build(studio, registry, tab)
            resizing.build(registry, tab, defaults.width, defaults.height)
            size.guidance(registry, tab, defaults.cfg_scale)
            image_cfg = widgets.slider("Image CFG Scale", 0, 3, 0.05, 1.5, elem_classes=["image-cfg"])
            registry.add(image_cfg, tab=tab, field="image_cfg_scale", label="Image CFG scale")
            strength = widgets.slider("Denoising strength", 0, 1, 0.01, 0.75)
            registry.add(strength, tab=tab, field="denoising_strength", label="Denoising strength")
            seed.build(registry, tab)
            advanced.build(registry, tab)
            chosen = overrides.build(tab)
            script_slot.build(registry, tab)
        output = gallery.build(tab, can_open_folder=not Access.of(studio.flags).beyond_loopback)
    registry.compositions[tab] = Painting(studio, registry.compositions.get(tab))
    made = generation.GenerationTab(tab, Img2Img, top, chosen, output)
    generation.bind(studio, registry, made)
    return made
