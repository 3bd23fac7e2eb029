"""Settings of prompts and infotexts, by A1111's keys."""

from __future__ import annotations

from typing import Literal

from modules.foundation.lenient import Int
from modules.foundation.options import Options, Section, setting


class PromptOptions(Options, section=Section("sd", "Stable Diffusion", "sd")):
    """How a prompt is read and encoded."""

    emphasis: Literal["None", "Ignore", "Original", "No norm"] = setting(
        "Original",
        "Emphasis mode",
        choices=("None", "Ignore", "Original", "No norm"),
        infotext="Emphasis",
        note="None takes (brackets) literally, Ignore reads them without weighing, No norm weighs and leaves the mean.",
    )
    comma_padding_backtrack: Int = setting(
        20,
        "Prompt word wrap length limit",
        slider=(0, 74, 1),
        infotext="Prompt word wrap",
        note="In tokens. Words behind a comma move to the next 75 tokens together when they are fewer than this.",
    )
    CLIP_stop_at_last_layers: Int = setting(
        1,
        "Clip skip",
        slider=(1, 12, 1),
        infotext="Clip skip",
        note="1 reads the text encoder's last layer, 2 the one before it. SD 1.x only.",
    )
    enable_prompt_comments: bool = setting(
        True,
        "Enable comments",
        note="In prompts, what stands between a # and the end of its line is left out, of the infotext as well.",
    )


class CounterOptions(Options, section=Section("ui_prompt_editing", "Prompt editing", "ui")):
    """What the token counters at the prompts count."""

    include_styles_into_token_counters: bool = setting(True, "Count the tokens of chosen styles, too")


class InfotextOptions(Options, section=Section("infotext", "Infotext", "ui")):
    """What generation parameters tell, and what is taken from them."""

    add_model_name_to_info: bool = setting(True, "Add model name to infotext")
    add_model_hash_to_info: bool = setting(True, "Add model hash to infotext")
    add_vae_name_to_info: bool = setting(True, "Add VAE name to infotext")
    add_vae_hash_to_info: bool = setting(True, "Add VAE hash to infotext")
    add_user_name_to_info: bool = setting(False, "Add user name to infotext when logged in")
    add_version_to_infotext: bool = setting(True, "Add program version to infotext")
    disable_weights_auto_swap: bool = setting(
        True,
        "Keep the checkpoint when parameters are pasted",
        note="Off, pasted parameters choose the checkpoint they were made with.",
    )
    infotext_skip_pasting: tuple[str, ...] = setting(
        (), "Ignore these fields when parameters are pasted", choices="infotext labels"
    )
    infotext_styles: Literal["Ignore", "Apply", "Discard", "Apply if any"] = setting(
        "Apply if any",
        "Styles in pasted parameters",
        choices=("Ignore", "Apply", "Discard", "Apply if any"),
        note="Ignore leaves them in the prompt. Otherwise they are taken out of it; Apply chooses them in the list of "
        "styles, Apply if any only where there are some.",
    )


class TextCompatibility(Options, section=Section("compatibility", "Compatibility", "sd")):
    """Ways of older versions."""

    auto_backcompat: bool = setting(
        True,
        "Automatic backward compatibility",
        note="Pasted parameters of an older A1111 ask for that version's ways, so that the picture comes out the same.",
    )
    use_old_scheduling: bool = setting(
        False,
        "Use old prompt editing timelines",
        infotext="Old prompt editing timelines",
        note="In [red:green:N], N below 1 is a fraction of the steps and any other a number of steps.",
    )
    use_old_hires_fix_width_height: bool = setting(
        False,
        "Width and height are those of the hires fix's result",
        note="As in versions before 1.0; the first pass then has about as many pixels as 512x512.",
    )
