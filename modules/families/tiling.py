"""Pictures that can be laid side by side: every convolution sees the opposite edge beyond an edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def tiled(*networks: nn.Module) -> Iterator[None]:
    """Networks whose convolutions pad circularly, until they are as they were.

    Padding that a network makes by itself stays, such as before the VAE's downsampling, as in A1111.
    """
    changed: list[tuple[nn.Conv2d, Any]] = [
        (layer, layer.padding_mode)
        for network in networks
        for layer in network.modules()
        if type(layer) is nn.Conv2d and layer.padding_mode != "circular"
    ]
    try:
        for layer, _ in changed:
            layer.padding_mode = "circular"
        yield
    finally:
        for layer, before in changed:
            layer.padding_mode = before
