"""A selectable script: one picture for each number, the seed counted down."""

import gradio as gr

import modules.scripts as scripts
from modules.processing import Processed, fix_seed, process_images


class Script(scripts.Script):
    def title(self):
        return "Count down"

    def ui(self, is_img2img):
        count = gr.Slider(minimum=1, maximum=4, step=1, value=2, label="Count", elem_id=self.elem_id("count"))
        order = gr.Dropdown(["up", "down"], value="down", type="index", label="Order")
        return [count, order]

    def run(self, p, count, order):
        fix_seed(p)
        made, texts = [], []
        for _ in range(count):
            result = process_images(p)
            made += result.images
            texts += result.infotexts
            p.seed += 1 if order == 0 else -1
        return Processed(p, made, p.seed, infotexts=texts)
