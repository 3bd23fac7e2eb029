"""Tabs that extensions add, each made by the extension itself before the page is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from modules.host.scripts import Host

Tabs = Sequence[tuple[Any, str, str]]


def of(host: Host) -> Tabs:
    """Their blocks, titles and element ids. Asked for while no page is being built."""
    return host.scripts.tabs() if host.scripts else ()


def build(tabs: Tabs) -> None:
    """Put them into the row of tabs."""
    for blocks, title, name in tabs:
        with gr.Tab(title, id=name, elem_id=f"tab_{name}"):
            blocks.render()
