"""One setting as a control, from its declaration: used by the quicksettings row and the Settings tab."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args, get_origin

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from modules.engine.recipe import FIELDS, SAMPLING
from modules.foundation.errors import AtelierError
from modules.foundation.options import Options, Setting
from modules.foundation.paths import PROGRAM
from modules.host.discovery import discover
from modules.studio import frozen
from modules.studio.extras_request import OPERATIONS
from modules.web import handlers, widgets

if TYPE_CHECKING:
    from modules.studio.context import Studio


def build(studio: Studio, key: str, *, noted: bool = True) -> Component:
    """The control of setting `key`, named `setting_<key>` and showing its present value; `noted` with its help text."""
    group, about = studio.settings.declared()[key]
    value = studio.settings.snapshot.values()[key]
    control = _control(studio, group, key, about if noted else replace(about, note=""), value)
    control.elem_id = f"setting_{key}"
    return control


def choices_of(studio: Studio, about: Setting) -> list[Any]:
    """What a setting may be chosen from now; lists of files are read afresh."""
    match about.choices:
        case "checkpoints":
            return [file.title for file in studio.catalog.checkpoints()]
        case "vaes":
            return ["Automatic", "None", *(file.name for file in studio.catalog.vaes())]
        case "loras":
            return ["None", *sorted({file.stem for file in studio.catalog.loras()}, key=str.lower)]
        case "hypernetworks":
            return ["None", *sorted({file.stem for file in studio.catalog.hypernetworks()}, key=str.lower)]
        case "samplers":
            from modules.sampling.catalog import SAMPLERS

            return [sampler.name for sampler in SAMPLERS]
        case "extensions":
            return [extension.name for extension in discover(PROGRAM / "extensions", studio.paths.extensions)]
        case "upscalers":
            return studio.upscalers.names()
        case "operations":
            return list(OPERATIONS)
        case "interrogate categories":
            return studio.describer.categories()
        case "settings":
            return list(studio.settings.declared())
        case "infotext labels":
            told = {about.infotext for _, about in studio.settings.declared().values() if about.infotext}
            return sorted(told | {*FIELDS, *SAMPLING})
        case str() | None:
            return []
        case choices:
            return list(choices)


def _control(studio: Studio, group: type[Options], key: str, about: Setting, value: Any) -> Component:
    annotation = group.model_fields[key].annotation
    many = get_origin(annotation) in (list, tuple)
    info = about.note or None
    if about.choices is not None:
        choices = choices_of(studio, about)
        shown: Any = list(value) if many else value
        if not many and len(choices) <= 4 and isinstance(about.choices, tuple):
            return gr.Radio(choices, value=shown, label=about.label, info=info)
        return widgets.dropdown(about.label, choices, shown, multiselect=many or None, info=info)
    if isinstance(value, bool):
        return gr.Checkbox(value, label=about.label, info=info)
    if about.slider is not None:
        least, greatest, step = about.slider
        return widgets.slider(about.label, least, greatest, step, value, info=info)
    if isinstance(value, int | float) or (int in get_args(annotation) or float in get_args(annotation)):
        return gr.Number(value, label=about.label, info=info)
    return gr.Textbox(value, label=about.label, info=info, lines=1)


def apply_at_once(studio: Studio, key: str, control: Component, reply: Component) -> Dependency:
    """Save a quicksetting as soon as it is changed: text when left, sliders when let go, others at once."""

    def handler(value: Any) -> dict[str, Any]:
        try:
            frozen.check(studio, [key])
            studio.settings.update({key: value})
        except (AtelierError, OSError) as error:
            return {"error": str(error)}
        return {}

    if isinstance(control, gr.Textbox | gr.Number):
        listen = control.blur
    elif isinstance(control, gr.Slider):
        listen = control.release
    else:
        listen = control.input  # type: ignore[attr-defined]
    return listen(handler, control, reply, **handlers.QUIET)
