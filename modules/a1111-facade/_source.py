"""The scripts as the page and the API are told of them: `host.scripts.Scripts` over A1111's runners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from modules import script_callbacks, scripts
from modules._anchor import anchor
from modules.host.scripts import Argument, Paste, ScriptFacts, Tab


class Source:
    """Loaded scripts. Their controls are made once to learn their arguments, and again for the page."""

    def __init__(self) -> None:
        scripts.load_scripts()
        script_callbacks.before_ui_callback()
        with gr.Blocks(analytics_enabled=False):
            self._facts = {tab: tuple(_facts(tab, script) for script in _runner(tab).scripts) for tab in TABS}
        self._tabs: Sequence[tuple[Any, str, str]] | None = None

    def facts(self, tab: Tab) -> Sequence[ScriptFacts]:
        return self._facts[tab]

    def build(self, tab: Tab, title: str) -> Sequence[Any]:
        script = _runner(tab).script(title)
        return _controls(script) if script is not None else ()

    def tabs(self) -> Sequence[tuple[Any, str, str]]:
        return script_callbacks.ui_tabs_callback()

    def pasted(self, infotext: str, labels: dict[str, Any]) -> None:
        script_callbacks.infotext_pasted_callback(infotext, labels)

    def started(self, blocks: Any, app: Any) -> None:
        script_callbacks.app_started_callback(blocks, app)


TABS: tuple[Tab, Tab] = ("txt2img", "img2img")


def _runner(tab: Tab) -> scripts.ScriptRunner:
    return scripts.scripts_img2img if tab == "img2img" else scripts.scripts_txt2img


def _controls(script: scripts.Script) -> list[Any]:
    """A script's controls, made here and now; none if its `ui` fails."""
    made = anchor.host.troubles.guarded(script.extension, f"{script.title()}: ui", script.ui, script.is_img2img)
    script.controls = list(made or [])
    return script.controls


def _facts(tab: Tab, script: scripts.Script) -> ScriptFacts:
    controls = _controls(script)
    places = {id(control): number for number, control in enumerate(controls)}
    pastes = tuple(
        Paste(places[id(field[0])], field[1]) for field in script.infotext_fields or () if id(field[0]) in places
    )
    return ScriptFacts(
        title=script.title(),
        tab=tab,
        always_on=script.alwayson,
        extension=script.extension,
        section=script.section,
        arguments=tuple(_argument(control) for control in controls),
        pastes=pastes,
    )


def _argument(control: Any) -> Argument:
    choices = getattr(control, "choices", None)
    values = [choice[1] if isinstance(choice, tuple) else choice for choice in choices] if choices else None
    by_index = getattr(control, "type", None) == "index" and values is not None
    value = getattr(control, "value", None)
    if by_index and value in values:
        value = values.index(value)
    return Argument(
        label=getattr(control, "label", None),
        value=value,
        minimum=getattr(control, "minimum", None),
        maximum=getattr(control, "maximum", None),
        step=getattr(control, "step", None),
        choices=values,
        by_index=by_index,
    )
