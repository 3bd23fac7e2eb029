"""Prompts from file or textbox: a job of its own for every line, with command-line options if the line has any."""

import copy
import shlex
from pathlib import Path

import gradio as gr

from modules import errors, processing, scripts, sd_models, sd_samplers, shared


def boolean(text):
    """Only "true" is true, as in A1111."""
    return text == "true"


def sampler(text):
    """Any of a sampler's names, in any case, as its own name."""
    name = sd_samplers.samplers_map.get(text.lower())
    if name is None:
        raise ValueError(f"there is no sampler '{text}'")
    return name


def checkpoint(text):
    """The title of the checkpoint whose name is closest."""
    info = sd_models.get_closet_checkpoint_match(text)
    if info is None:
        raise ValueError(f"there is no checkpoint '{text}'")
    return info.title


OPTIONS = {
    "sd_model": checkpoint,
    "outpath_samples": str,
    "outpath_grids": str,
    "prompt_for_display": str,
    "prompt": str,
    "negative_prompt": str,
    "styles": str,
    "seed": int,
    "subseed_strength": float,
    "subseed": int,
    "seed_resize_from_h": int,
    "seed_resize_from_w": int,
    "sampler_index": int,
    "sampler_name": sampler,
    "batch_size": int,
    "n_iter": int,
    "steps": int,
    "cfg_scale": float,
    "width": int,
    "height": int,
    "restore_faces": boolean,
    "tiling": boolean,
    "do_not_save_samples": boolean,
    "do_not_save_grid": boolean,
}
WORDY = ("prompt", "negative_prompt")
"""Options that take every word until the next one."""


def parse(line):
    """The options of a line as {name: value}. Raises ValueError for one that cannot be read."""
    words = shlex.split(line)
    found = {}
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise ValueError(f"'{word}' stands where an option such as --prompt was expected")
        name = word[2:]
        if name not in OPTIONS:
            raise ValueError(f"there is no option {word}")
        if name in WORDY:
            value = []
            while words and not words[0].startswith("--"):
                value.append(words.pop(0))
            found[name] = " ".join(value)
        else:
            if not words:
                raise ValueError(f"{word} has no value")
            found[name] = OPTIONS[name](words.pop(0))
    return found


def read(path):
    """A dropped text file's lines for the box, and a wish that the box shows them."""
    if path is None:
        return gr.update()
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        return gr.update(value=file.read().strip(), lines=7)


class Script(scripts.Script):
    """Each line's pictures are made with the tab's values, apart from what the line says."""

    def title(self):
        return "Prompts from file or textbox"

    def ui(self, is_img2img):
        iterate = gr.Checkbox(False, label="Iterate seed every line", elem_id=self.elem_id("checkbox_iterate"))
        same = gr.Checkbox(
            False, label="Use same random seed for all lines", elem_id=self.elem_id("checkbox_iterate_batch")
        )
        position = gr.Radio(
            ["start", "end"], label="Insert prompts at the", elem_id=self.elem_id("prompt_position"), value="start"
        )
        lines = gr.Textbox(label="List of prompt inputs", lines=3, elem_id=self.elem_id("prompt_txt"))
        file = gr.File(
            label="Upload prompt inputs", file_types=["text"], type="filepath", elem_id=self.elem_id("file"), height=90
        )
        file.change(read, file, lines, show_progress="hidden", api_visibility="private")
        return [iterate, same, position, lines]

    def run(self, p, checkbox_iterate, checkbox_iterate_batch, prompt_position, prompt_txt):
        jobs = [self.job(line) for line in map(str.strip, prompt_txt.splitlines()) if line]
        if not jobs:
            raise ValueError("The list of prompt inputs is empty; write one prompt a line, or drop a text file.")
        p.do_not_save_grid = True
        shared.state.job_count = sum(job.get("n_iter", p.n_iter) for job in jobs)
        if (checkbox_iterate or checkbox_iterate_batch) and p.seed == -1:
            processing.fix_seed(p)

        result = None
        for number, job in enumerate(jobs, 1):
            if shared.state.interrupted or shared.state.stopping_generation:
                break
            shared.state.textinfo = f"Line {number} of {len(jobs)}"
            part = self.processed(p, job, prompt_position)
            if checkbox_iterate:
                p.seed += p.batch_size * p.n_iter
            if result is None:
                result = part
                continue
            for name in ("images", "all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds", "infotexts"):
                getattr(result, name).extend(getattr(part, name))
        return result

    @staticmethod
    def job(line):
        """What a line asks for; one whose options cannot be read is a prompt as it stands."""
        if "--" not in line:
            return {"prompt": line}
        try:
            return parse(line)
        except ValueError as error:
            errors.report(f"The line '{line}' is taken as a prompt: {error}.")
            return {"prompt": line}

    @staticmethod
    def processed(p, job, position):
        own = copy.copy(p)
        own.override_settings = dict(p.override_settings)
        own.extra_generation_params = dict(p.extra_generation_params)
        own.styles = list(p.styles)
        for name, value in job.items():
            if name == "sd_model":
                own.override_settings["sd_model_checkpoint"] = value
            elif name == "sampler_index":
                own.sampler_name = sd_samplers.samplers[value].name
            elif name == "styles":
                own.styles = [style.strip() for style in value.split(",")]
            elif name in WORDY and getattr(p, name):
                both = (value, getattr(p, name)) if position == "start" else (getattr(p, name), value)
                setattr(own, name, " ".join(both))
            else:
                setattr(own, name, value)
        return processing.process_images(own)
