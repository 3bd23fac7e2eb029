"""Every spelling of a LoRA's key leads to the same module."""

from __future__ import annotations

import pytest

from modules.weights.lora_keys import Place, Places, made_for, split

TO_Q = "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q"
TO_OUT = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0"
CONV = "up_blocks.1.resnets.1.conv1"
FC1 = "encoder.layers.3.mlp.fc1"
Q_PROJ = "encoder.layers.3.self_attn.q_proj"
UNET = (
    *("conv_in", "time_embedding.linear_1", "down_blocks.0.resnets.0.conv1", "down_blocks.0.resnets.1.conv1"),
    *("down_blocks.0.attentions.0.proj_in", TO_Q, "down_blocks.1.resnets.0.conv1", TO_OUT),
    *("down_blocks.1.attentions.0.proj_in", "up_blocks.0.attentions.0.proj_in", "up_blocks.1.attentions.0.proj_in"),
    *("up_blocks.0.resnets.0.conv1", CONV, "up_blocks.0.upsamplers.0.conv", "conv_out"),
)
PLACES = Places({"unet": UNET, "text": (FC1, Q_PROJ)})

SPELLINGS = [
    ("lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q.lora_down.weight", "unet", TO_Q),
    ("lora_unet_input_blocks_2_1_transformer_blocks_0_attn1_to_q.lora_down.weight", "unet", TO_Q),
    ("lycoris_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q.lora_down.weight", "unet", TO_Q),
    (f"unet.{TO_Q}.lora.down.weight", "unet", TO_Q),
    (f"unet.{TO_Q}.lora_A.weight", "unet", TO_Q),
    (f"base_model.model.{TO_Q}.lora_A.default.weight", "unet", TO_Q),
    (f"base_model.model.unet.{TO_Q}.lora_A.weight", "unet", TO_Q),
    (f"{TO_Q.replace('to_q', 'processor.to_q')}_lora.down.weight", "unet", TO_Q),
    (f"unet.{TO_Q.replace('to_q', 'processor.to_q')}_lora.down.weight", "unet", TO_Q),
    ("diffusion_model.input_blocks.2.1.transformer_blocks.0.attn1.to_q.lora_down.weight", "unet", TO_Q),
    ("model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn1.to_q.lora_down.weight", "unet", TO_Q),
    ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_down.weight", "unet", TO_OUT),
    ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.down.weight", "unet", TO_OUT),
    ("lora_unet_middle_block_1_transformer_blocks_0_attn2_to_out_0.lora_down.weight", "unet", TO_OUT),
    ("lora_unet_up_blocks_1_resnets_1_conv1.lora_down.weight", "unet", CONV),
    ("lora_unet_output_blocks_4_0_in_layers_2.lora_down.weight", "unet", CONV),
    ("lora_te_text_model_encoder_layers_3_mlp_fc1.lora_down.weight", "text", FC1),
    ("lora_te1_text_model_encoder_layers_3_mlp_fc1.lora_down.weight", "text", FC1),
    ("lycoris_text_encoder_text_model_encoder_layers_3_mlp_fc1.lora_down.weight", "text", FC1),
    (f"text_encoder.text_model.{FC1}.lora_linear_layer.down.weight", "text", FC1),
    (f"text_encoder.text_model.{Q_PROJ}.lora_A.weight", "text", Q_PROJ),
    ("text_encoder.text_model.encoder.layers.3.self_attn.to_q_lora.down.weight", "text", Q_PROJ),
    (f"base_model.model.text_model.{Q_PROJ}.lora_A.weight", "text", Q_PROJ),
    (f"text_encoders.clip_l.transformer.text_model.{FC1}.lora_down.weight", "text", FC1),
    (f"cond_stage_model.transformer.text_model.{FC1}.lora_down.weight", "text", FC1),
    ("cond_stage_model.model.transformer.resblocks.3.mlp.c_fc.lora_down.weight", "text", FC1),
]


@pytest.mark.parametrize(("key", "part", "module"), SPELLINGS)
def test_a_spelling(key: str, part: str, module: str) -> None:
    spelled, weight = split(key) or ("", "")
    assert weight == "down"
    assert PLACES.find(spelled) == Place(part, module)


WEIGHTS = [
    ("a_b.lora_up.weight", "up"),
    ("a.b.lora_B.weight", "up"),
    ("a_b.lora_mid.weight", "mid"),
    ("a_b.alpha", "alpha"),
    ("a.b.lora.alpha", "alpha"),
    ("a_b.dora_scale", "dora_scale"),
    ("a.b.lora_magnitude_vector.weight", "dora_scale"),
    ("a.b.lora_magnitude_vector.default.weight", "dora_scale"),
    ("a_b.hada_w1_a", "hada_w1_a"),
    ("a_b.hada_t2", "hada_t2"),
    ("a_b.lokr_w2", "lokr_w2"),
    ("a_b.lokr_w1_b", "lokr_w1_b"),
    ("a_b.oft_blocks", "oft_blocks"),
    ("a_b.a1.weight", "a1"),
    ("a_b.b2.weight", "b2"),
    ("a_b.diff", "diff"),
    ("a_b.diff_b", "diff_b"),
    ("a_b.w_norm", "w_norm"),
    ("a_b.on_input", "on_input"),
    ("a_b.weight", "weight"),
]


@pytest.mark.parametrize(("key", "weight"), WEIGHTS)
def test_a_weights_name(key: str, weight: str) -> None:
    spelled, found = split(key) or ("", "")
    assert (spelled.replace(".", "_"), found) == ("a_b", weight)


def test_what_is_no_networks_key_is_none() -> None:
    assert split("position_ids") is None
    assert split("a.b.running_mean") is None


def test_modules_that_the_model_does_not_have_are_not_found() -> None:
    assert PLACES.find("lora_unet_down_blocks_7_attentions_0_proj_in") is None
    assert PLACES.find("lora_te2_text_model_encoder_layers_3_mlp_fc1") is None


def test_blocks_are_known_by_ldms_names() -> None:
    assert PLACES.ldm[TO_Q] == "input_blocks.2.1.transformer_blocks.0.attn1.to_q"
    assert PLACES.ldm[CONV] == "output_blocks.4.0.in_layers.2"


CROSS = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
MADE_FOR = [
    ({f"{CROSS}.lora_down.weight": (4, 768)}, {}, "SD1"),
    ({f"{CROSS}.lora_down.weight": (4, 1024)}, {}, "SD2"),
    ({f"{CROSS}.hada_w1_b": (4, 2048)}, {}, "SDXL"),
    ({"lora_te2_text_model_x.lora_down.weight": (4, 1280)}, {}, "SDXL"),
    ({"lora_unet_double_blocks_0_img_attn.lora_down.weight": (4, 3072)}, {"ss_base_model_version": "sd_v1"}, "Flux"),
    ({"transformer.single_transformer_blocks.0.x.lora_A.weight": (4, 3072)}, {}, "Flux"),
    ({f"{CROSS}.lora_down.weight": (4, 48)}, {"ss_base_model_version": "sd_v1"}, "SD1"),
    ({f"{CROSS}.lora_down.weight": (4, 48)}, {"ss_base_model_version": "sdxl_base_v1-0"}, "SDXL"),
    ({f"{CROSS}.lora_down.weight": (4, 48)}, {}, None),
]


@pytest.mark.parametrize(("shapes", "metadata", "family"), MADE_FOR)
def test_what_a_file_was_made_for(
    shapes: dict[str, tuple[int, ...]], metadata: dict[str, str], family: str | None
) -> None:
    assert made_for(shapes, metadata) == family
