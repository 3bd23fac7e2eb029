"""Empty networks, filling them, and what the family asks of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from modules.families import preview, single_file, stable_diffusion
from modules.families.catalog import SD_PREVIEW
from modules.families.types import PreviewMap
from modules.foundation.errors import BadFile
from modules.sampling.types import Conditioning

CPU = torch.device("cpu")
TEXT = {
    "vocab_size": 49408, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
    "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 0,
}  # fmt: skip
UNET = {
    "block_out_channels": (8, 16), "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "layers_per_block": 1, "cross_attention_dim": 8,
    "attention_head_dim": (2, 2), "norm_num_groups": 4,
}  # fmt: skip
VAE = {
    "block_out_channels": (8, 8), "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2, "layers_per_block": 1, "norm_num_groups": 4, "latent_channels": 4,
}  # fmt: skip
TOKENS = torch.tensor([[49406, 320, 1746, *[49407] * 74]])


def _filled(network: Any, dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(3)
    weights = [(key, torch.randn(value.shape) * 0.2) for key, value in network.state_dict().items()]
    single_file.fill(network, weights, CPU, dtype)
    return network


@pytest.fixture(scope="module")
def encoder() -> Any:
    return _filled(single_file.text_encoder(TEXT, penultimate=False))


def test_an_empty_network_takes_no_memory() -> None:
    for network in (
        single_file.unet(UNET),
        single_file.vae(VAE, 0.2),
        single_file.text_encoder(TEXT, penultimate=True),
    ):
        assert all(parameter.is_meta for parameter in network.parameters())


def test_filling_converts_and_keeps_no_view() -> None:
    network = single_file.vae(VAE, 0.2)
    source = {key: torch.ones(value.shape, dtype=torch.float16) for key, value in network.state_dict().items()}
    single_file.fill(network, source.items(), CPU, torch.bfloat16)
    for value in source.values():
        value.zero_()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.bfloat16}
    assert all(bool((parameter == 1).all()) for parameter in network.parameters())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


def test_a_missing_weight_is_found_when_filling() -> None:
    network = single_file.vae(VAE, 0.2)
    weights = [(key, torch.ones(value.shape)) for key, value in network.state_dict().items()]
    with pytest.raises(BadFile, match="missing"):
        single_file.fill(network, weights[1:], CPU, torch.float32)


def test_checking_is_strict_both_ways() -> None:
    network = single_file.vae(VAE, 0.2)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    single_file.check(network, shapes, "VAE")
    first, *rest = shapes
    with pytest.raises(BadFile, match=f"1 weights are missing, the first is '{first}'"):
        single_file.check(network, {key: shapes[key] for key in rest}, "VAE")
    with pytest.raises(BadFile, match="1 weights too many, the first is 'more'"):
        single_file.check(network, {**shapes, "more": (1,)}, "VAE")
    with pytest.raises(BadFile, match=f"'{first}' is"):
        single_file.check(network, {**shapes, first: (9, 9)}, "VAE")


def test_clip_skip_is_the_final_norm_of_an_earlier_layer(encoder: Any) -> None:
    with torch.no_grad():
        states = encoder(input_ids=TOKENS, output_hidden_states=True).hidden_states
        for skip, layer in ((1, 3), (2, 2), (3, 1), (12, 1)):
            found = stable_diffusion.encode_tokens(encoder, TOKENS, skip)
            torch.testing.assert_close(found, encoder.final_layer_norm(states[layer]))
    assert found.shape == (1, 77, 8)


def test_encoders_of_sd2_always_read_the_second_last_layer(encoder: Any) -> None:
    penultimate = _filled(single_file.text_encoder(TEXT, penultimate=True))
    padded = TOKENS.clone()
    padded[0, 4:] = 0  # after the first end mark its own padding follows
    with torch.no_grad():
        expected = stable_diffusion.encode_tokens(encoder, padded, 2)
        for skip in (1, 2, 3):
            found = stable_diffusion.encode_tokens(penultimate, TOKENS, skip)
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_the_unet_answers_in_the_latents_own_type_and_size(dtype: torch.dtype, size: tuple[int, int]) -> None:
    unet = _filled(single_file.unet(UNET), dtype)
    x = torch.randn(2, 4, *size)
    with torch.no_grad():
        answer = stable_diffusion.predict(unet, x, torch.tensor([10.5, 900.0]), Conditioning(torch.randn(2, 77, 8)))
    assert answer.shape == x.shape
    assert answer.dtype == torch.float32
    assert bool(answer.isfinite().all())


def test_a_row_of_a_batch_does_not_depend_on_the_others() -> None:
    unet = _filled(single_file.unet(UNET))
    x, t, context = torch.randn(2, 4, 8, 8), torch.tensor([10.0, 900.0]), torch.randn(2, 77, 8)
    with torch.no_grad():
        both = stable_diffusion.predict(unet, x, t, Conditioning(context))
        second = stable_diffusion.predict(unet, x[1:], t[1:], Conditioning(context[1:]))
    torch.testing.assert_close(both[1:], second)


def test_pixels_are_in_range_and_the_scale_factor_counts() -> None:
    vae = _filled(single_file.vae(VAE, 0.5))
    latent = torch.randn(1, 4, 4, 6)
    with torch.no_grad():
        pixels = stable_diffusion.decode(vae, latent)
        raw = vae.decode(latent / 0.5).sample
        encoded = stable_diffusion.encode(vae, pixels)
        mean = vae.encode(2 * pixels - 1).latent_dist.mean
    assert pixels.shape == (1, 3, 8, 12)
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
    torch.testing.assert_close(pixels, ((raw + 1) / 2).clamp(0, 1))
    torch.testing.assert_close(encoded, mean * 0.5)


def test_a_nan_stays_a_nan_for_the_engine_to_find() -> None:
    vae = _filled(single_file.vae(VAE, 0.5))
    with torch.no_grad():
        assert bool(stable_diffusion.decode(vae, torch.full((1, 4, 4, 4), torch.nan)).isnan().any())


def test_the_preview_is_the_linear_map() -> None:
    latent = torch.zeros(1, 4, 2, 3)
    latent[0, 1, 0, 2] = 2.0
    colors = preview.colors(latent, SD_PREVIEW)
    assert colors.shape == (1, 3, 2, 3)
    assert colors[0, :, 1, 1].tolist() == [0.5, 0.5, 0.5]
    expected = [(1 + 2 * value) / 2 for value in (0.187, 0.286, 0.173)]
    assert colors[0, :, 0, 2].tolist() == pytest.approx(expected)
    shifted = preview.colors(latent, PreviewMap(SD_PREVIEW.weight, (3.0, 0.0, -3.0)))
    assert shifted[0, :, 1, 1].tolist() == [1.0, 0.5, 0.0]
