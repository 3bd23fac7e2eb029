"""Networks put on a model, exchanged and taken away."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from modules.engine.model import ModelHandle
from modules.foundation.errors import UserError
from modules.networks import lora, patch
from modules.networks.blocks import PRESETS, factor, read
from modules.networks.patch import NOTHING, File, PatchSet, WeightPatch, ensure
from tests.unit.networks.model_weights import weights

DRAWN = torch.Generator().manual_seed(1)
TO_K = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
TO_K_NAME = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
MID = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
MID_NAME = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
FC1 = "lora_te_text_model_encoder_layers_0_mlp_fc1"
FC1_NAME = "text.encoder.layers.0.mlp.fc1.weight"


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=DRAWN)


def file(folder: Path, name: str, **tensors: Tensor) -> File:
    path = folder / f"{name}.safetensors"
    save_file({key.replace("__", "."): tensor for key, tensor in tensors.items()}, path)
    return File(name, path, path.stat().st_mtime_ns)


def pair(module: str, out: int, inputs: int) -> dict[str, Tensor]:
    return {f"{module}.lora_up.weight": drawn(out, 2), f"{module}.lora_down.weight": drawn(2, inputs)}


@pytest.fixture
def both(tmp_path: Path) -> File:
    """A LoRA of one module of the UNet and one of the text encoder."""
    return file(tmp_path, "both", **pair(TO_K, 8, 8), **pair(FC1, 16, 8))


def changed(model: ModelHandle, before: object) -> set[str]:
    assert isinstance(before, dict)
    return {name for name, tensor in weights(model).items() if not torch.equal(tensor, before[name])}


def test_each_part_has_its_own_weight(model: ModelHandle, both: File) -> None:
    before = weights(model)
    [outcome] = ensure(model, PatchSet((WeightPatch(both, te=0.5, unet=2.0),)))
    assert (outcome.name, outcome.applied, outcome.unknown, outcome.refused) == ("both", 2, (), "")
    tensors = patch.Network.read(both.path, model.patched.places(model.parts)).modules
    after = weights(model)
    for name, strength in ((TO_K_NAME, 2.0), (FC1_NAME, 0.5)):
        [own] = [w for place, w in tensors.items() if f"{place.part}.{place.module}.weight" == name]
        torch.testing.assert_close(after[name], before[name] + own["up"] @ own["down"] * strength)
    assert changed(model, before) == {TO_K_NAME, FC1_NAME}


def test_a_part_with_weight_zero_is_left_alone(model: ModelHandle, both: File) -> None:
    before = weights(model)
    ensure(model, PatchSet((WeightPatch(both, te=0.0, unet=1.0),)))
    assert changed(model, before) == {TO_K_NAME}


def test_the_same_networks_again_cost_nothing(model: ModelHandle, both: File, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ensure(model, PatchSet((WeightPatch(both),)))
    monkeypatch.setattr(lora, "delta", None)
    monkeypatch.setattr(patch.Network, "read", None)
    assert ensure(model, PatchSet((WeightPatch(File("renamed", both.path, both.modified)),))) is first


def test_exchanging_networks_starts_from_the_models_own_weights(model: ModelHandle, both: File, tmp_path: Path) -> None:
    before = weights(model)
    other = file(tmp_path, "other", **pair(TO_K, 8, 8))
    ensure(model, PatchSet((WeightPatch(both),)))
    ensure(model, PatchSet((WeightPatch(other),)))
    exchanged = weights(model)
    assert changed(model, before) == {TO_K_NAME}
    ensure(model, NOTHING)
    ensure(model, PatchSet((WeightPatch(other),)))
    assert torch.equal(weights(model)[TO_K_NAME], exchanged[TO_K_NAME])


def test_networks_add_up_in_order(model: ModelHandle, tmp_path: Path) -> None:
    """The second one's factor is of what the first one left, as in A1111."""
    before = weights(model)[TO_K_NAME]
    difference = {f"{TO_K}.diff": drawn(8, 8)}
    scaling = {f"{TO_K}.weight": drawn(8), f"{TO_K}.on_input": torch.tensor(False)}
    first, second = file(tmp_path, "first", **difference), file(tmp_path, "second", **scaling)
    ensure(model, PatchSet((WeightPatch(first), WeightPatch(second, unet=0.5))))
    left = before + difference[f"{TO_K}.diff"]
    torch.testing.assert_close(weights(model)[TO_K_NAME], left + left * scaling[f"{TO_K}.weight"][:, None] * 0.5)


def test_a_bias_is_given_to_a_module_that_has_none_and_taken_again(model: ModelHandle, tmp_path: Path) -> None:
    bias = drawn(8)
    given = file(tmp_path, "bias", **{f"{TO_K}.diff": drawn(8, 8), f"{TO_K}.diff_b": bias})
    ensure(model, PatchSet((WeightPatch(given, unet=0.5),)))
    assert torch.equal(weights(model)[TO_K_NAME.replace("weight", "bias")], bias * 0.5)


def test_16_bits_come_back_bit_by_bit(model: ModelHandle, both: File) -> None:
    with model.unet.ready() as unet:
        layer = unet.get_submodule(TO_K_NAME.removeprefix("unet.").removesuffix(".weight"))
    own = layer.weight.data
    try:
        layer.weight.data = own.half()
        ensure(model, PatchSet((WeightPatch(both, unet=0.37),)))
        assert layer.weight.dtype == torch.float16
        assert not torch.equal(layer.weight, own.half())
        ensure(model, NOTHING)
        assert torch.equal(layer.weight, own.half())
    finally:
        layer.weight.data = own


def test_a_lora_of_another_family_is_refused_by_name(model: ModelHandle, both: File, tmp_path: Path) -> None:
    before = weights(model)
    wide = file(tmp_path, "wide", **pair(MID, 16, 8), **pair(TO_K, 8, 2048))
    outcomes = ensure(model, PatchSet((WeightPatch(both), WeightPatch(wide))))
    assert [(outcome.name, outcome.applied) for outcome in outcomes] == [("both", 2), ("wide", 0)]
    assert outcomes[1].refused.startswith("it was made for SDXL; its shapes do not fit a weight of 8x8")
    assert MID_NAME not in changed(model, before), "nothing of a refused network may stay"


def test_a_network_of_which_nothing_is_known_is_refused(model: ModelHandle, tmp_path: Path) -> None:
    flux = file(tmp_path, "flux", **pair("lora_unet_double_blocks_0_img_attn_proj", 8, 8))
    [outcome] = ensure(model, PatchSet((WeightPatch(flux),)))
    assert outcome.refused == "it was made for Flux."


def test_modules_without_a_place_are_told(model: ModelHandle, tmp_path: Path) -> None:
    some = file(tmp_path, "some", **pair(TO_K, 8, 8), **pair("lora_unet_down_blocks_5_resnets_0_conv1", 8, 8))
    [outcome] = ensure(model, PatchSet((WeightPatch(some),)))
    assert (outcome.applied, outcome.unknown) == (1, ("lora_unet_down_blocks_5_resnets_0_conv1",))


def test_a_damaged_file_is_refused_and_the_others_count(model: ModelHandle, both: File, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{not json")
    bad = File("bad", tmp_path / "bad.safetensors", 1)
    outcomes = ensure(model, PatchSet((WeightPatch(bad), WeightPatch(both))))
    assert "bad.safetensors" in outcomes[0].refused
    assert outcomes[1].applied == 2


def test_whatever_goes_wrong_the_model_is_as_it_was(
    model: ModelHandle, both: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = weights(model)
    real = lora.delta

    def failing(own: lora.Weights, original: Tensor, multiplier: float, dyn: int | None) -> object:
        if original.shape == (16, 8):
            raise MemoryError
        return real(own, original, multiplier, dyn)

    monkeypatch.setattr(lora, "delta", failing)
    with pytest.raises(MemoryError):
        ensure(model, PatchSet((WeightPatch(both),)))
    assert not changed(model, before)
    assert model.patched.applied == NOTHING


def test_what_changes_prompts_is_known(model: ModelHandle, both: File, tmp_path: Path) -> None:
    unet_only = file(tmp_path, "unet", **pair(TO_K, 8, 8))
    ensure(model, PatchSet((WeightPatch(both, te=0.5, unet=1.0), WeightPatch(unet_only))))
    assert model.patched.text_patches == (WeightPatch(both, te=0.5, unet=0.0),)
    ensure(model, PatchSet((WeightPatch(both, te=0.0),)))
    assert model.patched.text_patches == ()


def test_files_not_in_use_stay_read_up_to_a_limit(model: ModelHandle, tmp_path: Path) -> None:
    files = [file(tmp_path, f"n{n}", **pair(TO_K, 8, 8)) for n in range(4)]
    for one in files:
        ensure(model, PatchSet((WeightPatch(one),)), in_memory=2)
    assert list(model.patched.networks) == files[1:]
    ensure(model, NOTHING, in_memory=0)
    assert not model.patched.networks


def test_blocks_have_weights_of_their_own(model: ModelHandle, tmp_path: Path) -> None:
    before = weights(model)
    one = file(tmp_path, "one", **pair(TO_K, 8, 8), **pair(MID, 16, 8), **pair(FC1, 16, 8))
    ensure(model, PatchSet((WeightPatch(one, blocks=read("1,0,0,0,0,0,0,0.5,0,0,0,0,0,0,0,0,0")),)))
    halved = weights(model)
    assert changed(model, before) == {MID_NAME, FC1_NAME}
    ensure(model, PatchSet((WeightPatch(one),)))
    torch.testing.assert_close(halved[MID_NAME] - before[MID_NAME], (weights(model)[MID_NAME] - before[MID_NAME]) / 2)


@pytest.mark.parametrize(
    ("ldm", "name"),
    [("", "BASE"), ("time_embed.0", "BASE"), ("input_blocks.4.1.proj_in", "IN04"), ("output_blocks.11.1.x", "OUT11")],
)
def test_a_modules_block(ldm: str, name: str) -> None:
    names = ("BASE", "IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "M00", *(f"OUT{n:02}" for n in range(3, 12)))
    numbers = tuple(float(name == one) for one in names)
    assert factor(numbers, ldm) == 1.0
    assert sum(factor(tuple(float(n == k) for n in range(17)), ldm) for k in range(17)) == 1.0


def test_lists_of_block_weights() -> None:
    assert read(" MIDD ") == PRESETS["MIDD"]
    assert all(len(numbers) == 17 for numbers in PRESETS.values())
    with pytest.raises(UserError, match="'lbw=1,2' is neither one of NONE"):
        read("1,2")
