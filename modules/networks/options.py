"""Settings of networks, by A1111's keys."""

from __future__ import annotations

from modules.foundation.lenient import Int
from modules.foundation.options import Options, Section, setting


class NetworkOptions(Options, section=Section("extra_networks", "Extra Networks", "sd")):
    """Which networks count besides those that prompts name, and what is told of them."""

    sd_lora: str = setting("None", "Add network to prompt", choices="loras", note="A LoRA that every prompt gets.")
    sd_hypernetwork: str = setting(
        "None", "Add hypernetwork to prompt", choices="hypernetworks", note="A hypernetwork that every prompt gets."
    )
    extra_networks_default_multiplier: float = setting(
        1.0, "Default multiplier for extra networks", slider=(0.0, 2.0, 0.01)
    )
    lora_preferred_name: str = setting(
        "Alias from file",
        "When adding to prompt, refer to Lora by",
        choices=("Alias from file", "Filename"),
        note="The alias is what its trainer called it.",
    )
    lora_in_memory_limit: Int = setting(
        0, "Number of Lora networks to keep cached in memory", slider=(0, 100, 1), note="Besides those in use."
    )
    lora_add_hashes_to_infotext: bool = setting(True, "Add Lora hashes to infotext")
    lora_bundled_ti_to_infotext: bool = setting(
        True, "Add Lora name as TI hashes for bundled Textual Inversion", note="For embeddings inside a LoRA's file."
    )
    textual_inversion_add_hashes_to_infotext: bool = setting(True, "Add Textual Inversion hashes to infotext")
