"""An always-on script: changes every picture and says so."""

import gradio as gr
from PIL import ImageOps

from modules import scripts


class Invert(scripts.Script):
    def title(self):
        return "Invert"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        enabled = gr.Checkbox(False, label="Invert")
        self.infotext_fields = [(enabled, "Inverted")]
        return [enabled]

    def process(self, p, enabled):
        if enabled:
            p.extra_generation_params["Inverted"] = True

    def process_batch(self, p, enabled, batch_number, prompts, seeds, subseeds):
        if enabled:
            p.extra_generation_params["First seed"] = seeds[0]

    def postprocess_image(self, p, pp, enabled):
        if enabled:
            pp.image = ImageOps.invert(pp.image)
