"""The key maps: exact both ways at several widths and depths, and in agreement with diffusers' own converter."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from modules.foundation import torchvision_ops
from modules.foundation.errors import BadFile
from modules.weights import layouts

SHAPES = {
    "three levels, the first without attention": ((32, 64, 96), (False, True, True), 1),
    "starter": ((64, 128, 192), (False, True, True), 1),
    "four levels, sd1": ((32, 64, 64, 64), (True, True, True, False), 2),
    "attention everywhere": ((32, 32, 32), (True, True, True), 2),
    "attention in the middle level only": ((32, 64, 64), (False, True, False), 1),
    "two levels": ((32, 64), (True, False), 3),
}


@pytest.fixture(params=list(SHAPES), ids=lambda name: name.replace(" ", "-"))
def parts(request: pytest.FixtureRequest) -> tuple[Any, Any, Any]:
    """UNet, VAE and text encoder of one shape, with diffusers' own random weights."""
    torchvision_ops.declare()
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    widths, attends, blocks = SHAPES[request.param]
    unet = UNet2DConditionModel(
        block_out_channels=widths,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        layers_per_block=blocks,
        cross_attention_dim=16,
        norm_num_groups=8,
        attention_head_dim=4,
    )
    vae = AutoencoderKL(
        block_out_channels=tuple(width // 4 for width in widths),
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=blocks,
        norm_num_groups=4,
        latent_channels=4,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
            bos_token_id=48, eos_token_id=49, pad_token_id=49,
        )
    )  # fmt: skip
    return unet, vae, text


def _part(checkpoint: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in checkpoint.items() if key.startswith(prefix)}


def _same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key].shape == value.shape, key
        assert torch.equal(found[key], value), key


def test_round_trip_is_exact(parts: tuple[Any, Any, Any]) -> None:
    unet, vae, text = (part.state_dict() for part in parts)
    checkpoint = layouts.diffusers_to_ldm(unet, vae, text)
    for prefix, names_of, expected in (
        (layouts.UNET_PREFIX, layouts.unet_names, unet),
        (layouts.VAE_PREFIX, layouts.vae_names, vae),
        (layouts.CLIP_PREFIX, layouts.text_names, text),
    ):
        ldm = _part(checkpoint, prefix)
        names = names_of(ldm)
        _same({name: layouts.fitted(name, ldm[key]) for key, name in names.items()}, expected)


def test_the_ldm_file_is_what_diffusers_converter_reads(parts: tuple[Any, Any, Any]) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

    unet, vae, text = parts
    checkpoint = layouts.diffusers_to_ldm(unet.state_dict(), vae.state_dict(), text.state_dict())
    _same(convert_ldm_unet_checkpoint(dict(checkpoint), dict(unet.config)), unet.state_dict())
    _same(convert_ldm_vae_checkpoint(dict(checkpoint), dict(vae.config)), vae.state_dict())


def test_text_keys_are_spelled_as_sd1_files_spell_them() -> None:
    names = layouts.text_names_to_ldm(["embeddings.token_embedding.weight", "embeddings.position_ids"])
    assert names == {"embeddings.token_embedding.weight": "text_model.embeddings.token_embedding.weight"}


@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_older_text_keys_are_read_too(prefix: str) -> None:
    keys = [f"{prefix}final_layer_norm.weight", f"{prefix}embeddings.position_ids"]
    assert layouts.text_names(keys) == {keys[0]: "final_layer_norm.weight"}


def test_open_clip_projections_are_split_in_three() -> None:
    names = layouts.open_clip_names(
        ["positional_embedding", "transformer.resblocks.3.attn.in_proj_bias", "transformer.resblocks.3.mlp.c_fc.weight",
         "ln_final.bias", "text_projection", "logit_scale"]
    )  # fmt: skip
    assert names == {
        "positional_embedding": ("embeddings.position_embedding.weight",),
        "transformer.resblocks.3.attn.in_proj_bias": tuple(
            f"encoder.layers.3.self_attn.{part}_proj.bias" for part in "qkv"
        ),
        "transformer.resblocks.3.mlp.c_fc.weight": ("encoder.layers.3.mlp.fc1.weight",),
        "ln_final.bias": ("final_layer_norm.bias",),
    }


def test_a_key_without_a_place_is_named() -> None:
    keys = ["input_blocks.0.0.weight", "input_blocks.1.0.in_layers.0.weight", "label_emb.0.0.weight"]
    with pytest.raises(BadFile, match=r"label_emb\.0\.0\.weight"):
        layouts.unet_names(keys)


def test_a_checkpoint_without_unet_says_so() -> None:
    with pytest.raises(BadFile, match="UNet"):
        layouts.unet_names(["lora_unet_down.weight"])


def test_a_crafted_number_is_no_endless_loop() -> None:
    with pytest.raises(BadFile, match="input blocks are missing"):
        layouts.unet_names(["input_blocks.0.0.weight", "input_blocks.999999999999.0.in_layers.0.weight"])
    with pytest.raises(BadFile, match="incomplete"):
        layouts.vae_names(["encoder.down.0.block.0.conv1.weight", "encoder.down.99999999999.block.0.conv1.weight"])
