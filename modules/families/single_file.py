"""Networks out of single-file checkpoints: built without memory, then filled tensor by tensor.

`unet`, `vae` and `text_encoder` make an empty network of given dimensions; `fill` puts the weights in.
Nothing is initialised, copied twice or fetched. This is the only place that knows how diffusers' and
transformers' classes are constructed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from modules.foundation.errors import BadFile


def unet(dimensions: Mapping[str, Any]) -> UNet2DConditionModel:
    """An empty UNet, on the meta device."""
    with torch.device("meta"):
        network = UNet2DConditionModel(**dimensions)
    for name, module in list(network.named_modules()):
        if isinstance(module, Upsample2D):
            network.set_submodule(name, _Upsample(module.get_submodule("conv")))
    return network


class _Upsample(nn.Module):
    """Twice the size, then fitted to the skip connection, in A1111's order.

    The two differ where a level's size is odd (pictures whose sides are no multiple of 64); diffusers
    fits before the convolution, which gives another picture.
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, hidden_states: Tensor, output_size: torch.Size | None = None) -> Tensor:
        doubled = self.conv(functional.interpolate(hidden_states, scale_factor=2.0, mode="nearest"))
        if output_size is None or doubled.shape[-2:] == output_size:
            return doubled
        return functional.interpolate(doubled, size=tuple(output_size), mode="nearest")


def vae(dimensions: Mapping[str, Any], scale_factor: float) -> AutoencoderKL:
    """An empty VAE, on the meta device; `scale_factor` is kept in its config."""
    with torch.device("meta"):
        return AutoencoderKL(**dimensions, scaling_factor=scale_factor)


def text_encoder(dimensions: Mapping[str, Any], *, penultimate: bool) -> CLIPTextModel:
    """An empty text encoder, on the meta device. `penultimate` has `encode_tokens` always read one layer early."""
    with torch.device("meta"):
        config = CLIPTextConfig(**dimensions)
        config.update({"reads_penultimate": penultimate})
        return CLIPTextModel(config)


def check(module: nn.Module, shapes: Mapping[str, tuple[int, ...]], name: str) -> None:
    """Raise BadFile unless `shapes` are exactly those of the network's weights. `name` completes "The file's ..."."""
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    missing = sorted(expected.keys() - shapes.keys())
    if missing:
        raise BadFile(f"The {name} is incomplete: {len(missing)} weights are missing, the first is '{missing[0]}'.")
    unknown = sorted(shapes.keys() - expected.keys())
    if unknown:
        raise BadFile(f"The {name} has {len(unknown)} weights too many, the first is '{unknown[0]}'.")
    for key, shape in expected.items():
        if shapes[key] != shape:
            raise BadFile(f"The {name} does not fit: '{key}' is {shapes[key]} in the file, but {shape} are needed.")


def fill(module: nn.Module, tensors: Iterable[tuple[str, Tensor]], device: torch.device, dtype: torch.dtype) -> None:
    """Put weights into an empty network, converted one by one, then ready it for use without gradients.

    The tensors may be views of a file: none is kept. Call `check` first; raises BadFile if one is missing.
    """
    for name, tensor in tensors:
        place, _, leaf = name.rpartition(".")
        owned = torch.empty(tensor.shape, dtype=dtype, device=device).copy_(tensor)
        setattr(module.get_submodule(place), leaf, nn.Parameter(owned, requires_grad=False))
    for name, buffer in list(module.named_buffers()):
        if not buffer.is_meta:
            continue
        if not name.endswith("position_ids"):
            raise BadFile(f"The network's buffer '{name}' has no value.")
        place, _, leaf = name.rpartition(".")
        positions = torch.arange(buffer.shape[-1], device=device).expand(buffer.shape)
        module.get_submodule(place).register_buffer(leaf, positions, persistent=False)
    empty = next((name for name, parameter in module.named_parameters() if parameter.is_meta), None)
    if empty:
        raise BadFile(f"The weight '{empty}' is missing.")
    module.eval()
