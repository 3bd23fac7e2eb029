"""img2img alternative test: begins with the noise that the picture could have come from, so that little changes."""

import gradio as gr

from modules import processing, scripts


class Script(scripts.Script):
    """The studio finds the noise; a job's `reconstruction` says how."""

    def title(self):
        return "img2img alternative test"

    def show(self, is_img2img):
        return is_img2img

    def ui(self, is_img2img):
        info = gr.HTML("<p>CFG Scale should be 2 or lower. Describe the picture as it is in the original prompt.</p>")
        override_sampler = gr.Checkbox(
            True, label="Override `Sampling method` to Euler?", elem_id=self.elem_id("override_sampler")
        )
        override_prompt = gr.Checkbox(
            True, label="Override `prompt` to the same value as `original prompt`?",
            elem_id=self.elem_id("override_prompt"),
        )  # fmt: skip
        prompt = gr.Textbox(label="Original prompt", lines=1, elem_id=self.elem_id("original_prompt"))
        negative = gr.Textbox(
            label="Original negative prompt", lines=1, elem_id=self.elem_id("original_negative_prompt")
        )
        override_steps = gr.Checkbox(
            True, label="Override `Sampling Steps` to the same value as `Decode steps`?",
            elem_id=self.elem_id("override_steps"),
        )  # fmt: skip
        steps = gr.Slider(1, 150, value=50, step=1, label="Decode steps", elem_id=self.elem_id("st"), buttons=[])
        override_strength = gr.Checkbox(
            True, label="Override `Denoising strength` to 1?", elem_id=self.elem_id("override_strength")
        )
        cfg = gr.Slider(0, 15, value=1, step=0.1, label="Decode CFG scale", elem_id=self.elem_id("cfg"), buttons=[])
        randomness = gr.Slider(
            0, 1, value=0, step=0.01, label="Randomness", elem_id=self.elem_id("randomness"), buttons=[]
        )
        adjustment = gr.Checkbox(
            False, label="Sigma adjustment for finding noise for image", elem_id=self.elem_id("sigma_adjustment")
        )
        return [
            info, override_sampler, override_prompt, prompt, negative, override_steps, steps, override_strength, cfg,
            randomness, adjustment,
        ]  # fmt: skip

    def run(
        self, p, _, override_sampler, override_prompt, original_prompt, original_negative_prompt, override_steps, st,
        override_strength, cfg, randomness, sigma_adjustment,
    ):  # fmt: skip
        if override_sampler:
            p.sampler_name, p.scheduler = "Euler", "Automatic"
        if override_prompt:
            p.prompt, p.negative_prompt = original_prompt or "", original_negative_prompt or ""
        if override_steps:
            p.steps = int(st)
        if override_strength:
            p.denoising_strength = 1.0
        p.reconstruction = {
            "prompt": original_prompt or "",
            "negative_prompt": original_negative_prompt or "",
            "steps": int(st),
            "cfg_scale": cfg,
            "randomness": randomness,
            "sigma_adjustment": sigma_adjustment,
        }
        p.extra_generation_params |= {
            "Decode prompt": original_prompt or None,
            "Decode negative prompt": original_negative_prompt or None,
            "Decode CFG scale": cfg,
            "Decode steps": int(st),
            "Randomness": randomness,
            "Sigma Adjustment": sigma_adjustment,
        }
        return processing.process_images(p)
