"""The six modes of img2img: a canvas or picture fields each, and the batch's folders.

The canvas is one for all modes of a tab; `assets/js/img2img.js` moves it to the open mode's place. What it shows
reaches the server as ids in one hidden box, when Generate is pressed.
"""

from __future__ import annotations

import gradio as gr

from modules.studio.scenes import MODES
from modules.web.registry import Registry

TITLES = {
    "img2img": "img2img",
    "sketch": "Sketch",
    "inpaint": "Inpaint",
    "inpaint_sketch": "Inpaint sketch",
    "inpaint_upload": "Inpaint upload",
    "batch": "Batch",
}
PLACES = {"img2img": "img2img_image", "sketch": "img2img_sketch", "inpaint": "img2maskimg"}
"""A1111's element ids of the canvases; inpaint sketch's is called like its mode."""
PROPERTIES = ("Prompt", "Negative prompt", "Seed", "CFG scale", "Sampler", "Steps", "Model hash")
"""What a batch can take from the infotext of each picture."""


def name_of(tab: str, name: str) -> str:
    """A1111's element id in the img2img tab; the inpaint tab, which A1111 lacks, puts its name before it."""
    return name if tab == "img2img" else f"{tab}_{name}"


def scene(registry: Registry, tab: str) -> None:
    """The hidden box for what the canvas shows. Made before the tab's other fields: the page fills in the first."""
    registry.add(gr.Textbox("{}", visible="hidden"), tab=tab, field="canvas")


def build(registry: Registry, tab: str, opened: str) -> None:
    """Make the block `image` with one of the modes open."""
    with gr.Tabs(
        elem_id=name_of(tab, "mode_img2img"), selected=opened, elem_classes=["modes"], overflow_behavior="wrap"
    ):
        for mode in MODES:
            with gr.Tab(TITLES[mode], id=mode, elem_id=_tab_id(tab, mode)) as strip:
                if mode == "batch":
                    _batch(registry, tab)
                elif mode == "inpaint_upload":
                    _place(name_of(tab, "img_inpaint_base"), "picture")
                    _place(name_of(tab, "img_inpaint_mask"), "mask")
                else:
                    _place(name_of(tab, PLACES.get(mode, mode)), "canvas")
                    _copies(tab, mode)
            strip.select(None, None, None, js=f"() => atelier.mode('{tab}', '{mode}')", api_visibility="private")


def _tab_id(tab: str, mode: str) -> str:
    return f"{tab}_img2img_{mode}_tab" if mode == "sketch" else f"{tab}_{mode}_tab"


def _place(elem_id: str, kind: str) -> None:
    gr.HTML(f'<div class="canvas-place" data-kind="{kind}"></div>', elem_id=elem_id, elem_classes=["canvas-block"])


def _copies(tab: str, mode: str) -> None:
    """Copy image to: the other modes that have a canvas."""
    with gr.Row(elem_id=f"{tab}_copy_to_{mode}", elem_classes=["copy-to"]):
        gr.HTML("<span>Copy image to</span>", elem_id=f"{tab}_label_copy_to_{mode}", min_height=0)
        for other in ("img2img", "sketch", "inpaint", "inpaint_sketch"):
            if other != mode:
                button = gr.Button(
                    TITLES[other].lower(), elem_id=f"{tab}_copy_{mode}_to_{other}", size="sm", min_width=0, scale=0
                )
                button.click(
                    None, None, None, js=f"() => atelier.copyImage('{tab}', '{other}')", api_visibility="private"
                )


def _batch(registry: Registry, tab: str) -> None:
    source = registry.add(gr.Textbox("upload", visible="hidden"), tab=tab, field="batch_source", id="batch_source_is")
    with gr.Tabs(elem_id=f"{tab}_batch_source", elem_classes=["sources"], overflow_behavior="wrap"):
        with gr.Tab("Upload", elem_id=f"{tab}_batch_upload_tab") as upload:
            files = gr.File(label="Files", show_label=False, file_count="multiple", type="filepath", height=180)
            registry.add(files, tab=tab, field="batch_files", id="batch_upload")
        with gr.Tab("From directory", elem_id=f"{tab}_batch_from_dir_tab") as folder:
            gr.HTML('<p class="note">Folders of the machine the studio runs on.</p>')
            with gr.Column(elem_classes=["stack"], min_width=0):
                for field, label, hint in (
                    ("batch_input_dir", "Input directory", "pictures to work on"),
                    ("batch_output_dir", "Output directory", "empty: the usual folder"),
                    ("batch_inpaint_mask_dir", "Inpaint batch mask directory", "empty: no masks"),
                ):
                    registry.add(gr.Textbox(label=label, placeholder=hint, max_lines=1), tab=tab, field=field)
    for strip, name in ((upload, "upload"), (folder, "directory")):
        strip.select(None, None, source, js=f"() => '{name}'", api_visibility="private")
    with gr.Accordion("PNG info", open=False), gr.Column(elem_classes=["stack"], min_width=0):
        use = gr.Checkbox(False, label="Append png info to prompts")
        registry.add(use, tab=tab, field="batch_use_png_info")
        registry.add(
            gr.Textbox(label="PNG info directory", placeholder="empty: the pictures themselves", max_lines=1),
            tab=tab,
            field="batch_png_info_dir",
        )
        taken = gr.CheckboxGroup(list(PROPERTIES), value=[], label="Parameters to take from png info")
        registry.add(taken, tab=tab, field="batch_png_info_props")
