"""Networks' dimensions from shapes, family and yaml, and the contradictions that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.families.catalog import FAMILIES, find
from modules.families.dimensions import facts, text_dimensions, unet_dimensions, vae_dimensions
from modules.families.original_config import Section
from modules.foundation.errors import BadFile

SD1, SD2 = facts(FAMILIES[0]), facts(FAMILIES[1])


def _unet(widths: tuple[int, ...], attends: tuple[bool, ...], context: int = 768, linear: bool = False) -> Any:
    shapes: dict[str, tuple[int, ...]] = {
        "conv_in.weight": (widths[0], 4, 3, 3),
        "conv_out.weight": (4, widths[0], 3, 3),
    }
    for level, (width, attend) in enumerate(zip(widths, attends, strict=True)):
        for block in range(2):
            shapes[f"down_blocks.{level}.resnets.{block}.conv1.weight"] = (width, width, 3, 3)
            if attend:
                place = f"down_blocks.{level}.attentions.{block}"
                shapes[f"{place}.proj_in.weight"] = (width, width) if linear else (width, width, 1, 1)
                shapes[f"{place}.transformer_blocks.0.attn2.to_k.weight"] = (width, context)
    return shapes


def _vae(widths: tuple[int, ...]) -> Any:
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.conv_in.weight": (widths[0], 3, 3, 3),
        "decoder.conv_out.weight": (3, widths[0], 3, 3),
        "post_quant_conv.weight": (4, 4, 1, 1),
    }
    for level, width in enumerate(widths):
        for block in range(2):
            shapes[f"encoder.down_blocks.{level}.resnets.{block}.conv1.weight"] = (width, width, 3, 3)
    return shapes


def _text(width: int = 768) -> Any:
    return {
        "embeddings.token_embedding.weight": (49408, width),
        "embeddings.position_embedding.weight": (77, width),
        **{f"encoder.layers.{layer}.mlp.fc1.weight": (4 * width, width) for layer in range(12)},
    }


def _yaml(**values: Any) -> Section:
    return Section(Path("model.yaml"), "model.params.x", values)


def test_stable_diffusion_1_without_a_yaml() -> None:
    unet = unet_dimensions(_unet((320, 640, 1280, 1280), (True, True, True, False)), SD1["unet"], None)
    assert unet["block_out_channels"] == (320, 640, 1280, 1280)
    assert unet["down_block_types"] == ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    assert unet["up_block_types"] == ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    assert unet["attention_head_dim"] == (8, 8, 8, 8)
    assert (unet["cross_attention_dim"], unet["layers_per_block"], unet["norm_num_groups"]) == (768, 2, 32)
    assert not unet["use_linear_projection"]
    text = text_dimensions(_text(), SD1["text"], None)
    assert (text["num_attention_heads"], text["num_hidden_layers"], text["hidden_act"]) == (12, 12, "quick_gelu")
    assert (text["bos_token_id"], text["eos_token_id"], text["pad_token_id"]) == (49406, 49407, 49407)


def test_stable_diffusion_2_has_heads_of_64_channels() -> None:
    unet = unet_dimensions(
        _unet((320, 640, 1280, 1280), (True, True, True, False), 1024, linear=True), SD2["unet"], None
    )
    assert unet["attention_head_dim"] == (5, 10, 20, 20)
    assert unet["use_linear_projection"]


def test_the_yaml_says_heads_and_groups() -> None:
    shapes = _unet((64, 128, 192), (False, True, True), 160)
    yaml = _yaml(
        num_heads=4, norm_num_groups=8, model_channels=64, channel_mult=[1, 2, 3], attention_resolutions=[4, 2]
    )
    unet = unet_dimensions(shapes, SD1["unet"], yaml)
    assert (unet["attention_head_dim"], unet["norm_num_groups"]) == ((4, 4, 4), 8)
    assert unet["down_block_types"] == ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")
    vae = vae_dimensions(_vae((16, 32, 64, 128)), SD1["vae"], _yaml(norm_num_groups=4, ch=16, ch_mult=[1, 2, 4, 8]))
    assert (vae["block_out_channels"], vae["norm_num_groups"]) == ((16, 32, 64, 128), 4)
    text = text_dimensions(_text(160), SD1["text"], _yaml(hidden_size=160, num_attention_heads=4))
    assert (text["hidden_size"], text["num_attention_heads"]) == (160, 4)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"model_channels": 320, "channel_mult": [1, 2, 4]}, "320, 640, 1280 in .* but 64, 128, 192 in the weights"),
        ({"num_res_blocks": 1}, "num_res_blocks is 1"),
        ({"context_dim": 768}, "context_dim is 768"),
        ({"in_channels": 9}, "in_channels is 9"),
        ({"attention_resolutions": [4, 2, 1]}, "attention_resolutions is 1, 2, 4 .* but 2, 4"),
        ({"num_heads": 7}, "7 heads do not divide"),
        ({"num_head_channels": 60}, "heads of 60 channels do not divide"),
        ({"norm_num_groups": 48}, "48 groups"),
    ],
)
def test_a_yaml_that_does_not_fit_the_unet_is_refused(values: dict[str, Any], reason: str) -> None:
    shapes = _unet((64, 128, 192), (False, True, True), 160)
    with pytest.raises(BadFile, match=reason) as raised:
        unet_dimensions(shapes, SD1["unet"], _yaml(**values))
    assert "model.yaml" in str(raised.value)


def test_widths_that_need_a_yaml_say_so() -> None:
    with pytest.raises(BadFile, match="a yaml beside the file"):
        vae_dimensions(_vae((16, 32)), SD1["vae"], None)
    with pytest.raises(BadFile, match="12 heads do not divide; a yaml"):
        text_dimensions(_text(160), SD1["text"], None)


def test_a_yaml_that_does_not_fit_vae_or_text_encoder() -> None:
    with pytest.raises(BadFile, match="ch times ch_mult is 128, 256"):
        vae_dimensions(_vae((64, 128)), SD1["vae"], _yaml(ch=128, ch_mult=[1, 2]))
    with pytest.raises(BadFile, match=r"hidden_size is 768 .* but 48"):
        text_dimensions(_text(48), SD1["text"], _yaml(hidden_size=768))


def test_missing_parts_are_named() -> None:
    with pytest.raises(BadFile, match=r"lacks 'down_blocks\.0"):
        unet_dimensions({}, SD1["unet"], None)
    with pytest.raises(BadFile, match="cross-attention"):
        unet_dimensions(_unet((64,), (False,)), SD1["unet"], None)
    with pytest.raises(BadFile, match="token_embedding"):
        text_dimensions({}, SD1["text"], None)


def test_a_crafted_number_makes_no_endless_network() -> None:
    with pytest.raises(BadFile, match="of 1000000001 parts like"):
        text_dimensions({**_text(), "encoder.layers.1000000000.mlp.fc1.weight": (1, 1)}, SD1["text"], None)


def test_weights_of_too_few_axes_are_named() -> None:
    shapes = {**_text(), "embeddings.token_embedding.weight": (49408,)}
    with pytest.raises(BadFile, match=r"token_embedding.weight' has the shape \(49408,\), but 2 axes"):
        text_dimensions(shapes, SD1["text"], None)


@pytest.mark.parametrize(
    ("key", "rows"), [("token_embedding", 49407), ("position_embedding", 64)], ids=["vocabulary", "positions"]
)
def test_an_encoder_that_clips_tokens_do_not_fit(key: str, rows: int) -> None:
    with pytest.raises(BadFile, match="CLIP's are 49408 in 77"):
        text_dimensions({**_text(), f"embeddings.{key}.weight": (rows, 768)}, SD1["text"], None)


def test_families_are_found_by_name() -> None:
    assert find("sd1") is FAMILIES[0]
    assert find("sdxl") is None
