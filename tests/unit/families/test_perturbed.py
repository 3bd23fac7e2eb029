"""The network whose middle self-attention looks at nothing around it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.models.attention import BasicTransformerBlock

from modules.families import single_file, stable_diffusion
from modules.families.perturbed import predict_perturbed
from modules.foundation.errors import UserError
from modules.sampling.types import Conditioning

UNET = {
    "block_out_channels": (8, 16), "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "layers_per_block": 1, "cross_attention_dim": 8,
    "attention_head_dim": (2, 2), "norm_num_groups": 4,
}  # fmt: skip
X = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
T = torch.tensor([500.0, 500.0])
CONDITIONING = Conditioning(torch.randn(2, 77, 8, generator=torch.Generator().manual_seed(2)))


@pytest.fixture
def unet() -> Any:
    network = single_file.unet(UNET)
    torch.manual_seed(3)
    weights = [(key, torch.randn(value.shape) * 0.3) for key, value in network.state_dict().items()]
    single_file.fill(network, weights, torch.device("cpu"), torch.float32)
    return network.eval()


def middle(unet: Any) -> list[BasicTransformerBlock]:
    return [block for block in unet.mid_block.modules() if isinstance(block, BasicTransformerBlock)]


@torch.no_grad()
def test_it_is_the_network_with_every_query_and_key_forced_to_itself(unet: Any) -> None:
    perturbed = predict_perturbed(unet, X, T, CONDITIONING)
    normal = stable_diffusion.predict(unet, X, T, CONDITIONING)
    assert (perturbed - normal).abs().max() > 1e-3
    # The same by hand: attention over one place at a time is the identity map.
    (block,) = middle(unet)

    def alone(module: Any, args: tuple[torch.Tensor, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        hidden = args[0]
        each = hidden.reshape(-1, 1, hidden.shape[-1])
        return module.processor(module, each).reshape(hidden.shape)

    block.attn1.forward = lambda *args, **kwargs: alone(block.attn1, args, kwargs)  # type: ignore[method-assign]
    torch.testing.assert_close(stable_diffusion.predict(unet, X, T, CONDITIONING), perturbed, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_network_is_left_as_it_was(unet: Any) -> None:
    before = [block.attn1.processor for block in middle(unet)]
    normal = stable_diffusion.predict(unet, X, T, CONDITIONING)
    predict_perturbed(unet, X, T, CONDITIONING)
    with pytest.raises(RuntimeError):
        predict_perturbed(unet, X[:, :3], T, CONDITIONING)
    assert [block.attn1.processor for block in middle(unet)] == before
    assert torch.equal(stable_diffusion.predict(unet, X, T, CONDITIONING), normal)


def test_a_network_without_attention_there_is_refused(unet: Any) -> None:
    unet.mid_block.attentions = torch.nn.ModuleList()
    with pytest.raises(UserError, match="middle block"):
        predict_perturbed(unet, X, T, CONDITIONING)
