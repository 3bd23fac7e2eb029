"""Soft inpainting: the original fades into what is painted over it, instead of ending where the mask does."""

import gradio as gr

from modules import scripts
from modules.ui_components import InputAccordion

SLIDERS = (
    ("schedule_bias", "mask_blend_power", "Schedule bias", "Soft inpainting schedule bias", (0, 8, 0.1, 1)),
    (
        "preservation_strength",
        "mask_blend_scale",
        "Preservation strength",
        "Soft inpainting preservation strength",
        (0, 8, 0.05, 0.5),
    ),
    (
        "transition_contrast_boost",
        "inpaint_detail_preservation",
        "Transition contrast boost",
        "Soft inpainting transition contrast boost",
        (1, 32, 0.5, 4),
    ),
    ("mask_influence", "composite_mask_influence", "Mask influence", "Soft inpainting mask influence", (0, 1, 0.05, 0)),
    (
        "difference_threshold",
        "composite_difference_threshold",
        "Difference threshold",
        "Soft inpainting difference threshold",
        (0, 8, 0.25, 0.5),
    ),
    (
        "difference_contrast",
        "composite_difference_contrast",
        "Difference contrast",
        "Soft inpainting difference contrast",
        (0, 8, 0.25, 2),
    ),
)
"""Field of the job, element id, label, infotext label, and (least, greatest, step, value)."""


class Script(scripts.Script):
    """The panel; a job's `soft_inpainting` says how it is done."""

    def __init__(self):
        self.section = "inpaint"

    def title(self):
        return "Soft inpainting"

    def show(self, is_img2img):
        return scripts.AlwaysVisible if is_img2img else False

    def ui(self, is_img2img):
        with InputAccordion(False, label="Soft inpainting", elem_id="soft_inpainting_enabled") as enabled:
            controls = [
                gr.Slider(least, greatest, value=value, step=step, label=label, elem_id=elem_id, buttons=[])
                for _, elem_id, label, _, (least, greatest, step, value) in SLIDERS
            ]
        told = [(control, text) for control, (*_, text, _) in zip(controls, SLIDERS, strict=True)]
        self.infotext_fields = [(enabled, lambda labels: "Soft inpainting enabled" in labels), *told]
        return [enabled, *controls]

    def process(self, p, enabled, *values):
        if enabled:
            p.soft_inpainting = {field: value for (field, *_), value in zip(SLIDERS, values, strict=True)}
