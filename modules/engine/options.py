"""Settings of this package: which model is loaded, with which VAE, in how many bits."""

from __future__ import annotations

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
    auto_vae_precision: bool = setting(
        True,
        "Automatically revert VAE to 32-bit floats",
        note="When the VAE gives NaNs, the picture is decoded again in 32 bits.",
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
