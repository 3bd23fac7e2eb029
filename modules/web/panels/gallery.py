"""The output panel: progress, the pictures, what they were made with and the buttons under them.

The gallery is plain HTML that `assets/js/gallery.js` fills by URL; Gradio's own would send every
picture through its cache. Its frame comes with the page, so nothing moves when a picture arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from modules.web import widgets

PROMPT_HINT = "Type a prompt and press Ctrl+Enter."
HINTS = {"extras": "Choose a picture and press Generate."}
"""What the empty gallery of a tab says one has to do."""
HTML = Path(__file__).parent.parent / "assets" / "html"


@dataclass(frozen=True, slots=True)
class GalleryPanel:
    """What the tab binds. `selected` carries "<job id>/<number>" of the chosen picture from the page."""

    selected: gr.Textbox
    infotext: gr.Textbox
    save: gr.Button
    save_zip: gr.Button
    open_folder: gr.Button | None
    send_to_txt2img: gr.Button
    send_to_img2img: gr.Button
    send_to_inpaint: gr.Button
    send_to_extras: gr.Button
    send_to_pnginfo: gr.Button
    files: gr.HTML
    upscale: gr.Button | None = None


def build(tab: str, *, can_open_folder: bool, can_upscale: bool = False) -> GalleryPanel:
    """Make the column. `can_open_folder`: the studio's screen is the user's screen; `can_upscale` adds ✨."""
    with (
        gr.Column(elem_id=f"{tab}_results", elem_classes=["results"], min_width=0),
        gr.Column(elem_id=f"{tab}_results_panel", elem_classes=["stack"], min_width=0),
    ):
        with gr.Column(elem_id=f"{tab}_gallery_container", min_width=0):
            frame = (HTML / "gallery.html").read_text(encoding="utf-8")
            gr.HTML(frame.replace("{hint}", HINTS.get(tab, PROMPT_HINT)), elem_id=f"{tab}_gallery")
        with gr.Row(elem_id=f"image_buttons_{tab}", elem_classes=["image-buttons"]):
            folder = widgets.tool_button("📂", f"{tab}_open_folder") if can_open_folder else None
            save = widgets.tool_button("💾", f"save_{tab}")
            save_zip = widgets.tool_button("🗃️", f"save_zip_{tab}")
            to_img2img = widgets.tool_button("🖼️", f"{tab}_send_to_img2img")
            to_inpaint = widgets.tool_button("🎨️", f"{tab}_send_to_inpaint")
            to_extras = widgets.tool_button("📐", f"{tab}_send_to_extras")
            upscale = widgets.tool_button("✨", f"{tab}_upscale") if can_upscale else None
            reuse = gr.Button("Use settings", elem_id=f"{tab}_send_to_txt2img", size="sm", min_width=0, scale=0)
            inspect = gr.Button("PNG Info", elem_id=f"{tab}_send_to_pnginfo", size="sm", min_width=0, scale=0)
        gr.HTML("", elem_id=f"html_info_{tab}", elem_classes=["infotext"])
        gr.HTML("", elem_id=f"html_log_{tab}", elem_classes=["log"])
        files = gr.HTML("", elem_id=f"download_files_{tab}", elem_classes=["log"])
        selected = gr.Textbox(elem_id=f"{tab}_selected", visible="hidden")
        infotext = gr.Textbox(elem_id=f"{tab}_selected_infotext", visible="hidden")
    return GalleryPanel(
        selected=selected,
        infotext=infotext,
        save=save,
        save_zip=save_zip,
        open_folder=folder,
        send_to_txt2img=reuse,
        send_to_img2img=to_img2img,
        send_to_inpaint=to_inpaint,
        send_to_extras=to_extras,
        send_to_pnginfo=inspect,
        files=files,
        upscale=upscale,
    )
