"""The page: quicksettings, tabs, and how they are mounted. Start with `build`, then one of `tabs`.

Built before torch is loaded and once a run; what changes later reaches an open page through the
load event and through `assets/js`, plain modules that find their elements by id.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI
from gradio import themes

from modules.foundation.version import VERSION
from modules.studio.checkpoints import chosen
from modules.web import checkpoints, extension_files, handlers, options, sending, ui_config, widgets
from modules.web.app import ASSETS_URL
from modules.web.front import mount_page
from modules.web.head import WithHead
from modules.web.panels import quicksettings, setting
from modules.web.registry import Registry
from modules.web.tabs import extension_tabs, extras, generation, img2img, pnginfo, settings, txt2img

if TYPE_CHECKING:
    from modules.host.scripts import Host
    from modules.studio.context import Studio

ASSETS = Path(__file__).parent / "assets"
"""style.css, js/ and html/."""
TITLE = "Atelier"
SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "DejaVu Sans", "sans-serif")
MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Consolas", "DejaVu Sans Mono", "monospace")


def build(studio: Studio, host: Host | None = None) -> gr.Blocks:
    """Every tab, bound, with those of extensions. Takes well under half a second once Gradio is imported."""
    registry = Registry(host)
    added = extension_tabs.of(registry.host)
    defaults = checkpoints.defaults_now(studio)
    file = chosen(studio)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        quick = quicksettings.build(studio, checkpoints.titles(studio), file.title if file else None)
        with gr.Tabs(elem_id="tabs", elem_classes=["main-tabs"], overflow_behavior="wrap"):
            with gr.Tab("txt2img", id="txt2img", elem_id="tab_txt2img"):
                words = txt2img.build(studio, registry, defaults)
            painted = []
            for name in img2img.TABS:
                with gr.Tab(name, id=name, elem_id=f"tab_{name}"):
                    painted.append(img2img.build(studio, registry, defaults, name))
            with gr.Tab("Extras", id="extras", elem_id="tab_extras"):
                processed = extras.build(studio, registry)
            with gr.Tab("PNG Info", id="pnginfo", elem_id="tab_pnginfo"):
                info = pnginfo.build(studio)
            extension_tabs.build(added)
            with gr.Tab("Settings", id="settings", elem_id="tab_settings"):
                all_settings = settings.build(studio)
        ui_config.apply(registry, ui_config.read(studio.paths.ui_config))
        gr.HTML(_footer(), elem_id="footer")
        extras.bind_sending(studio, processed, info)
        _bind(studio, registry, blocks, quick, (words, *painted), info, json.dumps(defaults.values()))
        blocks.load(
            settings.opened(studio, all_settings),
            None,
            [all_settings.shown, *all_settings.controls.values()],
            **handlers.QUIET,
        )
    return blocks


def _bind(
    studio: Studio,
    registry: Registry,
    blocks: gr.Blocks,
    quick: quicksettings.Quicksettings,
    tabs: Sequence[generation.GenerationTab],
    info: pnginfo.PngInfoTab,
    defaults: str,
) -> None:
    """What reaches across tabs: the checkpoint, the page's opening, and the send-to buttons."""
    reply = gr.JSON(elem_id="page_reply", visible="hidden")
    force = gr.Textbox(defaults, elem_id="defaults_in_force", visible="hidden")
    notices = gr.JSON([], elem_id="notices", visible="hidden")
    shown_settings = gr.Textbox(elem_id="settings_json", visible="hidden")
    followers = [each for tab in tabs for each in checkpoints.fields(registry, tab.name)]
    told: dict[str, Any] = {"fn": None, "inputs": reply, "js": "(reply) => atelier.replied(reply)"}

    quick.checkpoint.input(
        checkpoints.choose(studio),
        [quick.checkpoint, force, *followers],
        [reply, force, *followers],
        **handlers.QUIET,
    ).then(**told)
    by_card = gr.Textbox(elem_id="checkpoint_by_card", visible="hidden")
    widgets.hidden_button("choose_checkpoint").click(
        checkpoints.choose_by_card(studio),
        [by_card, force, *followers],
        [quick.checkpoint, reply, force, *followers],
        js="(_, ...rest) => [document.getElementById('choose_checkpoint').dataset.key, ...rest]",
        **handlers.QUIET,
    ).then(**told)
    quick.refresh.click(checkpoints.refresh(studio), None, [reply, quick.checkpoint], **handlers.QUIET).then(**told)
    for key, control in quick.others.items():
        setting.apply_at_once(studio, key, control, reply).then(**told)
    blocks.load(
        checkpoints.opened(studio), [force, *followers], [quick.checkpoint, force, *followers], **handlers.QUIET
    )
    blocks.load(
        lambda: [options.for_scripts(studio.settings.snapshot), notices_of(studio, registry.host)],
        None,
        [shown_settings, notices],
        **handlers.QUIET,
    ).then(None, [shown_settings, notices], None, js="(json, notices) => atelier.opened(json, notices)")
    for tab in tabs:
        generation.bind_restoring(studio, registry, tab, tabs[0], info)
    sending.bind(studio, registry, tabs, info)


def notices_of(studio: Studio, host: Host) -> list[str]:
    """What the user should know on opening the page: of this start, and of extensions that failed, once each."""
    return [*studio.notices, *dict.fromkeys(map(str, host.troubles.all))]


def mount(app: FastAPI, studio: Studio) -> None:
    """Build the page and put it into an app that `web.app.create_app` made, running or not."""
    head = (ASSETS / "html" / "head.html").read_text(encoding="utf-8").replace("{theme}", studio.flags.theme or "")
    root = app.state.gate.access.root_path
    head = head.replace("{assets}", root + ASSETS_URL) + extension_files.head(app.state.host, root)
    blocks = build(studio, app.state.host)
    mount_page(app, blocks, lambda page: WithHead(page, head), **mount_options())
    if app.state.host.scripts:
        app.state.host.scripts.started(blocks, app)


def mount_options() -> dict[str, Any]:
    """What `gr.mount_gradio_app` is told besides what `front.mount_page` decides."""
    return {
        "pwa": False,
        "max_file_size": "256mb",
        "theme": themes.Base(font=SYSTEM_FONTS, font_mono=MONO_FONTS),
    }


def _footer() -> str:
    """Links, and the versions that matter in a report; read from package metadata, as torch is not there yet."""
    template = (ASSETS / "html" / "footer.html").read_text(encoding="utf-8")
    packages = " · ".join(f"{name} {metadata.version(name)}" for name in ("torch", "diffusers", "gradio"))
    return template.replace("{versions}", f"Atelier {VERSION} · python {platform.python_version()} · {packages}")
