"""Loopback: img2img again and again, each time from the last result, the strength following a curve."""

import math

import gradio as gr

from modules import deepbooru, images, processing, scripts, shared

CURVES = {
    "Aggressive": lambda along: math.sin(along * math.pi / 2),
    "Linear": lambda along: along,
    "Lazy": lambda along: 1 - math.cos(along * math.pi / 2),
}
ORIGINAL = 1
"""Masked content: what is there. From the second pass on, the first one's work must not be thrown away."""


class Script(scripts.Script):
    """The seed counts on by one each time; each of the batches starts from the given picture again."""

    def title(self):
        return "Loopback"

    def show(self, is_img2img):
        return is_img2img

    def ui(self, is_img2img):
        loops = gr.Slider(1, 32, value=4, step=1, label="Loops", elem_id=self.elem_id("loops"), buttons=[])
        final = gr.Slider(
            0,
            1,
            value=0.5,
            step=0.01,
            label="Final denoising strength",
            elem_id=self.elem_id("final_denoising_strength"),
            buttons=[],
        )
        curve = gr.Dropdown(list(CURVES), value="Linear", label="Denoising strength curve")
        append = gr.Dropdown(
            ["None", "CLIP", "DeepBooru"], value="None", label="Append interrogated prompt at each iteration"
        )
        return [loops, final, curve, append]

    def run(self, p, loops, final_denoising_strength, denoising_curve, append_interrogation):
        if denoising_curve not in CURVES:
            raise ValueError(f"The curve cannot be '{denoising_curve}'; choose one of {', '.join(CURVES)}.")
        loops = max(int(loops), 1)
        processing.fix_seed(p)
        batches, p.n_iter = p.n_iter, 1
        p.batch_size = 1
        saving = shared.opts.grid_save and not p.do_not_save_grid
        p.do_not_save_grid = True
        first = {"images": list(p.init_images), "prompt": p.prompt, "fill": p.inpainting_fill}
        initial = p.denoising_strength
        p.extra_generation_params |= {
            "Final denoising strength": final_denoising_strength,
            "Denoising curve": denoising_curve,
        }
        shared.state.job_count = loops * batches

        found, result = [], None
        for batch in range(batches):
            p.init_images, p.prompt, p.inpainting_fill = list(first["images"]), first["prompt"], first["fill"]
            made = []
            for loop in range(loops):
                if shared.state.interrupted or shared.state.stopping_generation:
                    break
                shared.state.textinfo = f"Iteration {loop + 1} of {loops}, batch {batch + 1} of {batches}"
                if append_interrogation != "None":
                    p.prompt = f"{first['prompt']}, {described(p.init_images[0], append_interrogation)}".strip(", ")
                p.denoising_strength = strength(loop, loops, initial, final_denoising_strength, denoising_curve)
                processed = processing.process_images(p)
                if not processed.images:
                    break
                result = processed
                made.append((processed.images[0], processed.infotexts[0]))
                p.init_images = [processed.images[0]]
                p.inpainting_fill = ORIGINAL
                p.seed += 1
            found += made if batches == 1 else made[-1:]
        if result is None:
            return processing.Processed(p, [])
        return with_grid(p, result, found, saving)


def strength(loop, loops, first, last, curve):
    """The denoising strength of one pass."""
    if loops == 1:
        return first
    return first + (last - first) * CURVES[curve](loop / (loops - 1))


def described(image, by):
    """What a model sees in a picture, as words for the prompt."""
    if by == "CLIP":
        return shared.interrogator.interrogate(image)
    return deepbooru.model.tag(image)


def with_grid(p, result, found, saving):
    """The pictures as the result of the whole job, all in a row in front of them."""
    pictures, infotexts = [picture for picture, _ in found], [infotext for _, infotext in found]
    result.images, result.infotexts = pictures, infotexts
    if len(pictures) > 1:
        grid = images.image_grid(pictures, rows=1)
        if saving:
            told = {"prompt": result.all_prompts[0], "seed": result.all_seeds[0], "info": infotexts[0], "p": p}
            images.save_image(grid, p.outpath_grids, "grid", grid=True, **told)
        if shared.opts.return_grid:
            result.images, result.infotexts = [grid, *pictures], [infotexts[0], *infotexts]
            result.index_of_first_image = 1
    return result
