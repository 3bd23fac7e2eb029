"""Settings of the page itself."""

from __future__ import annotations

import json

from modules.foundation.lenient import Int, Text
from modules.foundation.options import Options, Section, setting
from modules.foundation.settings import Snapshot
from modules.studio.options import PreviewOptions
from modules.vision.options import UpscalingOptions

WHITESPACE = ("Tab", "Carriage Return", "Line Feed")


class PromptEditing(Options, section=Section("ui_prompt_editing", "Prompt editing", "ui")):
    """How the prompt boxes behave."""

    keyedit_precision_attention: float = setting(
        0.1, "Precision for (attention:1.1) when editing the prompt with Ctrl+up/down", slider=(0.01, 0.2, 0.001)
    )
    keyedit_precision_extra: float = setting(
        0.05, "Precision for <extra networks:0.9> when editing the prompt with Ctrl+up/down", slider=(0.01, 0.2, 0.001)
    )
    keyedit_delimiters: str = setting(
        r".,\/!?%^*;:{}=`~() ", "Word delimiters when editing the prompt with Ctrl+up/down"
    )
    keyedit_delimiters_whitespace: tuple[str, ...] = setting(
        WHITESPACE, "Ctrl+up/down whitespace delimiters", choices=WHITESPACE
    )
    keyedit_move: bool = setting(True, "Alt+left/right moves prompt elements")
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
    send_seed: bool = setting(True, "Send seed when sending prompt or image to other interface")
    send_size: bool = setting(True, "Send size when sending prompt or image to another interface")


class CardLooks(Options, section=Section("extra_networks", "Extra Networks", "sd")):
    """The cards of networks and checkpoints."""

    extra_networks_show_hidden_directories: bool = setting(
        True, "Show hidden directories", note="Those whose names begin with a dot."
    )
    extra_networks_hidden_models: Text = setting(
        "When searched",
        "Show cards for models in hidden directories",
        choices=("Always", "When searched", "Never"),
        note="Searched for with four letters or more.",
    )
    extra_networks_card_width: Int = setting(0, "Card width for Extra Networks", note="In pixels; 0 is the usual.")
    extra_networks_card_height: Int = setting(0, "Card height for Extra Networks", note="In pixels; 0 is the usual.")
    extra_networks_card_text_scale: float = setting(1.0, "Card text scale", slider=(0.0, 2.0, 0.01))
    extra_networks_card_show_desc: bool = setting(True, "Show description on card")
    extra_networks_card_order_field: Text = setting(
        "Path",
        "Default order field for Extra Networks cards",
        choices=("Path", "Name", "Date Created", "Date Modified"),
    )
    extra_networks_card_order: Text = setting(
        "Ascending", "Default order for Extra Networks cards", choices=("Ascending", "Descending")
    )
    extra_networks_tree_view_default_enabled: bool = setting(True, "Show the folders beside the cards")
    extra_networks_add_text_separator: str = setting(
        " ", "Extra networks separator", note="Put before what a click on a card adds to the prompt."
    )
    lora_show_all: bool = setting(
        False, "Always show all networks on the Lora page", note="Off, those for other families are hidden."
    )
    lora_hide_unknown_for_versions: tuple[str, ...] = setting(
        (), "Hide networks of unknown versions for model versions", choices=("SD1", "SD2", "SDXL")
    )


class Notifications(Options, section=Section("saving-images", "Saving images/grids", "saving")):
    """How the page tells of finished pictures."""

    notification_audio: bool = setting(
        True,
        "Play notification sound after image generation",
        note="notification.mp3 in the data folder, if it is there.",
    )
    notification_volume: Int = setting(100, "Notification sound volume", slider=(0, 100, 1), note="in %")


class Alternatives(Options, section=Section("ui_alternatives", "UI alternatives", "ui")):
    """Controls that not everybody wants to see."""

    interrupt_after_current: bool = setting(
        True,
        "Don't Interrupt in the middle",
        note="Of several batches the running one is finished first; Interrupt pressed again stops it, too.",
    )

    hires_fix_show_sampler: bool = setting(
        False, "Hires fix: show hires checkpoint and sampler selection", restart=True
    )
    hires_fix_show_prompts: bool = setting(False, "Hires fix: show hires prompt and negative prompt", restart=True)


class CanvasLooks(Options, section=Section("img2img", "img2img", "sd")):
    """The canvas of the img2img tabs."""

    img2img_editor_height: Int = setting(
        720, "Height of the image editor", slider=(80, 1600, 1), note="In pixels; smaller windows make it smaller."
    )
    img2img_sketch_default_brush_color: Text = setting("#ffffff", "Sketch initial brush color")
    img2img_inpaint_mask_brush_color: Text = setting("#ffffff", "Inpaint mask brush color")
    img2img_inpaint_sketch_default_brush_color: Text = setting("#ffffff", "Inpaint sketch initial brush color")


class CanvasHotkeys(Options, section=Section("canvas_hotkey", "Canvas Hotkeys")):
    """Keys of the canvas. Overlapping and expanding, which A1111 has keys for, happen by themselves here."""

    canvas_hotkey_zoom: Text = setting("Alt", "Zoom canvas", choices=("Shift", "Ctrl", "Alt"), note="With the wheel.")
    canvas_hotkey_adjust: Text = setting(
        "Ctrl", "Adjust brush size", choices=("Shift", "Ctrl", "Alt"), note="With the wheel."
    )
    canvas_hotkey_shrink_brush: Text = setting("Q", "Shrink the brush size")
    canvas_hotkey_grow_brush: Text = setting("W", "Enlarge the brush size")
    canvas_hotkey_move: Text = setting("F", "Moving the canvas", note="While it is held.")
    canvas_hotkey_fullscreen: Text = setting("S", "Fill the window with the canvas, and back")
    canvas_hotkey_reset: Text = setting("R", "Show the whole picture again")
    canvas_show_tooltip: bool = setting(True, "Show the help button on the canvas")
    canvas_blur_prompt: bool = setting(False, "Take the focus off the prompt when working with the canvas")
    canvas_disabled_functions: tuple[str, ...] = setting(
        (),
        "Disable functions that you don't use",
        choices=(
            "Zoom",
            "Adjust brush size",
            "Hotkey enlarge brush",
            "Hotkey shrink brush",
            "Moving canvas",
            "Fullscreen",
            "Reset Zoom",
        ),
    )


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


FOR_SCRIPTS = (
    CardLooks,
    PromptEditing,
    Notifications,
    Alternatives,
    UpscalingOptions,
    UserInterface,
    CanvasLooks,
    CanvasHotkeys,
    GalleryLooks,
    ProgressLooks,
    PreviewOptions,
)


def for_scripts(snapshot: Snapshot) -> str:
    """The settings `assets/js` reads, as the JSON text of `settings_json`."""
    return json.dumps({key: value for group in FOR_SCRIPTS for key, value in snapshot[group].model_dump().items()})
