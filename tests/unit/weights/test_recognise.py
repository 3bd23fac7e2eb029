"""What a file is, from key names and shapes as real files have them."""

from __future__ import annotations

import pytest

from modules.weights.recognise import is_vae, recognise

FIRST = "model.diffusion_model.input_blocks.0.0.weight"
CLIP = {"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": (49408, 768)}
OPEN_CLIP = {"cond_stage_model.model.token_embedding.weight": (49408, 1024)}


@pytest.mark.parametrize(
    ("shapes", "family", "variant"),
    [
        ({FIRST: (320, 4, 3, 3), **CLIP}, "sd1", ""),
        ({FIRST: (64, 4, 3, 3), **CLIP}, "sd1", ""),
        ({FIRST: (9, 4, 3, 3), **CLIP}, "sd1", ""),  # nine channels wide, not nine channels in
        ({FIRST: (320, 9, 3, 3), **CLIP}, "sd1", "inpainting"),
        ({FIRST: (320, 8, 3, 3), **CLIP}, "sd1", "instruct-pix2pix"),
        ({FIRST: (320, 4, 3, 3), **OPEN_CLIP}, "sd2", ""),
        ({FIRST: (320, 5, 3, 3), **OPEN_CLIP}, "sd2", "depth"),
        ({FIRST: (320, 4, 3, 3), "model.diffusion_model.label_emb.0.0.weight": (1,), **OPEN_CLIP}, "sd2", "unclip"),
        ({FIRST: (320, 4, 3, 3), "conditioner.embedders.0.transformer.x": (1,)}, "sdxl", ""),
    ],
)
def test_checkpoints(shapes: dict[str, tuple[int, ...]], family: str, variant: str) -> None:
    found = recognise(shapes)
    assert (found.family, found.variant) == (family, variant)
    assert "Stable Diffusion" in found.about


@pytest.mark.parametrize(
    ("key", "about"),
    [
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "a LoRA"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", "a LoRA"),
        ("unet.down_blocks.0.attentions.0.to_q.lora_A.weight", "a LoRA"),
        ("control_model.input_blocks.0.0.weight", "a ControlNet"),
        ("emb_params", "a textual inversion"),
        ("encoder.down.0.block.0.conv1.weight", "a VAE"),
        ("first_stage_model.encoder.conv_in.weight", "a VAE"),
        ("down_blocks.0.attentions.0.transformer_blocks.0.norm1.weight", "diffusers layout"),
        ("model.diffusion_model.joint_blocks.0.x_block.mlp.fc1.weight", "Stable Diffusion 3"),
        ("double_blocks.0.img_attn.qkv.weight", "Flux"),
        ("text_model.encoder.layers.0.mlp.fc1.weight", "a text encoder"),
        (FIRST, "a UNet without a text encoder"),
        ("something.else", "'something.else'"),
    ],
)
def test_other_kinds_are_named(key: str, about: str) -> None:
    found = recognise({key: (1, 1, 1, 1)})
    assert found.family == ""
    assert about in found.about


def test_an_empty_file() -> None:
    assert "it has none" in recognise({}).about


def test_vaes_with_and_without_the_checkpoints_prefix() -> None:
    assert is_vae({"encoder.down.0.block.0.conv1.weight": (1,)})
    assert is_vae({"first_stage_model.encoder.down.0.block.0.conv1.weight": (1,)})
    assert not is_vae({FIRST: (1,)})
