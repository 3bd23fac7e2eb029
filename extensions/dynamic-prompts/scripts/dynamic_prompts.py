"""Dynamic prompts: `{a|b}` draws one of several, `__name__` a line of wildcards/name.txt, anew for every picture.

The seed decides what is drawn, so the same seed gives the same prompt. Prompts without this syntax are left alone.
"""

import itertools
import math
import random
from pathlib import Path

import gradio as gr
from dynamic_parts import grammar

from modules import paths, scripts

FIELDS = (
    ("prompt", "all_prompts", "Template"),
    ("negative_prompt", "all_negative_prompts", "Negative template"),
    ("hr_prompt", "all_hr_prompts", "Hires template"),
    ("hr_negative_prompt", "all_hr_negative_prompts", "Hires negative template"),
)
MOST = 1000
"""Pictures of one job, however many combinations there are."""


def folder():
    """Where the files of wildcards lie."""
    return Path(paths.data_path) / "wildcards"


def lines(name):
    """The lines of the files of a name, which may have `*` in it; none for a name that leads out of the folder."""
    root = folder().resolve()
    if not root.is_dir() or ".." in Path(name).parts or Path(name).is_absolute():
        return []
    found = []
    for path in sorted(root.glob(f"{name}.txt")):
        if path.resolve().is_relative_to(root):
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            found += [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return found


class Script(scripts.Script):
    """Runs always; drawing happens once the seeds are known."""

    def title(self):
        return "Dynamic prompts"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        with gr.Accordion("Dynamic prompts", open=False):
            enabled = gr.Checkbox(
                True, label="Read {a|b} and __wildcards__ in prompts", elem_id=self.elem_id("is_enabled")
            )
            every = gr.Checkbox(False, label="Make every combination", elem_id=self.elem_id("is_combinatorial"))
            most = gr.Slider(
                1, MOST, value=100, step=1, label="Combinations at most", elem_id=self.elem_id("max_generations"),
                buttons=[],
            )  # fmt: skip
        return [enabled, every, most]

    def before_process(self, p, enabled, every, most):
        """Every combination needs a picture: the batch count is made to fit."""
        if not (enabled and every) or not isinstance(p.prompt, str) or not grammar.is_dynamic(p.prompt):
            return
        texts = list(itertools.islice(grammar.parse(p.prompt).listed(lines, 0), min(int(most), MOST)))
        p.extra_generation_params["Template"] = p.prompt
        p.n_iter = math.ceil(len(texts) / p.batch_size)
        wanted = p.n_iter * p.batch_size
        p.prompt = [texts[number % len(texts)] for number in range(wanted)]

    def process(self, p, enabled, every, most):
        if not enabled:
            return
        for field, name, label in FIELDS:
            templates = list(getattr(p, name, None) or ())
            drawn = [self.drawn(text, field, p, number) for number, text in enumerate(templates)]
            if drawn != templates:
                setattr(p, name, drawn)
                p.extra_generation_params.setdefault(label, templates[0])

    @staticmethod
    def drawn(text, field, p, number):
        if not grammar.is_dynamic(text):
            return text
        key = f"{field}/{p.all_seeds[number]}"
        if p.subseed_strength:
            key += f"/{p.all_subseeds[number]}"
        return grammar.parse(text).drawn(random.Random(key), lines, 0)
