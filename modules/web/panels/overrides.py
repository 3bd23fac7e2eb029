"""Override settings: settings of a pasted picture that differ from the studio's, for this job only."""

from __future__ import annotations

import gradio as gr

from modules.web import widgets


def build(tab: str) -> gr.Dropdown:
    """Make the list, hidden while it is empty. Its values are "Name: value"."""
    with gr.Row(elem_id=f"{tab}_override_settings_row"):
        chosen = widgets.dropdown(
            "Override settings",
            [],
            [],
            multiselect=True,
            allow_custom_value=True,
            elem_id=f"{tab}_override_settings",
            visible=False,
        )
    # Emptied by hand it disappears; it comes back with the next paste.
    chosen.input(None, chosen, chosen, js="(now) => ({value: now, visible: now.length > 0, __type__: 'update'})")
    return chosen
