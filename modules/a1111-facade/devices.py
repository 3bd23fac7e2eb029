"""Where the model computes. torch is imported when something is asked for."""

from __future__ import annotations

from typing import Any

from modules._anchor import anchor


def __getattr__(name: str) -> Any:
    if name == "cpu":
        import torch

        return torch.device("cpu")
    if name == "device":
        import torch

        model = anchor.studio.models.current
        return model.device if model is not None else torch.device("cpu")
    raise AttributeError(f"module 'modules.devices' has no attribute '{name}'")


def torch_gc() -> None:
    """Give memory of the GPU back that is not in use."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
