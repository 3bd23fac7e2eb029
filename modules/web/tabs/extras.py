"""The Extras tab: one picture, several or a folder, through A1111's operations. Start with `build`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from pydantic import ValidationError

from modules.foundation.errors import AtelierError, UserError
from modules.studio import extras, inputs
from modules.studio.extras_request import Extras, Source
from modules.studio.operations import order
from modules.studio.options import PostprocessingOptions
from modules.web import handlers, pictures, sending, widgets
from modules.web.access import Access
from modules.web.panels import extras_operations, gallery
from modules.web.registry import Registry
from modules.web.security import user_of

if TYPE_CHECKING:
    from modules.studio.context import Studio
    from modules.web.tabs.pnginfo import PngInfoTab

TAB = "extras"
SOURCES = ("single", "batch", "directory")


@dataclass(frozen=True, slots=True)
class ExtrasTab:
    """What the page binds."""

    image: gr.Image
    gallery: gallery.GalleryPanel


@dataclass(frozen=True, slots=True)
class _Given:
    """Where pictures come from: the tab that is open, and what each tab holds."""

    source: gr.Textbox
    image: gr.Image
    files: gr.File
    input_dir: gr.Textbox
    output_dir: gr.Textbox
    show: gr.Checkbox


def build(studio: Studio, registry: Registry) -> ExtrasTab:
    """Make the tab and bind it."""
    with gr.Row(elem_id=f"{TAB}_body", elem_classes=["resize-handle-row"], equal_height=False):
        with gr.Column(elem_id=f"{TAB}_settings", elem_classes=["settings-column", "stack"], min_width=0):
            given = _sources()
            hidden = studio.settings.snapshot[PostprocessingOptions].postprocessing_disable_in_extras
            for name in order(studio.settings.snapshot):
                if name not in hidden:
                    extras_operations.PANELS[name](studio, registry, TAB)
        with gr.Column(elem_id=f"{TAB}_output", elem_classes=["stack", "results-column"], min_width=0):
            generate = _generate_box()
            output = gallery.build(TAB, can_open_folder=not Access.of(studio.flags).beyond_loopback)
            output.send_to_txt2img.visible = False  # what is written of these pictures is no generation's
    _bind(studio, registry, generate, given, output)
    return ExtrasTab(given.image, output)


def _sources() -> _Given:
    source = gr.Textbox("single", elem_id=f"{TAB}_source_is", visible="hidden")
    with gr.Tabs(elem_id=f"mode_{TAB}", elem_classes=["sources"]):
        with gr.Tab("Single Image", elem_id=f"{TAB}_single_tab") as single:
            image = widgets.Image(
                label="Source",
                elem_id=f"{TAB}_image",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                buttons=[],
                height="min(48vh, 30rem)",
            )
        with gr.Tab("Batch Process", elem_id=f"{TAB}_batch_process_tab") as batch:
            files = gr.File(
                label="Batch Process",
                file_count="multiple",
                type="filepath",
                elem_id=f"{TAB}_image_batch",
                height=220,
            )
        with (
            gr.Tab("Batch from Directory", elem_id=f"{TAB}_batch_directory_tab") as directory,
            gr.Column(elem_classes=["stack"], min_width=0),
        ):
            input_dir = gr.Textbox(
                label="Input directory",
                placeholder="A folder on the machine the studio runs on",
                elem_id=f"{TAB}_batch_input_dir",
                max_lines=1,
            )
            output_dir = gr.Textbox(
                label="Output directory",
                placeholder="Empty: the usual folder of extras",
                elem_id=f"{TAB}_batch_output_dir",
                max_lines=1,
            )
            show = gr.Checkbox(True, label="Show result images", elem_id=f"{TAB}_show_{TAB}_results")
    for strip, name in zip((single, batch, directory), SOURCES, strict=True):
        strip.select(None, None, source, js=f"() => '{name}'", api_visibility="private")
    return _Given(source, image, files, input_dir, output_dir, show)


def _generate_box() -> gr.Button:
    with gr.Row(elem_id=f"{TAB}_generate_box", elem_classes=["generate-box"]):
        for text, name in (("Interrupt", "interrupt"), ("Skip", "skip"), ("Interrupting…", "interrupting")):
            gr.Button(text, elem_id=f"{TAB}_{name}", elem_classes=["run-button", name], min_width=0)
        generate = gr.Button("Generate", elem_id=f"{TAB}_generate", variant="primary", min_width=0)
    with _unseen():
        widgets.tool_button("🌀", f"{TAB}_restore_progress", visible=False)
        widgets.hidden_button(f"{TAB}_reopen")
    return generate


@contextmanager
def _unseen() -> Iterator[None]:
    """What scripts look for and this tab has no use for: after a reload its running job shows by itself."""
    with gr.Row(elem_classes=["gone"]):
        yield


def _bind(studio: Studio, registry: Registry, generate: gr.Button, given: _Given, output: gallery.GalleryPanel) -> None:
    job = gr.Textbox(elem_id=f"{TAB}_task", visible="hidden")
    reply = gr.JSON(elem_id=f"{TAB}_reply", visible="hidden")
    asked = [given.source, given.image, given.files, given.input_dir, given.output_dir, given.show]
    generate.click(
        submit(studio, registry),
        [job, *asked, *registry.inputs(TAB)],
        reply,
        js=f"(...values) => atelier.submit('{TAB}', values)",
        **handlers.QUIET,
    ).then(None, reply, None, js=f"(reply) => atelier.submitted('{TAB}', reply)")
    said = gr.JSON(elem_id=f"{TAB}_picture_reply", visible="hidden")
    actions = [(output.save, pictures.save(studio))]
    if output.open_folder is not None:
        actions.append((output.open_folder, pictures.open_folder(studio)))
    for button, action in actions:
        button.click(action, output.selected, said, js=f"() => atelier.selected('{TAB}')", **handlers.QUIET).then(
            None, said, None, js=f"(reply) => atelier.replied(reply, '{TAB}')"
        )


def submit(studio: Studio, registry: Registry) -> Callable[..., dict[str, Any]]:
    """Generate: (job id, source, its pictures or folders, *values of the tab) -> reply."""

    def handler(
        request: gr.Request,
        id: str,
        source: str,
        image: str | None,
        files: list[str] | None,
        input_dir: str,
        output_dir: str,
        show: bool,
        *values: Any,
    ) -> dict[str, Any]:
        shown = {key: value for key, value in registry.values(TAB, values).items() if value is not None}
        try:
            given: dict[str, Any] = {}
            if source == "directory":
                if not input_dir.strip():
                    raise UserError("Input directory is empty: give the folder of the pictures to work on.")
                given = {"input_dir": input_dir, "output_dir": output_dir, "show_extras_results": show}
            else:
                paths = [image] if source == "single" else files
                given = {"images": _kept(studio, [path for path in paths or [] if path], source)}
            wanted = Extras.model_validate({**effective(shown), **given})
            count = max(len(wanted.images), 1)
            job = studio.jobs.submit(extras.KIND, wanted, owner=user_of(request), id=id or None)
        except ValidationError as error:
            return {"id": id, **handlers.explained(error, registry, TAB)}
        except (AtelierError, OSError) as error:
            return {"id": id, "error": str(error)}
        return {"id": job.id, "count": count}

    return handler


def effective(shown: dict[str, Any]) -> dict[str, Any]:
    """The tab's values as the request's: a restorer whose box is closed has no visibility."""
    values = dict(shown)
    for name in ("gfpgan", "codeformer"):
        if not values.pop(f"{name}_enabled", False):
            values[f"{name}_visibility"] = 0
    return values


def _kept(studio: Studio, paths: list[str], source: str) -> list[Source]:
    """The uploaded files put away under their checksums. Raises UserError without any, BadFile for one alone."""
    if not paths:
        raise UserError("There is no picture to work on; put one in first.")
    kept: list[Source] = []
    for path in paths:
        # Of several, the job names those that cannot be read and goes on.
        data = Path(path).read_bytes()
        name = Path(path).name
        kept.append(
            Source(name=name, data=inputs.keep(studio, data, name) if source == "single" else studio.inputs.keep(data))
        )
    return kept


def bind_sending(studio: Studio, tab: ExtrasTab, info: PngInfoTab) -> None:
    """The buttons under the gallery that carry a picture to another tab."""
    reply = gr.JSON(elem_id=f"{TAB}_restored", visible="hidden")
    sending.bind_pictures(TAB, tab.gallery)
    tab.gallery.send_to_pnginfo.click(
        pictures.file_of(studio, info.image.GRADIO_CACHE),
        tab.gallery.selected,
        [info.image, reply],
        js=f"() => atelier.selected('{TAB}')",
        **handlers.QUIET,
    ).then(None, reply, None, js="(reply) => atelier.sentToPngInfo(reply)")
