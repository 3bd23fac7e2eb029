"""Hires. fix: the second, larger pass of a picture, with the size it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.engine.high_res import LATENT_MODES, SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULER, STRENGTH
from modules.sampling.catalog import SAMPLERS, SCHEDULES
from modules.web import handlers, widgets
from modules.web.options import Alternatives
from modules.web.registry import Registry

if TYPE_CHECKING:
    from modules.studio.context import Studio

SIZED_BY = ("enable_hr", "width", "height", "hr_scale", "hr_resize_x", "hr_resize_y")


@dataclass(frozen=True, slots=True)
class HiresPanel:
    """What the tab binds. `size` says from which size to which; the lists are filled when the page opens."""

    size: gr.HTML
    upscaler: gr.Dropdown
    checkpoint: gr.Dropdown
    refresh: gr.Button


def build(studio: Studio, registry: Registry, tab: str) -> HiresPanel:
    """Make the part and what it holds. Of `tab` are the control's names, as A1111's txt2img has them."""
    shows = studio.settings.snapshot[Alternatives]
    with widgets.input_accordion(registry, "Hires. fix", tab=tab, field="enable_hr", id="hr") as header:
        with header:
            size = gr.HTML("", elem_id="txtimg_hr_finalres", elem_classes=["accordion-note"])
        with gr.Row(elem_id=f"{tab}_hires_fix_row1", elem_classes=["fields", "paired"]):
            upscaler = widgets.dropdown("Upscaler", upscalers(studio), LATENT_MODES[0].name, min_width=0)
            registry.add(upscaler, tab=tab, field="hr_upscaler", label="Hires upscaler")
            steps = widgets.slider("Hires steps", 0, 150, 1, 0)
            registry.add(steps, tab=tab, field="hr_second_pass_steps", label="Hires steps", id="hires_steps")
            strength = widgets.slider("Denoising strength", 0, 1, 0.01, STRENGTH)
            registry.add(strength, tab=tab, field="denoising_strength", label="Denoising strength")
        with gr.Row(elem_id=f"{tab}_hires_fix_row2", elem_classes=["fields", "paired", "one-first"]):
            registry.add(widgets.slider("Upscale by", 1, 4, 0.05, 2), tab=tab, field="hr_scale", label="Hires upscale")
            for side, name, number in (("width", "x", 1), ("height", "y", 2)):
                control = widgets.slider(f"Resize {side} to", 0, 2048, 8, 0)
                registry.add(control, tab=tab, field=f"hr_resize_{name}", label=f"Hires resize-{number}")
        checkpoint, refresh = _models(studio, registry, tab, visible=shows.hires_fix_show_sampler)
        _prompts(registry, tab, visible=shows.hires_fix_show_prompts)
    return HiresPanel(size, upscaler, checkpoint, refresh)


def upscalers(studio: Studio) -> list[str]:
    """Ways to enlarge latents, then those to enlarge pictures."""
    return [*(mode.name for mode in LATENT_MODES), *studio.upscalers.names()]


def checkpoints(studio: Studio) -> list[tuple[str, str]]:
    """Label and value of every choice of checkpoint; "" is the same."""
    return [(SAME_CHECKPOINT, ""), *((file.title, file.title) for file in studio.catalog.checkpoints())]


def _models(studio: Studio, registry: Registry, tab: str, *, visible: bool) -> tuple[gr.Dropdown, gr.Button]:
    """Checkpoint, sampler, schedule and CFG scale: the same as in the first pass unless chosen otherwise."""
    samplers = [(SAME_SAMPLER, ""), *((sampler.name, sampler.name) for sampler in SAMPLERS)]
    schedules = [(SAME_SCHEDULER, ""), *((schedule.label, schedule.label) for schedule in SCHEDULES)]
    with gr.Column(elem_id=f"{tab}_hires_fix_row3", elem_classes=["stack"], min_width=0, visible=visible) as row:
        with gr.Row(elem_classes=["fields", "seed-row"]):
            checkpoint = widgets.labelled("Checkpoint", checkpoints(studio), "", elem_id="hr_checkpoint", min_width=0)
            refresh = widgets.tool_button("🔄", "hr_checkpoint_refresh")
        with gr.Row(elem_classes=["fields"]):
            sampler = widgets.labelled("Hires sampling method", samplers, "", elem_id="hr_sampler", min_width=0)
            schedule = widgets.labelled("Hires schedule type", schedules, "", elem_id="hr_scheduler", min_width=0)
        cfg = widgets.slider("Hires CFG Scale", 0, 30, 0.5, 0, elem_id="hr_cfg", info="0 is the same.")
    named = {
        "hr_checkpoint_name": (checkpoint, "Hires checkpoint"),
        "hr_sampler_name": (sampler, "Hires sampler"),
        "hr_scheduler": (schedule, "Hires schedule type"),
        "hr_cfg": (cfg, "Hires CFG Scale"),
    }
    for field, (component, label) in named.items():
        registry.adopt(component, tab=tab, field=field, label=label)
        component.change(None, component, row, js=SHOW_IF_USED, api_visibility="private")
    return checkpoint, refresh


def _prompts(registry: Registry, tab: str, *, visible: bool) -> None:
    with gr.Column(elem_id=f"{tab}_hires_fix_row4", elem_classes=["stack"], min_width=0, visible=visible) as row:
        for field, name, id in (
            ("hr_prompt", "Hires prompt", "hires_prompt"),
            ("hr_negative_prompt", "Hires negative prompt", "hires_neg_prompt"),
        ):
            box = gr.Textbox(
                label=name, lines=3, placeholder="Empty is the same as in the first pass", elem_id=id, min_width=0
            )
            registry.adopt(box, tab=tab, field=field, label=name)
            box.change(None, box, row, js=SHOW_IF_USED, api_visibility="private")


def bind(studio: Studio, registry: Registry, tab: str, panel: HiresPanel) -> None:
    """Once width and height are there: the line that tells the size, and the button that looks for files."""
    known = registry.fields(tab)
    inputs = [known[field] for field in SIZED_BY]
    gr.on(
        [each.change for each in inputs],  # type: ignore[attr-defined]
        None,
        inputs,
        panel.size,
        js="(...values) => atelier.hiresSize(values)",
        api_visibility="private",
    )

    def listed() -> list[Any]:
        return [gr.update(choices=upscalers(studio)), gr.update(choices=checkpoints(studio))]

    def refreshed() -> list[Any]:
        studio.catalog.refresh()
        return listed()

    lists = [panel.upscaler, panel.checkpoint]
    panel.refresh.click(refreshed, None, lists, **handlers.QUIET)
    # The page is built once; what files there are by now it is told whenever it opens.
    gr.on(None, listed, None, lists, **handlers.QUIET)


SHOW_IF_USED = "(value) => value ? ({visible: true, __type__: 'update'}) : ({__type__: 'update'})"
"""A row that is hidden at first comes forth when a paste puts something into it."""
