"""Sampling method, schedule type and steps."""

from __future__ import annotations

import gradio as gr

from modules.sampling.catalog import SAMPLERS, SCHEDULES
from modules.web import widgets
from modules.web.registry import Registry


def build(registry: Registry, tab: str, sampler_name: str, scheduler: str, steps: int) -> None:
    """Make the block with the given values chosen."""
    with gr.Row(elem_id=f"sampler_selection_{tab}", elem_classes=["fields"]):
        registry.add(
            widgets.dropdown("Sampling method", [sampler.name for sampler in SAMPLERS], sampler_name, min_width=0),
            tab=tab,
            field="sampler_name",
            label="Sampler",
            id="sampling",
        )
        registry.add(
            widgets.dropdown("Schedule type", [schedule.label for schedule in SCHEDULES], scheduler, min_width=0),
            tab=tab,
            field="scheduler",
            label="Schedule type",
        )
    registry.add(widgets.slider("Sampling steps", 1, 150, 1, steps), tab=tab, field="steps", label="Steps")
