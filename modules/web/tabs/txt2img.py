"""The txt2img tab: the panels stacked as A1111's, and what its buttons do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.engine.request import Txt2Img
from modules.web import handlers, pictures, widgets
from modules.web.access import Access
from modules.web.defaults import Defaults
from modules.web.panels import gallery, overrides, prompt, sampler, seed, size
from modules.web.registry import Registry
from modules.web.tabs import pnginfo

if TYPE_CHECKING:
    from modules.studio.context import Studio

TAB = "txt2img"


@dataclass(frozen=True, slots=True)
class Txt2ImgTab:
    """What other tabs and the page bind to."""

    prompt: prompt.PromptPanel
    overrides: gr.Dropdown
    gallery: gallery.GalleryPanel


def build(studio: Studio, registry: Registry, defaults: Defaults) -> Txt2ImgTab:
    """Make the tab with the checkpoint's defaults chosen."""
    top = prompt.build(registry, TAB)
    with gr.Row(elem_id=f"{TAB}_body", elem_classes=["resize-handle-row"], equal_height=False):
        with gr.Column(elem_id=f"{TAB}_settings", elem_classes=["settings-column", "stack"], min_width=0):
            sampler.build(registry, TAB, defaults.sampler_name, defaults.scheduler, defaults.steps)
            size.build(registry, TAB, defaults.width, defaults.height, defaults.cfg_scale)
            seed.build(registry, TAB)
            chosen = overrides.build(TAB)
        output = gallery.build(TAB, can_open_folder=not Access.of(studio.flags).beyond_loopback)
    tab = Txt2ImgTab(top, chosen, output)
    _bind(studio, registry, tab)
    _bind_pictures(studio, tab, gr.JSON(elem_id=f"{TAB}_picture_reply", visible="hidden"))
    return tab


def _bind(studio: Studio, registry: Registry, tab: Txt2ImgTab) -> None:
    top = tab.prompt
    job = gr.Textbox(elem_id=f"{TAB}_task", visible="hidden")
    reply = gr.JSON(elem_id=f"{TAB}_reply", visible="hidden")
    top.generate.click(
        handlers.submit(studio, registry, TAB, Txt2Img),
        [job, tab.overrides, *registry.inputs(TAB)],
        reply,
        js="(...values) => submit(...values)",
        **handlers.QUIET,
    ).then(None, reply, None, js="(reply) => atelier.submitted(reply)")
    counts = (handlers.count_tokens, partial(handlers.count_tokens, negative=True))
    for counter, count in zip(top.counters, counts, strict=True):
        counter.button.click(count, [counter.text, registry.fields(TAB)["steps"]], counter.count, **handlers.QUIET)
    restored = [*registry.inputs(TAB), tab.overrides, reply]
    top.paste.click(handlers.paste(studio, registry, TAB), top.prompt, restored, **handlers.QUIET).then(
        None, reply, None, js="(reply) => atelier.pasted(reply)"
    )


def _bind_pictures(studio: Studio, tab: Txt2ImgTab, reply: gr.JSON) -> None:
    """The buttons under the gallery; each acts on the picture the page says is selected."""
    output = tab.gallery
    actions = [(output.save, pictures.save(studio))]
    if output.open_folder is not None:
        actions.append((output.open_folder, pictures.open_folder(studio)))
    for button, action in actions:
        button.click(action, output.selected, reply, js="() => atelier.selected()", **handlers.QUIET).then(
            None, reply, None, js="(reply) => atelier.replied(reply)"
        )


def bind_restoring(studio: Studio, registry: Registry, tab: Txt2ImgTab, info: pnginfo.PngInfoTab) -> None:
    """What puts values back into the tab: a running job after a reload, a picture's own settings.

    And what sends a picture to the PNG Info tab.
    """
    reply = gr.JSON(elem_id=f"{TAB}_restored", visible="hidden")
    restored = [*registry.inputs(TAB), tab.overrides, reply]
    pasted: dict[str, Any] = {"fn": None, "inputs": reply, "js": "(reply) => atelier.pasted(reply)"}

    def from_text(text: str) -> list[Any]:
        return handlers.restored(studio, registry, TAB, text)

    info.send_to_txt2img.click(from_text, info.generation_info, restored, **handlers.QUIET).then(**pasted)
    tab.gallery.send_to_txt2img.click(
        from_text, tab.gallery.infotext, restored, js="() => atelier.selectedInfotext()", **handlers.QUIET
    ).then(**pasted)
    tab.gallery.send_to_pnginfo.click(
        pictures.file_of(studio, info.image.GRADIO_CACHE),
        tab.gallery.selected,
        [info.image, reply],
        js="() => atelier.selected()",
        **handlers.QUIET,
    ).then(None, reply, None, js="(reply) => atelier.sentToPngInfo(reply)")
    reopen = widgets.hidden_button(f"{TAB}_reopen")
    reopen.click(
        handlers.reopened(studio, registry, TAB),
        tab.gallery.selected,
        [*registry.inputs(TAB), tab.overrides],
        js="() => atelier.followedJob()",
        **handlers.QUIET,
    )
