"""Defaults of the page's controls from `ui-config.json`, A1111's file.

    "txt2img/Width/value": 768,
    "customscript/sampler.py/txt2img/Sampling steps/maximum": 300,

Start with `apply`. Only controls of the registry are changed; what does not fit is logged and left.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.components import Component

from modules.web.registry import Registry

log = logging.getLogger(__name__)

NUMBERS: Final = ("minimum", "maximum", "step")
"""Fields of sliders besides those that all controls have."""
SCRIPT: Final = "customscript/"


def read(path: Path) -> dict[str, Any]:
    """What the file says; nothing if there is none or it cannot be read, which is logged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        log.warning("%s cannot be read, the page has its own defaults: %s", path, error)
        return {}
    if not isinstance(found, dict):
        log.warning("%s must hold a JSON object; the page has its own defaults.", path)
        return {}
    return found


def apply(registry: Registry, wanted: Mapping[str, Any]) -> None:
    """Give the controls what the file wants. Call it when all tabs are made and before the page is served."""
    values = {_plain(key): value for key, value in wanted.items() if value is not None}
    for entry in registry.everything():
        label = getattr(entry.component, "label", None)
        for field in (*NUMBERS, "value", "visible") if label else ():
            key = f"{entry.tab}/{label}/{field}"
            if key in values and not _set(entry.component, field, values[key]):
                log.warning("ui-config.json: '%s' cannot be %r.", key, values[key])


def _plain(key: str) -> str:
    """The key without the script file that A1111 makes the control in."""
    return key.removeprefix(SCRIPT).partition("/")[2] if key.startswith(SCRIPT) else key


def _set(component: Component, field: str, value: Any) -> bool:
    """Whether the control can have that, and has it now."""
    if field == "visible":
        if isinstance(value, bool):
            component.visible = value
        return isinstance(value, bool)
    if field in NUMBERS:
        number = _number(value)
        if not isinstance(component, gr.Slider) or number is None:
            return False
        setattr(component, field, number)
        return True
    fitting = _fitting(component, value)
    if fitting is None:
        return False
    component.value = fitting  # type: ignore[attr-defined]
    return True


def _fitting(component: Component, value: Any) -> Any:
    """The value as the control takes it, None if it cannot."""
    if isinstance(component, gr.Slider | gr.Number):
        return _number(value)
    if isinstance(component, gr.Checkbox):
        return value if isinstance(value, bool) else None
    if isinstance(component, gr.Dropdown | gr.Radio):
        names = {choice[1] for choice in component.choices}
        many = value if isinstance(value, list) else [value]
        if getattr(component, "allow_custom_value", False) or all(one in names for one in many):
            return value
        return None
    return str(value) if isinstance(component, gr.Textbox) else None


def _number(value: Any) -> float | int | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if isinstance(value, bool) or not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number
