"""The scripts of a tab: those that always run, the Script drop-down, and the selected one's controls.

A request names a script by its title and its arguments by position; `Slot` makes these of the controls' values and
the other way round. Start with `build`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from modules.foundation.errors import UserError
from modules.host.scripts import Argument, ScriptFacts, Tab
from modules.prompting import infotext as infotexts
from modules.web import widgets
from modules.web.registry import Registry

log = logging.getLogger(__name__)

LIST = "script_list"
NONE = "None"
LABEL = "Script"
"""Under which an infotext names the selected script."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The scripts of one tab of the page; satisfies `registry.Composition`.

    The value of control `n` of a script is the tab's field "script/<name>/<n>".
    """

    registry: Registry
    scripts: tuple[ScriptFacts, ...]

    def gathered(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Raises UserError if a control holds what no job's row can."""
        found = {field: value for field, value in values.items() if field != LIST and not field.startswith("script/")}
        chosen = values.get(LIST) or NONE
        always_on: dict[str, Any] = {}
        for script in self.scripts:
            args = [_plain(values.get(_field(script, n)), each) for n, each in enumerate(script.arguments)]
            if script.always_on and args != [each.value for each in script.arguments]:
                always_on[script.title] = {"args": args}
            elif script.title == chosen:
                found |= {"script_name": script.title, "script_args": args}
        return {**found, "alwayson_scripts": always_on}

    def spread(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(values)
        if "script_name" not in found:
            return found
        wanted = (found.pop("script_name") or "").lower()
        always_on = {name.lower(): told.get("args", ()) for name, told in found.pop("alwayson_scripts", {}).items()}
        given = {**always_on, wanted: found.pop("script_args", ())}
        found[LIST] = next((script.title for script in self._selectable() if script.name == wanted), NONE)
        for script in self.scripts:
            if script.always_on or script.name == wanted:
                for n, value in enumerate(script.call(given.get(script.name, ()))):
                    found[_field(script, n)] = _shown(value, script.arguments[n])
        return found

    def pasted(self, infotext: str, labels: dict[str, Any]) -> dict[str, Any]:
        """A script is chosen only if the text names one."""
        source = self.registry.host.scripts
        if source is not None:
            source.pasted(infotext, labels)
        found: dict[str, Any] = {}
        if LABEL in labels:
            named = infotexts.unquote(str(labels[LABEL]))
            found[LIST] = next((script.title for script in self._selectable() if script.title == named), NONE)
        for script in self.scripts:
            for paste in script.pastes:
                value = self._taken(script, paste.source, labels)
                if value is not None:
                    found[_field(script, paste.argument)] = value
        return found

    def _taken(self, script: ScriptFacts, source: Any, labels: Mapping[str, Any]) -> Any:
        if isinstance(source, str):
            return labels.get(source)
        return self.registry.host.troubles.guarded(script.extension, f"{script.title}: infotext", source, labels)

    def _selectable(self) -> Sequence[ScriptFacts]:
        return [script for script in self.scripts if not script.always_on]


def build(registry: Registry, tab: str) -> None:
    """Make the block, if there are scripts. The inpaint tab has those of img2img."""
    source, kind = registry.host.scripts, _kind(tab)
    if source is None:
        return
    slot = Slot(registry, tuple(source.facts(kind)))
    registry.compositions[tab] = slot
    with gr.Column(elem_id=f"{tab}_script_container", elem_classes=["stack", "scripts"], min_width=0):
        for script in slot.scripts:
            if script.always_on and script.arguments:
                with gr.Column(elem_classes=["stack", "script"], min_width=0):
                    _controls(registry, tab, script)
        selectable = [script for script in slot.scripts if not script.always_on]
        titles = [script.title for script in selectable]
        chosen = widgets.dropdown(LABEL, [NONE, *titles], NONE, elem_id=LIST if tab != "inpaint" else f"{tab}_{LIST}")
        registry.adopt(chosen, tab=tab, field=LIST)
        groups = []
        for script in selectable:
            with gr.Column(visible=False, elem_classes=["stack", "script"], min_width=0) as group:
                _controls(registry, tab, script)
            groups.append(group)
        if groups:
            chosen.change(None, chosen, groups, js=_showing(titles), api_visibility="private")


def _controls(registry: Registry, tab: str, script: ScriptFacts) -> None:
    assert registry.host.scripts is not None
    for number, control in enumerate(registry.host.scripts.build(script.tab, script.title)):
        if tab == "inpaint" and control.elem_id:
            # Two tabs show the same script, and an element id is one element's.
            control.elem_id = (
                control.elem_id.replace("img2img", tab)
                if "img2img" in control.elem_id
                else (f"{tab}_{control.elem_id}")
            )
        registry.adopt(control, tab=tab, field=_field(script, number))


def _showing(titles: list[str]) -> str:
    update = f"{json.dumps(titles)}.map((title) => ({{visible: title === chosen, __type__: 'update'}}))"
    return f"(chosen) => {update}" + ("[0]" if len(titles) == 1 else "")


def _kind(tab: str) -> Tab:
    return "txt2img" if tab == "txt2img" else "img2img"


def _field(script: ScriptFacts, number: int) -> str:
    return f"script/{script.name}/{number}"


def _plain(value: Any, argument: Argument) -> Any:
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        raise UserError(
            f"'{argument.label}' holds what cannot be written down with the job ({type(value).__name__}); empty it."
        ) from None


def _shown(value: Any, argument: Argument) -> Any:
    """A drop-down that gives the number of its choice is set by the choice."""
    if argument.by_index and isinstance(value, int) and argument.choices and 0 <= value < len(argument.choices):
        return argument.choices[value]
    return value
