"""Settings of this package: which model is loaded, with which VAE, in how many bits."""

from __future__ import annotations

from modules.foundation.lenient import Int
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
