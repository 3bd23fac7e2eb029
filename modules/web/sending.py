"""Send to: pictures and what they were made with, from galleries and PNG Info to the tabs that take pictures.

The values go through the server, as pasted text does; the picture is carried over by `assets/js/send.js`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.web import handlers
from modules.web.options import UserInterface
from modules.web.registry import Registry
from modules.web.tabs import generation

if TYPE_CHECKING:
    from modules.studio.context import Studio
    from modules.web.panels.gallery import GalleryPanel
    from modules.web.tabs.generation import GenerationTab
    from modules.web.tabs.pnginfo import PngInfoTab

SENT = frozenset({
    "prompt", "negative_prompt", "steps", "sampler_name", "scheduler", "subseed", "subseed_strength", "subseed_show",
    "seed_resize_from_w", "seed_resize_from_h", "refiner_checkpoint", "refiner_switch_at",
})  # fmt: skip
"""What goes with a picture of txt2img, as in A1111; the seed too, if the setting says so."""


def bind(studio: Studio, registry: Registry, tabs: Sequence[GenerationTab], info: PngInfoTab) -> None:
    """Every button that sends. The first of `tabs` is the one that takes words only."""
    words, *painted = tabs
    for source in tabs:
        for target in painted:
            button = target.name
            pressed = getattr(source.gallery, f"send_to_{button}")
            reply = gr.JSON(elem_id=f"{source.name}_sent_to_{button}", visible="hidden")
            if source is words:
                event = pressed.click(
                    generation.from_text(studio, registry, target, partial(_sent, studio)),
                    source.gallery.infotext,
                    [*registry.inputs(target.name), target.overrides, reply],
                    js=f"() => atelier.selectedInfotext('{source.name}')",
                    **handlers.QUIET,
                )
                event.then(None, None, None, js=_carry(source.name, target.name))
            else:
                pressed.click(None, None, None, js=_carry(source.name, target.name), api_visibility="private")
        _to_extras(source.name, source.gallery.send_to_extras)
    for target in tabs:
        reply = gr.JSON(elem_id=f"pnginfo_sent_to_{target.name}", visible="hidden")
        event = info.send_to[target.name].click(
            generation.from_text(studio, registry, target),
            info.generation_info,
            [*registry.inputs(target.name), target.overrides, reply],
            **handlers.QUIET,
        )
        if target is words:
            event.then(**generation.pasted(target.name, reply))
        else:
            # The picture may have no infotext; it is what is sent.
            event.then(None, None, None, js=_carry("pnginfo", target.name))
    _to_extras("pnginfo", info.send_to["extras"])


def _sent(studio: Studio) -> frozenset[str]:
    return SENT | {"seed"} if studio.settings.snapshot[UserInterface].send_seed else SENT


def bind_pictures(source: str, gallery: GalleryPanel) -> None:
    """The buttons of a gallery whose pictures go without values."""
    for target in ("img2img", "inpaint"):
        button = getattr(gallery, f"send_to_{target}")
        button.click(None, None, None, js=_carry(source, target), api_visibility="private")
    _to_extras(source, gallery.send_to_extras)


def _to_extras(source: str, button: gr.Button) -> None:
    button.click(None, None, None, js=_carry(source, "extras"), api_visibility="private")


def _carry(source: str, target: str) -> Any:
    return f"() => atelier.sendImage('{source}', '{target}')"
