"""VAE files by name."""

from __future__ import annotations

from typing import Any

from modules._anchor import anchor


def __getattr__(name: str) -> Any:
    if name == "vae_dict":
        return {file.name: str(file.path) for file in anchor.studio.catalog.vaes()}
    raise AttributeError(f"module 'modules.sd_vae' has no attribute '{name}'")
