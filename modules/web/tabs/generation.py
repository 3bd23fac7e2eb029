"""What every tab that generates has in common: how its buttons are bound. The panels are the tabs' own.

`bind` serves the tab by itself, `bind_restoring` puts values back into it, from a running job, a
picture of its gallery or the PNG Info tab.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.engine.request import Request
from modules.web import counters, handlers, pictures, widgets
from modules.web.panels import gallery, prompt, styles
from modules.web.registry import Registry

if TYPE_CHECKING:
    from modules.studio.context import Studio
    from modules.web.tabs.pnginfo import PngInfoTab


@dataclass(frozen=True, slots=True)
class GenerationTab:
    """A tab as others bind to it. Its name is in its jobs' ids, so that two tabs of one kind know theirs."""

    name: str
    request: type[Request]
    prompt: prompt.PromptPanel
    overrides: gr.Dropdown
    gallery: gallery.GalleryPanel


def bind(studio: Studio, registry: Registry, tab: GenerationTab) -> None:
    """Generate, the token counters, paste, and the buttons under the gallery."""
    name, top = tab.name, tab.prompt
    job = gr.Textbox(elem_id=f"{name}_task", visible="hidden")
    reply = gr.JSON(elem_id=f"{name}_reply", visible="hidden")
    top.generate.click(
        handlers.submit(studio, registry, name, tab.request),
        [job, tab.overrides, *registry.inputs(name)],
        reply,
        js=f"(...values) => atelier.submit('{name}', values)",
        **handlers.QUIET,
    ).then(None, reply, None, js=f"(reply) => atelier.submitted('{name}', reply)")
    typed = [top.prompt, top.negative_prompt, top.styles.chosen, registry.fields(name)["steps"]]
    for counter, negative in zip(top.counters, (False, True), strict=True):
        counter.button.click(
            counters.count(studio, negative=negative), typed, [counter.count, counter.under], **handlers.QUIET
        )
    styles.bind(studio, top.styles, top.prompt, top.negative_prompt)
    restored = [*registry.inputs(name), tab.overrides, reply]
    top.paste.click(handlers.paste(studio, registry, name, tab.request), top.prompt, restored, **handlers.QUIET).then(
        **pasted(name, reply)
    )
    _bind_pictures(studio, tab, gr.JSON(elem_id=f"{name}_picture_reply", visible="hidden"))


def _bind_pictures(studio: Studio, tab: GenerationTab, reply: gr.JSON) -> None:
    """The buttons under the gallery; each acts on the picture the page says is selected."""
    output = tab.gallery
    actions = [(output.save, pictures.save(studio))]
    if output.open_folder is not None:
        actions.append((output.open_folder, pictures.open_folder(studio)))
    for button, action in actions:
        button.click(action, output.selected, reply, js=f"() => atelier.selected('{tab.name}')", **handlers.QUIET).then(
            None, reply, None, js=f"(reply) => atelier.replied(reply, '{tab.name}')"
        )


def bind_restoring(
    studio: Studio, registry: Registry, tab: GenerationTab, txt2img: GenerationTab, info: PngInfoTab
) -> None:
    """What puts values back: a running job after a reload, a picture's own settings into txt2img.

    And what sends a picture to the PNG Info tab.
    """
    reply = gr.JSON(elem_id=f"{tab.name}_restored", visible="hidden")
    tab.gallery.send_to_txt2img.click(
        from_text(studio, registry, txt2img),
        tab.gallery.infotext,
        [*registry.inputs(txt2img.name), txt2img.overrides, reply],
        js=f"() => atelier.selectedInfotext('{tab.name}')",
        **handlers.QUIET,
    ).then(**pasted(txt2img.name, reply))
    tab.gallery.send_to_pnginfo.click(
        pictures.file_of(studio, info.image.GRADIO_CACHE),
        tab.gallery.selected,
        [info.image, reply],
        js=f"() => atelier.selected('{tab.name}')",
        **handlers.QUIET,
    ).then(None, reply, None, js="(reply) => atelier.sentToPngInfo(reply)")
    reopen = widgets.hidden_button(f"{tab.name}_reopen")
    reopen.click(
        handlers.reopened(studio, registry, tab.name, tab.request),
        tab.gallery.selected,
        [*registry.inputs(tab.name), tab.overrides],
        js=f"() => atelier.followedJob('{tab.name}')",
        **handlers.QUIET,
    )


def from_text(
    studio: Studio, registry: Registry, tab: GenerationTab, only: Callable[[], Collection[str]] | None = None
) -> Callable[[str], list[Any]]:
    """Infotext -> the updates of a tab, its override settings and a reply; `only` these fields, or all."""

    def handler(text: str) -> list[Any]:
        *updates, overrides, reply = handlers.restored(studio, registry, tab.name, text, tab.request)
        if only is None:
            return [*updates, overrides, reply]
        wanted, fields = only(), zip(registry.fields(tab.name), updates, strict=True)
        # A picture without an infotext is sent all the same.
        return [*(update if field in wanted else gr.skip() for field, update in fields), gr.skip(), {}]

    return handler


def pasted(tab: str, reply: gr.JSON) -> dict[str, Any]:
    """The event that tells the page what a paste into the tab has set."""
    return {"fn": None, "inputs": reply, "js": f"(reply) => atelier.pasted('{tab}', reply)"}
