"""Prompt matrix: every combination of the optional parts of a prompt, `fixed|this|that`."""

import math

import gradio as gr

from modules import images, processing, scripts, shared


class Script(scripts.Script):
    """Part 0 is always there; bit i of a picture's number says whether option i is."""

    def title(self):
        return "Prompt matrix"

    def ui(self, is_img2img):
        with gr.Row():
            at_start = gr.Checkbox(
                False, label="Put variable parts at start of prompt", elem_id=self.elem_id("put_at_start")
            )
            different = gr.Checkbox(
                False, label="Use different seed for each picture", elem_id=self.elem_id("different_seeds")
            )
        with gr.Row():
            which = gr.Radio(
                ["positive", "negative"], label="Select prompt", elem_id=self.elem_id("prompt_type"), value="positive"
            )
            delimiter = gr.Radio(
                ["comma", "space"],
                label="Select joining char",
                elem_id=self.elem_id("variations_delimiter"),
                value="comma",
            )
        margin = gr.Slider(
            0, 500, value=0, step=2, label="Grid margins (px)", elem_id=self.elem_id("margin_size"), buttons=[]
        )
        return [at_start, different, which, delimiter, margin]

    def run(self, p, put_at_start, different_seeds, prompt_type, variations_delimiter, margin_size):
        if prompt_type not in ("positive", "negative"):
            raise ValueError(f"Select prompt cannot be '{prompt_type}'; choose positive or negative.")
        if variations_delimiter not in ("comma", "space"):
            raise ValueError(f"Select joining char cannot be '{variations_delimiter}'; choose comma or space.")
        processing.fix_seed(p)
        field = "prompt" if prompt_type == "positive" else "negative_prompt"
        written = getattr(p, field)
        written = written[0] if isinstance(written, list) else written
        parts = written.split("|")
        if len(parts) > 13:
            raise ValueError(f"{len(parts) - 1} optional parts make {2 ** (len(parts) - 1)} pictures; use at most 12.")
        prompts = combinations(parts, ", " if variations_delimiter == "comma" else " ", put_at_start)

        saving = shared.opts.grid_save and not p.do_not_save_grid
        p.n_iter = math.ceil(len(prompts) / p.batch_size)
        p.do_not_save_grid = True
        setattr(p, field, prompts)
        p.prompt_for_display = written if field == "prompt" else p.prompt
        if different_seeds:
            p.seed = [p.seed + number for number in range(len(prompts))]
        else:
            p.seed = [p.seed] * len(prompts)
        if field == "negative_prompt":
            p.prompt = [p.prompt] * len(prompts)
        shared.state.job_count = p.n_iter

        processed = processing.process_images(p)
        if len(processed.images) < len(prompts):
            return processed  # interrupted
        rows = 1 << ((len(parts) - 1) // 2)
        grid = images.image_grid(processed.images, p.batch_size, rows=rows)
        size = processed.images[0].size
        grid = images.draw_prompt_matrix(grid, *size, parts, margin_size)
        processed.images.insert(0, grid)
        processed.infotexts.insert(0, processed.infotexts[0])
        processed.index_of_first_image = 1
        if saving:
            images.save_image(
                grid, p.outpath_grids, "prompt_matrix", prompt=written, seed=processed.seed, grid=True, p=p,
                info=processed.infotexts[0],
            )  # fmt: skip
        return processed


def combinations(parts, joint, at_start):
    """The prompts in the order of their numbers."""
    fixed, *options = (part.strip().strip(",").strip() for part in parts)
    found = []
    for number in range(1 << len(options)):
        chosen = [text for bit, text in enumerate(options) if number & (1 << bit)]
        found.append(joint.join([*chosen, fixed] if at_start else [fixed, *chosen]))
    return found
