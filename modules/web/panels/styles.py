"""The styles row: which styles a job uses, putting them into the prompts, and the door to the editor.

The editor is a dialog that `assets/js/styles.js` makes; it talks to `/atelier/v1/styles`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.prompting.styles import applied
from modules.web import handlers, widgets
from modules.web.registry import Registry

if TYPE_CHECKING:
    from modules.studio.context import Studio


@dataclass(frozen=True, slots=True)
class StylesPanel:
    """What the tab binds."""

    chosen: gr.Dropdown
    apply: gr.Button
    refresh: gr.Button


def build(registry: Registry, tab: str) -> StylesPanel:
    """Make the row. The list is filled when the page opens."""
    with gr.Row(elem_id=f"{tab}_styles_row", elem_classes=["styles-row"]):
        chosen = widgets.dropdown(
            "Styles", [], [], multiselect=True, show_label=False, container=False, scale=1, min_width=0
        )
        registry.add(chosen, tab=tab, field="styles", label="Styles array")
        apply = widgets.tool_button("📋", f"{tab}_style_apply")
        widgets.tool_button("🖌️", f"{tab}_styles_edit_button")
        refresh = widgets.hidden_button(f"refresh_{tab}_styles")
    return StylesPanel(chosen, apply, refresh)


def bind(studio: Studio, panel: StylesPanel, prompt: gr.Textbox, negative_prompt: gr.Textbox) -> None:
    """📋 writes the chosen styles into the prompts; the hidden button brings the list up to date."""
    panel.refresh.click(_listed(studio), panel.chosen, panel.chosen, **handlers.QUIET)
    panel.apply.click(
        _applied(studio),
        [prompt, negative_prompt, panel.chosen],
        [prompt, negative_prompt, panel.chosen],
        **handlers.QUIET,
    )


def _listed(studio: Studio) -> Callable[[Sequence[str] | None], Any]:
    def handler(chosen: Sequence[str] | None) -> Any:
        known = studio.styles.known()
        names = [style.name for style in studio.styles.all()]
        return gr.update(choices=names, value=[name for name in chosen or () if name in known])

    return handler


def _applied(studio: Studio) -> Callable[[str, str, Sequence[str] | None], list[Any]]:
    def handler(prompt: str, negative_prompt: str, chosen: Sequence[str] | None) -> list[Any]:
        *merged, _ = applied(prompt or "", negative_prompt or "", chosen or (), studio.styles.known())
        return [*merged, []]

    return handler
