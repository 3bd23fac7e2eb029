"""Settings of the page itself."""

from __future__ import annotations

import json

from modules.foundation.options import Options, Section, setting
from modules.foundation.settings import Snapshot
from modules.studio.options import PreviewOptions


class PromptEditing(Options, section=Section("ui_prompt_editing", "Prompt editing", "ui")):
    """How the prompt boxes behave."""

    keyedit_precision_attention: float = setting(
        0.1, "Precision for (attention:1.1) when editing the prompt with Ctrl+up/down", slider=(0.01, 0.2, 0.001)
    )
    keyedit_delimiters: str = setting(
        r".,\/!?%^*;:{}=`~() ", "Word delimiters when editing the prompt with Ctrl+up/down"
    )
    disable_token_counters: bool = setting(False, "Disable prompt token counters", restart=True)


class UserInterface(Options, section=Section("ui", "User interface", "ui")):
    """What stands where on the page."""

    quicksettings_list: tuple[str, ...] = setting(
        ("sd_model_checkpoint",),
        "Quicksettings list",
        choices="settings",
        restart=True,
        note="Settings shown at the top of the page.",
    )
    show_progress_in_title: bool = setting(True, "Show generation progress in window title.")


class GalleryLooks(Options, section=Section("ui_gallery", "Gallery", "ui")):
    """How pictures are shown."""

    js_modal_lightbox: bool = setting(True, "Full page image viewer: enable")
    gallery_height: str = setting(
        "", "Gallery height", restart=True, note="Any CSS length, such as 768px or 70vh; empty fits the window."
    )


class ProgressLooks(Options, section=Section("ui", "Live previews", "ui")):
    """How the page follows a job. Whether there are previews is decided where they are made."""

    show_progressbar: bool = setting(True, "Show progressbar")
    live_preview_refresh_period: int = setting(
        1000,
        "Progressbar and preview update period",
        note="In milliseconds; the page asks sooner while a job is young.",
    )


FOR_SCRIPTS = (PromptEditing, UserInterface, GalleryLooks, ProgressLooks, PreviewOptions)


def for_scripts(snapshot: Snapshot) -> str:
    """The settings `assets/js` reads, as the JSON text of `settings_json`."""
    return json.dumps({key: value for group in FOR_SCRIPTS for key, value in snapshot[group].model_dump().items()})
