"""The PNG Info tab: what a picture was made with, and on to the other tabs with it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import UnidentifiedImageError

from modules.foundation.errors import AtelierError
from modules.store import pnginfo
from modules.web import handlers, widgets
from modules.web.panels import replay

if TYPE_CHECKING:
    from modules.studio.context import Studio

NOTHING = "Nothing found in the image."


@dataclass(frozen=True, slots=True)
class PngInfoTab:
    """What the page binds."""

    image: gr.Image
    generation_info: gr.Textbox
    send_to: dict[str, gr.Button]
    """By the name of the tab they send to."""


def build(studio: Studio) -> PngInfoTab:
    """Make the tab."""
    with gr.Row(elem_id="pnginfo_row", elem_classes=["resize-handle-row"], equal_height=False):
        with gr.Column(elem_classes=["stack"], min_width=0):
            image = widgets.Image(
                label="Source",
                elem_id="pnginfo_image",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                buttons=[],
                height="min(62vh, 40rem)",
            )
            with gr.Row(elem_classes=["image-buttons"]):
                send = {
                    name: gr.Button(f"Send to {name}", elem_id=f"{name}_tab", size="sm", min_width=0, scale=0)
                    for name in ("txt2img", "img2img", "inpaint", "extras")
                }
                again = replay.build()
        with gr.Column(elem_classes=["stack"], min_width=0):
            shown = gr.HTML(_empty("Drop a picture to see what it was made with."), elem_id="pnginfo_html_info")
            replay.place()
            info = gr.Textbox(elem_id="pnginfo_generation_info", visible="hidden")
    image.change(read, image, [shown, info], js="(path) => (atelier.forgetReplay(), path)", **handlers.QUIET)
    replay.bind(studio, again, image)
    return PngInfoTab(image, info, send)


def read(path: str | None) -> list[Any]:
    """What a picture file says of itself: (HTML of its entries, its infotext)."""
    if not path:
        return [_empty("Drop a picture to see what it was made with."), ""]
    try:
        infotext, items = pnginfo.read(Path(path))
    except (AtelierError, UnidentifiedImageError, OSError) as error:
        return [_empty(str(error), "error"), ""]
    entries = {**({"parameters": infotext} if infotext else {}), **items}
    if not entries:
        return [_empty(NOTHING), ""]
    return ["".join(_entry(name, str(text)) for name, text in entries.items()), infotext or ""]


def _entry(name: str, text: str) -> str:
    return f'<section class="pnginfo-entry"><h4>{html.escape(name)}</h4><pre>{html.escape(text)}</pre></section>'


def _empty(text: str, kind: str = "hint") -> str:
    return f'<p class="{kind}" role="status">{html.escape(text)}</p>'
