"""Seed and, behind Extra, the variation seed and the size a seed's noise is taken from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from modules.web import widgets
from modules.web.registry import Registry

RANDOM = "() => -1"
SHOW = "(shown) => ({visible: shown, __type__: 'update'})"
EXTRA_FIELDS = ("subseed", "subseed_strength", "seed_resize_from_w", "seed_resize_from_h")


def build(registry: Registry, tab: str) -> None:
    """Make the row and the part that Extra shows."""
    with gr.Row(elem_id=f"{tab}_seed_row", elem_classes=["fields", "seed-row"]):
        seed = registry.add(gr.Number(-1, label="Seed", min_width=0), tab=tab, field="seed", label="Seed")
        _seed_buttons(tab, seed, "seed")
        extra = gr.Checkbox(False, label="Extra", min_width=0, scale=0, container=False)
        registry.add(extra, tab=tab, field="subseed_show")
    with gr.Column(elem_id=f"{tab}_seed_extras", elem_classes=["stack", "seed-extras"], visible=False) as extras:
        with gr.Row(elem_classes=["fields", "seed-row"]):
            subseed = gr.Number(-1, label="Variation seed", min_width=0)
            registry.add(subseed, tab=tab, field="subseed", label="Variation seed")
            _seed_buttons(tab, subseed, "subseed")
        registry.add(
            widgets.slider("Variation strength", 0, 1, 0.01, 0),
            tab=tab,
            field="subseed_strength",
            label="Variation seed strength",
        )
        for side, name, number in (("width", "w", 1), ("height", "h", 2)):
            registry.add(
                widgets.slider(f"Resize seed from {side}", 0, 2048, 8, 0),
                tab=tab,
                field=f"seed_resize_from_{name}",
                label=f"Seed resize from-{number}",
            )
    extra.change(None, extra, extras, js=SHOW, api_visibility="private")


def without_hidden(values: Mapping[str, Any]) -> dict[str, Any]:
    """The seed's values as a request takes them: what stands behind an unchecked Extra does not count."""
    dropped = {"subseed_show"} if values.get("subseed_show") else {"subseed_show", *EXTRA_FIELDS}
    return {field: value for field, value in values.items() if field not in dropped}


def shows_extra(values: Mapping[str, Any]) -> bool:
    """Whether values restored from a picture need Extra."""
    return values.get("subseed_strength", 0) > 0 or values.get("seed_resize_from_w", 0) > 0


def _seed_buttons(tab: str, number: gr.Number, name: str) -> None:
    """🎲 draws anew each time (-1), ♻️ takes the seed of the selected picture."""
    dice = widgets.tool_button("🎲️", f"{tab}_random_{name}")
    reuse = widgets.tool_button("♻️", f"{tab}_reuse_{name}")
    dice.click(None, None, number, js=RANDOM, api_visibility="private")
    reuse.click(
        None, number, number, js=f"(now) => atelier.seedOfSelected('{tab}', '{name}', now)", api_visibility="private"
    )
