"""The strip of pages beside "Generation": cards of networks and checkpoints. `assets/js/cards.js` fills it."""

from __future__ import annotations

import gradio as gr


def build(tab: str) -> None:
    """Make the frame, above the tab's body."""
    gr.HTML('<div class="extra-tabs"></div>', elem_id=f"{tab}_extra_tabs", elem_classes=["extra-networks"])
