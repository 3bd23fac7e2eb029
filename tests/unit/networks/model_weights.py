"""A model's weights as they are now, for comparing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from modules.engine.model import ModelHandle


def weights(model: ModelHandle) -> dict[str, Tensor]:
    """Copies of all weights of the UNet and the text encoder."""
    found: dict[str, Tensor] = {}
    for part in (model.unet, model.text):
        with part.ready() as network:
            found |= {f"{part.name}.{name}": tensor.clone() for name, tensor in network.state_dict().items()}
    return found
