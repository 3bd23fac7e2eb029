"""The row at the top of the page: the checkpoint, other settings the user put there, the theme switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components import Component

from modules.web import widgets
from modules.web.options import UserInterface
from modules.web.panels import setting

if TYPE_CHECKING:
    from modules.studio.context import Studio

CHECKPOINT = "sd_model_checkpoint"


@dataclass(frozen=True, slots=True)
class Quicksettings:
    """`checkpoint` is always there, whatever the user's list says: nothing works without one."""

    checkpoint: gr.Dropdown
    refresh: gr.Button
    others: dict[str, Component]


def build(studio: Studio, titles: list[str], current: str | None) -> Quicksettings:
    """Make the row. `titles` are the checkpoints there are."""
    with gr.Row(elem_id="quicksettings", elem_classes=["quicksettings"]):
        gr.HTML('<span class="wordmark">Atelier</span>', elem_id="wordmark")
        checkpoint = widgets.dropdown(
            "Stable Diffusion checkpoint", titles, current, elem_id=f"setting_{CHECKPOINT}", min_width=0
        )
        refresh = widgets.tool_button("🔄", f"refresh_{CHECKPOINT}")
        listed = studio.settings.snapshot[UserInterface].quicksettings_list
        known = studio.settings.declared()
        others = {key: setting.build(studio, key, noted=False) for key in listed if key in known and key != CHECKPOINT}
        widgets.tool_button("🌓", "theme_toggle")
    return Quicksettings(checkpoint, refresh, others)
