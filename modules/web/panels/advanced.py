"""The advanced box: guidance beyond CFG, and noise levels chosen by hand. Closed until somebody wants it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from modules.engine.advanced import LABELS, LAST_TIMESTEP, LEVELS
from modules.web import widgets
from modules.web.registry import Registry


class Textbox(gr.Textbox):  # Gradio looks for a class of this name in the module it is said to be of
    """A line of numbers; a request's tuple of them is shown as the text that means it."""

    __module__ = gr.Textbox.__module__
    EVENTS = gr.Textbox.EVENTS

    def postprocess(self, value: Any) -> str | None:
        return ", ".join(f"{level:.10g}" for level in value) if isinstance(value, tuple | list) else value


Levels = Textbox


def build(registry: Registry, tab: str) -> None:
    """Make the box with everything off."""
    with (
        gr.Accordion("Advanced", open=False, elem_id=f"{tab}_advanced"),
        gr.Column(elem_classes=["stack"], min_width=0),
    ):
        with gr.Row(elem_classes=["fields"]):
            add(registry, tab, widgets.slider("CFG rescale", 0, 1, 0.05, 0, info=RESCALE), "guidance_rescale")
            add(registry, tab, widgets.slider("Perturbed attention (PAG) scale", 0, 10, 0.1, 0, info=PAG), "pag_scale")
        apg = gr.Checkbox(False, label="Adaptive projected guidance (APG)", info=APG, min_width=0)
        add(registry, tab, apg, "apg")
        with gr.Row(elem_classes=["fields"], visible=False) as tuned:
            add(registry, tab, widgets.slider("APG eta", 0, 1, 0.05, 0), "apg_eta")
            add(registry, tab, widgets.slider("APG norm threshold", 0, 50, 0.5, 15), "apg_norm_threshold")
            add(registry, tab, widgets.slider("APG momentum", -1, 1, 0.05, -0.5), "apg_momentum")
        apg.change(None, apg, tuned, js=SHOW, api_visibility="private")
        with gr.Row(elem_classes=["fields"]):
            start = widgets.slider("Timestep start", 1, LAST_TIMESTEP, 1, LAST_TIMESTEP)
            add(registry, tab, start, "timestep_start")
            add(registry, tab, widgets.slider("Timestep end", 0, LAST_TIMESTEP - 1, 1, 0), "timestep_end")
        sigmas = Levels(label="Sigmas", placeholder="14.6, 8, 4, 2, 1, 0.5", info=SIGMAS, max_lines=1, min_width=0)
        add(registry, tab, sigmas, "sigmas")


def add(registry: Registry, tab: str, component: Any, field: str) -> None:
    """Register a control under its field and infotext label."""
    label = next(label for label, of in (*LABELS.items(), *LEVELS.items()) if of == field)
    registry.add(component, tab=tab, field=field, label=label)


SHOW = "(shown) => ({visible: shown, __type__: 'update'})"
RESCALE = "Against the glare of high CFG scales; 0.7 is usual for v-prediction models."
PAG = "Firmer structure for half again the time; 0 is off, 3 is usual."
APG = "High CFG scales without oversaturation."
SIGMAS = "Noise levels, falling; they replace schedule type and number of steps. Empty uses those."
