"""Small ready-made controls the panels share: tool buttons, sliders and drop-downs that check nothing.

They are functions, not subclasses, because Gradio writes a stub file next to every module that
subclasses one of its components.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr


def tool_button(symbol: str, elem_id: str, *, visible: bool = True) -> gr.Button:
    """A square button that shows an icon.

    `symbol` is A1111's emoji for it, kept as text; style.css draws the icon of `elem_id` instead, and
    labels.js gives it a name for screen readers and a tooltip.
    """
    classes = ["tool"] if visible else ["tool", "gone"]
    return gr.Button(symbol, elem_id=elem_id, elem_classes=classes, size="sm", min_width=0, scale=0)


def hidden_button(elem_id: str) -> gr.Button:
    """A button nobody sees that scripts press to reach a Python handler."""
    return gr.Button(elem_id, elem_id=elem_id, visible="hidden")


def slider(label: str, least: float, greatest: float, step: float, value: float) -> gr.Slider:
    """A slider with a number box. Values typed outside its range reach the request, which names the field."""
    made = gr.Slider(least, greatest, value=value, step=step, label=label, buttons=[])
    made.preprocess = lambda payload: payload
    return made


def dropdown(label: str, choices: Sequence[str], value: Any, **kwargs: Any) -> gr.Dropdown:
    """A drop-down whose value is checked where it is used: lists of files change while the page is open."""
    made = gr.Dropdown(list(choices), value=value, label=label, **kwargs)
    made.preprocess = lambda payload: payload
    return made
