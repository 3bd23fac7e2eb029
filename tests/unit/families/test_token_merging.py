"""Self-attention over merged tokens."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor

from modules.families import single_file, stable_diffusion
from modules.families.token_merging import merging
from modules.sampling.types import Conditioning

UNET = {
    "block_out_channels": (8, 16), "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), "layers_per_block": 1, "cross_attention_dim": 8,
    "attention_head_dim": (2, 2), "norm_num_groups": 4,
}  # fmt: skip
T = torch.tensor([500.0, 500.0])
CONDITIONING = Conditioning(torch.randn(2, 77, 8, generator=torch.Generator().manual_seed(2)))


def latent(h: int, w: int) -> Tensor:
    return torch.randn(2, 4, h, w, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def unet() -> Any:
    network = single_file.unet(UNET)
    torch.manual_seed(3)
    weights = [(key, torch.randn(value.shape) * 0.3) for key, value in network.state_dict().items()]
    single_file.fill(network, weights, torch.device("cpu"), torch.float32)
    return network.eval()


@torch.no_grad()
def seen(unet: Any, ratio: float, h: int, w: int) -> dict[int, int]:
    """Tokens of a block -> tokens its self-attention works on."""
    found: dict[int, int] = {}
    blocks = [block for block in unet.modules() if isinstance(block, BasicTransformerBlock)]
    hooks = []
    for block in blocks:
        sizes: list[int] = []

        def queries(_m: Any, args: Any, sizes: list[int] = sizes) -> None:
            sizes.append(args[0].shape[1])

        def outside(_m: Any, args: Any, kwargs: Any, _out: Any, sizes: list[int] = sizes) -> None:
            found[(args[0] if args else kwargs["hidden_states"]).shape[1]] = sizes[-1]

        hooks += [block.attn1.to_q.register_forward_pre_hook(queries)]
        hooks += [block.register_forward_hook(outside, with_kwargs=True)]
    with merging(unet, ratio, h, w):
        stable_diffusion.predict(unet, latent(h, w), T, CONDITIONING)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(("h", "w"), [(8, 8), (8, 12), (10, 6)])
def test_only_the_finest_level_works_on_fewer(unet: Any, h: int, w: int) -> None:
    coarse = (h // 2) * (w // 2)
    assert seen(unet, 0.5, h, w) == {h * w: h * w - int(h * w * 0.5), coarse: coarse}


@torch.no_grad()
def test_tokens_that_are_alike_lose_nothing(unet: Any) -> None:
    """Where each 2x2 is equal all through the network, merging half is the same as not merging."""
    block = next(block for block in unet.modules() if isinstance(block, BasicTransformerBlock))
    coarse = torch.randn(1, 8, 4, 4, generator=torch.Generator().manual_seed(4))
    tokens = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(2).transpose(1, 2)
    plain = block(tokens, encoder_hidden_states=CONDITIONING.context[:1])
    with merging(unet, 0.75, 8, 8):
        merged = block(tokens, encoder_hidden_states=CONDITIONING.context[:1])
    torch.testing.assert_close(merged, plain, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_network_is_left_as_it_was(unet: Any) -> None:
    plain = stable_diffusion.predict(unet, latent(8, 8), T, CONDITIONING)
    with merging(unet, 0.6, 8, 8):
        assert not torch.equal(stable_diffusion.predict(unet, latent(8, 8), T, CONDITIONING), plain)
    assert torch.equal(stable_diffusion.predict(unet, latent(8, 8), T, CONDITIONING), plain)
    with merging(unet, 0.0, 8, 8):
        assert torch.equal(stable_diffusion.predict(unet, latent(8, 8), T, CONDITIONING), plain)
