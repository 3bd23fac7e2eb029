"""The refiner: a checkpoint that goes on in mid-run. And tiling, which every tab has beside it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.foundation.errors import NotFound
from modules.web import widgets
from modules.web.registry import Registry

if TYPE_CHECKING:
    from modules.studio.context import Studio

SHOWN = "refiner_enable"
FIELDS = ("refiner_checkpoint", "refiner_switch_at")


def build(studio: Studio, registry: Registry, tab: str) -> None:
    """Make the part, closed, and the checkbox below it."""
    with widgets.input_accordion(registry, "Refiner", tab=tab, field=SHOWN, id="enable"):
        with gr.Row(elem_classes=["fields", "seed-row"]):
            checkpoint = widgets.dropdown("Checkpoint", _titles(studio), None, min_width=0)
            registry.add(checkpoint, tab=tab, field="refiner_checkpoint", label="Refiner", id="checkpoint")
            refresh = widgets.tool_button("🔄", f"{tab}_checkpoint_refresh")
        switch = widgets.slider("Switch at", 0.01, 1, 0.01, 0.8)
        registry.add(switch, tab=tab, field="refiner_switch_at", label="Refiner switch at", id="switch_at")
    tiling = widgets.Checkbox(False, label="Tiling", min_width=0, container=False)
    registry.add(tiling, tab=tab, field="tiling")

    def listed() -> dict[str, Any]:
        return gr.update(choices=_titles(studio))

    def refreshed() -> dict[str, Any]:
        studio.catalog.refresh()
        return listed()

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    refresh.click(refreshed, None, checkpoint, **quiet)
    # The page is built once; what files there are by now it is told whenever it opens.
    gr.on(None, listed, None, checkpoint, **quiet)


def without_hidden(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as a request takes them: what stands behind an unchecked Refiner does not count."""
    dropped = {SHOWN} if values.get(SHOWN) else {SHOWN, *FIELDS}
    return {field: value for field, value in values.items() if field not in dropped}


def shown(studio: Studio, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of requests and infotexts as the tab's controls show them.

    Checkpoints are shown under their titles here; what a request leaves open is not shown at all.
    """
    found = {field: value for field, value in values.items() if value is not None}
    if found.get("hr_upscaler") == "":
        del found["hr_upscaler"]
    if "refiner_checkpoint" in found:
        found[SHOWN] = bool(found["refiner_checkpoint"])
    for field in ("refiner_checkpoint", "hr_checkpoint_name"):
        if found.get(field):
            with suppress(NotFound):
                found[field] = studio.catalog.closest_checkpoint(found[field]).title
    if found.get("refiner_checkpoint") == "":
        found["refiner_checkpoint"] = None
    return found


def _titles(studio: Studio) -> list[str]:
    return [file.title for file in studio.catalog.checkpoints()]
