"""The top row: both prompts with their token counts, Generate, Interrupt, Skip and the tool buttons."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from modules.web import widgets
from modules.web.panels import styles
from modules.web.registry import Registry

PLACEHOLDER = "Prompt\n(Ctrl+Enter generates, Alt+Enter skips, Esc interrupts)"
NEGATIVE = "Negative prompt\n(what the picture should not show)"


@dataclass(frozen=True, slots=True)
class Counter:
    """One token counter: scripts press `button` after typing, a handler fills `count` and what is `under` the box."""

    button: gr.Button
    count: gr.HTML
    under: gr.HTML


@dataclass(frozen=True, slots=True)
class PromptPanel:
    """What the tab binds."""

    prompt: gr.Textbox
    negative_prompt: gr.Textbox
    generate: gr.Button
    paste: gr.Button
    restore: gr.Button
    counters: tuple[Counter, Counter]
    styles: styles.StylesPanel


def build(registry: Registry, tab: str) -> PromptPanel:
    """Make the row and register both prompts."""
    with gr.Row(elem_id=f"{tab}_toprow", elem_classes=["toprow"], equal_height=True):
        with gr.Column(elem_id=f"{tab}_prompt_container", elem_classes=["prompts"], scale=6, min_width=0):
            prompt, counter = _prompt_box(registry, tab, "prompt", "Prompt", "prompt", "token", PLACEHOLDER)
            negative, negative_counter = _prompt_box(
                registry, tab, "negative_prompt", "Negative prompt", "neg_prompt", "negative_token", NEGATIVE
            )
        with gr.Column(elem_id=f"{tab}_actions_column", elem_classes=["actions"], scale=1, min_width=0):
            with gr.Row(elem_id=f"{tab}_generate_box", elem_classes=["generate-box"]):
                for text, name in (("Interrupt", "interrupt"), ("Skip", "skip"), ("Interrupting…", "interrupting")):
                    gr.Button(text, elem_id=f"{tab}_{name}", elem_classes=["run-button", name], min_width=0)
                generate = gr.Button("Generate", elem_id=f"{tab}_generate", variant="primary", min_width=0)
            with gr.Row(elem_id=f"{tab}_tools", elem_classes=["tools"]):
                paste = widgets.tool_button("↙️", "paste" if tab == "txt2img" else f"{tab}_paste")
                widgets.tool_button("🗑️", f"{tab}_clear_prompt")
                if tab != "txt2img":
                    # A1111's ids; a tab that A1111 lacks has its name before them.
                    before = "" if tab == "img2img" else f"{tab}_"
                    widgets.tool_button("📎", f"{before}interrogate")
                    widgets.tool_button("📦", f"{before}deepbooru")
                restore = widgets.tool_button("🌀", f"{tab}_restore_progress", visible=False)
            chosen = styles.build(registry, tab)
    return PromptPanel(prompt, negative, generate, paste, restore, (counter, negative_counter), chosen)


def _prompt_box(
    registry: Registry, tab: str, field: str, label: str, name: str, counter: str, placeholder: str
) -> tuple[gr.Textbox, Counter]:
    with gr.Row(elem_id=f"{tab}_{name}_row", elem_classes=["prompt-row"]):
        box = gr.Textbox(
            label=label, show_label=False, lines=3, max_lines=12, placeholder=placeholder, elem_classes=["prompt"]
        )
        registry.add(box, tab=tab, field=field, label=label, id=name)
        count = gr.HTML("<span>0/75</span>", elem_id=f"{tab}_{counter}_counter", elem_classes=["token-counter"])
        under = gr.HTML("", elem_id=f"{tab}_{counter}_under", elem_classes=["prompt-under"])
        button = widgets.hidden_button(f"{tab}_{counter}_button")
    return box, Counter(button, count, under)
