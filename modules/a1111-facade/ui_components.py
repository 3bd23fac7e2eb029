"""Gradio components in the shapes A1111's page uses."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr

# Gradio writes a stub file beside the module of a component's class, looking the class up there by its name. So these
# say they are of Gradio's modules and have its names; A1111's are given below.


class Row(gr.Row):
    """A row of form controls."""

    __module__ = gr.Row.__module__


class Column(gr.Column):
    """A column of form controls."""

    __module__ = gr.Column.__module__


class Group(gr.Group):
    """A group of form controls."""

    __module__ = gr.Group.__module__


def _as(other: Any) -> Any:
    """Gradio tells the page the values of those arguments that it finds in the signature of a component."""

    def signed(function: Any) -> Any:
        function.__signature__ = inspect.signature(other)
        return function

    return signed


class Button(gr.Button):
    """A small square button with a symbol."""

    __module__ = gr.Button.__module__
    EVENTS = gr.Button.EVENTS

    @_as(gr.Button.__init__)
    def __init__(self, *args: Any, tooltip: str | None = None, **kwargs: Any) -> None:
        """`tooltip` is accepted and not shown."""
        classes = ["tool", "foreign", *(kwargs.pop("elem_classes", None) or [])]
        super().__init__(*args, **{"elem_classes": classes, "size": "sm", "min_width": 0, "scale": 0} | kwargs)


class Checkbox(gr.Checkbox):
    """A checkbox that shows what is made inside of it: `with InputAccordion(False, label="...") as enabled:`.

    Its value says whether the part is on, as A1111's accordion does.
    """

    __module__ = gr.Checkbox.__module__
    EVENTS = gr.Checkbox.EVENTS

    def __enter__(self) -> Checkbox:
        # Made here and not with the checkbox, of which Gradio makes copies outside of any page.
        self.part = gr.Column(visible=bool(self.value), elem_classes=["stack"], min_width=0)
        self.change(None, self, self.part, js="(on) => ({visible: on, __type__: 'update'})", api_visibility="private")
        self.part.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self.part.__exit__(*raised)


FormRow = Row
FormColumn = Column
FormGroup = Group
ToolButton = Button
InputAccordion = Checkbox
