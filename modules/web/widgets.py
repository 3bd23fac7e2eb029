"""Small ready-made controls the panels share: tool buttons, and components that let every value through.

Gradio checks a slider's bounds and a drop-down's choices before a handler runs, and says neither
which control it means nor what to do. Here the request and the settings check, and name both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gradio as gr

from modules.web.registry import Registry

# Gradio writes a stub file beside the module of every component class. These say they are from the
# modules they derive from, which have theirs; so do copies that Gradio makes when it updates one.


class Slider(gr.Slider):
    """A slider whose number box may hold what is out of its range."""

    __module__ = gr.Slider.__module__
    EVENTS = gr.Slider.EVENTS

    def preprocess(self, payload: Any) -> Any:
        return payload


class Dropdown(gr.Dropdown):
    """A drop-down whose choices may have changed since the page was built."""

    __module__ = gr.Dropdown.__module__
    EVENTS = gr.Dropdown.EVENTS

    def preprocess(self, payload: Any) -> Any:
        return payload


class Radio(gr.Radio):
    """A row of choices whose value is the number of the chosen one, from 0."""

    __module__ = gr.Radio.__module__
    EVENTS = gr.Radio.EVENTS

    def preprocess(self, payload: Any) -> Any:
        names = [name for name, _ in self.choices]
        return names.index(payload) if payload in names else payload

    def postprocess(self, value: Any) -> Any:
        return self.choices[int(value)][0] if isinstance(value, int) and 0 <= value < len(self.choices) else value


Choice = Radio
"""Gradio looks a component's class up by its name in the module that it is said to be of."""


class Image(gr.Image):
    """A picture field that hands on any uploaded file, untouched, by its path."""

    __module__ = gr.Image.__module__
    EVENTS = gr.Image.EVENTS

    def preprocess(self, payload: Any) -> Any:
        return payload.path if payload else None


class Checkbox(gr.Checkbox):
    """A checkbox that leaves the choice to the settings while it is not ticked."""

    __module__ = gr.Checkbox.__module__
    EVENTS = gr.Checkbox.EVENTS

    def preprocess(self, payload: Any) -> Any:
        return payload or None

    def postprocess(self, value: Any) -> bool:
        return bool(value)


@contextmanager
def input_accordion(registry: Registry, label: str, *, tab: str, field: str, id: str) -> Iterator[gr.Row]:
    """A part of a tab that a checkbox turns on and shows, as A1111's InputAccordion: `with input_accordion(...):`.

    The checkbox is the value of `field`. What is made inside is the part; the row that is yielded is its header.
    """
    with gr.Column(elem_id=f"{tab}_{id}", elem_classes=["input-accordion"], min_width=0):
        with gr.Row(elem_classes=["input-accordion-header"]) as header:
            on = gr.Checkbox(False, label=label, min_width=0, scale=0, container=False)
            registry.add(on, tab=tab, field=field, id=f"{id}-checkbox")
        with gr.Column(elem_id=f"{tab}_{id}-content", elem_classes=["stack"], min_width=0, visible=False) as content:
            yield header
    on.change(None, on, content, js="(shown) => ({visible: shown, __type__: 'update'})", api_visibility="private")


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


def slider(label: str, least: float, greatest: float, step: float, value: float, **kwargs: Any) -> gr.Slider:
    """A slider with a number box and without Gradio's reset button."""
    return Slider(least, greatest, value=value, step=step, label=label, buttons=[], **kwargs)


def choice(label: str, choices: Sequence[str], value: int, **kwargs: Any) -> gr.Radio:
    """A row of choices with `label` above it, the one of this number chosen."""
    return Radio(list(choices), value=choices[value], label=label, **kwargs)


def dropdown(label: str, choices: Sequence[str], value: Any, **kwargs: Any) -> gr.Dropdown:
    """A drop-down with `label` above it."""
    return Dropdown(list(choices), value=value, label=label, **kwargs)


def labelled(label: str, choices: Sequence[tuple[str, str]], value: str, **kwargs: Any) -> gr.Dropdown:
    """A drop-down whose choices say something else than their values."""
    return Dropdown(list(choices), value=value, label=label, **kwargs)
