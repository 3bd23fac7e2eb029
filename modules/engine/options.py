"""Settings of this package: which model is loaded, with which VAE, in how many bits."""

from __future__ import annotations

from typing import Literal

from modules.foundation.lenient import Int, Text
from modules.foundation.options import Options, Section, setting


class ModelOptions(Options, section=Section("sd", "Stable Diffusion", "sd")):
    """Which checkpoint runs, and how many stay loaded."""

    sd_model_checkpoint: str | None = setting(
        None, "Stable Diffusion checkpoint", choices="checkpoints", infotext="Model hash"
    )
    sd_checkpoints_limit: Int = setting(1, "Maximum number of checkpoints loaded at the same time", slider=(1, 10, 1))
    float32: bool = setting(
        False,
        "Compute in 32 bits",
        note="Slower and twice the memory. For comparing pictures between machines, or if 16 bits give black pictures.",
    )


class VaeOptions(Options, section=Section("vae", "VAE", "sd")):
    """Which VAE turns latents into pixels, and what happens when it overflows."""

    sd_vae: str = setting(
        "Automatic",
        "SD VAE",
        choices="vaes",
        infotext="VAE",
        note="Automatic takes the file named like the checkpoint, None the one inside the checkpoint.",
    )
    sd_vae_overrides_per_model_preferences: bool = setting(
        True,
        "Selected VAE overrides per-model preferences",
        note="Off, the VAE noted on a checkpoint's card or lying beside it counts before the one chosen here.",
    )
    auto_vae_precision: bool = setting(
        True,
        "Automatically revert VAE to 32-bit floats",
        note="When the VAE gives NaNs, the picture is decoded again in 32 bits.",
    )


class MergingOptions(Options, section=Section("optimizations", "Optimizations", "sd")):
    """How far self-attention works on fewer tokens than there are."""

    token_merging_ratio: float = setting(
        0.0,
        "Token merging ratio",
        slider=(0.0, 0.9, 0.1),
        infotext="Token merging ratio",
        note="Share of the finest tokens merged before self-attention; faster, and less detail. 0 merges none.",
    )
    token_merging_ratio_img2img: float = setting(
        0.0, "Token merging ratio for img2img", slider=(0.0, 0.9, 0.1), note="0 takes the one above."
    )
    token_merging_ratio_hr: float = setting(
        0.0,
        "Token merging ratio for high-res pass",
        slider=(0.0, 0.9, 0.1),
        infotext="Token merging ratio hr",
        note="0 takes the one of the first pass.",
    )

    def first_pass(self, *, from_picture: bool) -> float:
        return (self.token_merging_ratio_img2img if from_picture else 0) or self.token_merging_ratio

    def high_res_pass(self) -> float:
        return self.token_merging_ratio_hr or self.token_merging_ratio


class PassOptions(Options, section=Section("sd", "Stable Diffusion", "sd")):
    """What may change between a picture's passes, and within one."""

    tiling: bool = setting(
        False, "Tiling", infotext="Tiling", note="Pictures whose edges fit together, for repeating them."
    )
    hires_fix_refiner_pass: Literal["first pass", "second pass", "both passes"] = setting(
        "second pass",
        "Hires fix: which pass to enable refiner for",
        choices=("first pass", "second pass", "both passes"),
        infotext="Hires refiner",
    )


class PassCompatibility(Options, section=Section("compatibility", "Compatibility", "sd")):
    """Ways of older versions."""

    hires_fix_use_firstpass_conds: bool = setting(
        False,
        "For hires fix, calculate conds of second pass using extra networks of first pass",
        note="As in versions before 1.4: the second pass's prompts are read by the first pass's model and networks.",
    )
    refiner_switch_by_sample_steps: bool = setting(
        False,
        "Switch to refiner by sampling steps instead of model timesteps",
        infotext="Refiner switch by sampling steps",
        note="As in versions before 1.8.",
    )


class Img2ImgOptions(Options, section=Section("img2img", "img2img", "sd")):
    """How pictures are made out of pictures. Those of the page itself are the page's."""

    inpainting_mask_weight: float = setting(
        1.0,
        "Inpainting conditioning mask strength",
        slider=(0.0, 1.0, 0.01),
        infotext="Conditional mask weight",
        note="How little of what is masked an inpainting model is shown; 0 shows all of it.",
    )
    initial_noise_multiplier: float = setting(
        1.0, "Noise multiplier for img2img", slider=(0.0, 1.5, 0.001), infotext="Noise multiplier"
    )
    img2img_extra_noise: float = setting(
        0.0, "Extra noise multiplier for img2img and hires fix", slider=(0.0, 1.0, 0.01), infotext="Extra noise"
    )
    img2img_color_correction: bool = setting(
        False, "Apply color correction to img2img results to match original colors"
    )
    img2img_fix_steps: bool = setting(
        False,
        "With img2img, do exactly the amount of steps the slider specifies",
        note="Normally fewer steps are made with less denoising.",
    )
    img2img_background_color: Text = setting(
        "#ffffff", "With img2img, fill transparent parts of the input image with this color"
    )
    return_mask: bool = setting(False, "For inpainting, include the greyscale mask in results")
    return_mask_composite: bool = setting(False, "For inpainting, include masked composite in results")
    overlay_inpaint: bool = setting(True, "Overlay original for inpaint", note="What is not masked stays as it was.")
