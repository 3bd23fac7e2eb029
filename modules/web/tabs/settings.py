"""The Settings tab: every declared setting, generated from its declaration and applied together."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from modules.foundation.errors import AtelierError
from modules.foundation.options import Section
from modules.studio import frozen
from modules.web import handlers, options
from modules.web.panels import setting
from modules.web.panels.quicksettings import CHECKPOINT

if TYPE_CHECKING:
    from modules.studio.context import Studio

CATEGORIES = ("saving", "sd", "ui", "system", "postprocessing", "training", "")
"""A1111's order."""


@dataclass(frozen=True, slots=True)
class SettingsTab:
    """`controls` by key; `shown` holds the values the page was given, to tell what the user changed."""

    controls: dict[str, Component]
    shown: gr.JSON


def build(studio: Studio) -> SettingsTab:
    """Make the tab. The checkpoint is chosen at the top of the page, not here."""
    controls: dict[str, Component] = {}
    with gr.Column(elem_id="settings", elem_classes=["settings-page"], min_width=0):
        with gr.Row(elem_classes=["settings-bar"]):
            submit = gr.Button("Apply settings", elem_id="settings_submit", variant="primary", scale=0, min_width=0)
            gr.Textbox(
                elem_id="settings_search", show_label=False, container=False, placeholder="Search settings", scale=1
            )
            result = gr.HTML("", elem_id="settings_result")
        with gr.Column(elem_classes=["settings-sections"], min_width=0):
            named: set[str] = set()
            for section, keys in sections(studio):
                # Two of A1111's sections share the id "ui"; an element id is the first one's.
                elem_id = None if section.id in named else f"settings_{section.id}"
                named.add(section.id)
                with gr.Column(elem_id=elem_id, elem_classes=["settings-section"], min_width=0):
                    gr.HTML(f"<h3>{html.escape(section.title)}</h3>")
                    for key in keys:
                        controls[key] = setting.build(studio, key)
    shown = gr.JSON(_plain(studio, controls), elem_id="settings_shown", visible="hidden")
    reply = gr.JSON(elem_id="settings_reply", visible="hidden")
    submit.click(
        apply(studio, tuple(controls)), [shown, *controls.values()], [reply, result, shown], **handlers.QUIET
    ).then(None, reply, None, js="(reply) => atelier.settingsApplied(reply)")
    return SettingsTab(controls, shown)


def opened(studio: Studio, tab: SettingsTab) -> Callable[[], list[Any]]:
    """The page was (re)loaded: the settings as they are now -> (shown, *controls)."""

    def handler() -> list[Any]:
        now = _plain(studio, tab.controls)
        return [now, *(gr.update(value=value) for value in now.values())]

    return handler


def sections(studio: Studio) -> list[tuple[Section, list[str]]]:
    """The settings' keys by section: categories in A1111's order, then titles alphabetically."""
    found: dict[Section, list[str]] = {}
    for key, (group, about) in studio.settings.declared().items():
        if key != CHECKPOINT and not about.api_only:
            found.setdefault(group.section, []).append(key)

    def place(item: tuple[Section, list[str]]) -> tuple[int, str]:
        category = item[0].category
        return CATEGORIES.index(category) if category in CATEGORIES else len(CATEGORIES), item[0].title

    return sorted(found.items(), key=place)


def apply(studio: Studio, keys: tuple[str, ...]) -> Callable[..., list[Any]]:
    """Save what the user changed: (shown, *values in the order of `keys`) -> (reply, result text, shown).

    Changed against what the page showed, not against what holds now: another page or a program may
    have changed other settings meanwhile.
    """

    def handler(shown: dict[str, Any], *values: Any) -> list[Any]:
        changed = {key: value for key, value in zip(keys, values, strict=True) if not _same(value, shown.get(key))}
        try:
            if changed:
                frozen.check(studio, changed)
                studio.settings.update(changed)
        except (AtelierError, OSError) as error:
            return [{"error": str(error)}, gr.skip(), gr.skip()]
        restart = [key for key in changed if studio.settings.declared()[key][1].restart]
        text = f"{len(changed)} settings changed: {', '.join(changed)}." if changed else "Nothing was changed."
        text += f" Takes effect at the next start: {', '.join(restart)}." if restart else ""
        reply = {"settings": options.for_scripts(studio.settings.snapshot)}
        return [reply, f"<p>{html.escape(text)}</p>", {**shown, **changed}]

    return handler


def _plain(studio: Studio, controls: Mapping[str, Component]) -> dict[str, Any]:
    """The settings of these controls as JSON has them."""
    now = studio.settings.snapshot.values()
    return {key: list(now[key]) if isinstance(now[key], tuple) else now[key] for key in controls}


def _same(value: Any, shown: Any) -> bool:
    if isinstance(shown, list):
        return list(value or []) == shown
    return value == shown or (value is None and shown == "")
