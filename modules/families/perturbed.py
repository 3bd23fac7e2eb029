"""The UNet with attention that looks at nothing around it: what perturbed-attention guidance turns away from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.nn import Module, ModuleList

from modules.families.stable_diffusion import predict
from modules.families.types import Told
from modules.foundation.errors import UserError


def predict_perturbed(unet: UNet2DConditionModel, x: Tensor, t: Tensor, conditioning: Told) -> Tensor:
    """As `predict`, with the identity for the attention map of the middle block's self-attention.

    Where Ahn et al. 2024 (arXiv:2403.17377) found the best results. Raises UserError for a network whose middle
    block has no attention.
    """
    with _looking_at_itself(unet):
        return predict(unet, x, t, conditioning)


@contextmanager
def _looking_at_itself(unet: UNet2DConditionModel) -> Iterator[None]:
    blocks = [block for block in unet.mid_block.modules() if isinstance(block, BasicTransformerBlock)]
    if not blocks:
        raise UserError("Perturbed-attention guidance needs attention in the network's middle block; this has none.")
    before = [block.attn1.processor for block in blocks]
    try:
        for block in blocks:
            block.attn1.processor = cast("AttnProcessor", _Identity())
        yield
    finally:
        for block, processor in zip(blocks, before, strict=True):
            block.attn1.processor = processor


class _Identity:
    """Every place attends to itself alone: the values go straight to the output projection."""

    def __call__(self, attn: Attention, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        values = hidden_states
        for layer in (cast("Module", attn.to_v), *cast("ModuleList", attn.to_out)):
            values = layer(values)
        return values
