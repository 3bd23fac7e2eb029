"""Hypernetworks: their layers against the same written out, and their place before keys and values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from modules.engine.model import ModelHandle
from modules.foundation.errors import BadFile, UnsafeFile
from modules.networks.hypernetwork import Structure, activated, build, default_dropout, read
from modules.networks.patch import NOTHING, File, HypernetPatch, PatchSet, ensure

DRAWN = torch.Generator().manual_seed(5)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=DRAWN)


def states(structure: Structure, size: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    names = build(structure, size).state_dict()
    keys, values = ({f"linear.{k}": drawn(*v.shape) for k, v in names.items()} for _ in range(2))
    return keys, values


def write(path: Path, content: dict[Any, Any]) -> Path:
    torch.save(content, path)
    return path


def test_layers_in_order() -> None:
    structure = Structure(
        (1, 2, 2, 1), "relu", is_layer_norm=True, activate_output=False, dropout_structure=(0, 0.3, 0, 0)
    )
    kinds = [type(layer).__name__ for layer in build(structure, 4)]
    assert kinds == ["Linear", "ReLU", "LayerNorm", "Dropout", "Linear", "ReLU", "LayerNorm", "Linear", "LayerNorm"]
    assert [type(layer).__name__ for layer in build(Structure(activation_func="tanh"), 4)][-1] == "Tanh"
    assert [type(layer).__name__ for layer in build(Structure(activation_func="linear"), 4)] == ["Linear"] * 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swish", nn.Hardswish),
        ("linear", nn.Identity),
        ("leakyrelu", nn.LeakyReLU),
        ("elu", nn.ELU),
        ("gelu", nn.GELU),
        ("Mish", nn.Mish),
    ],
)
def test_an_activation_by_its_name(name: str, kind: type[nn.Module]) -> None:
    assert type(activated(name)) is kind


def test_unknown_activations_are_named() -> None:
    with pytest.raises(BadFile, match="'multiheadattention'"):
        activated("multiheadattention")
    with pytest.raises(BadFile, match="'wobble'"):
        activated("wobble")


@pytest.mark.parametrize(
    ("layers", "last", "on", "off"),
    [
        (3, True, (0, 0.3, 0), (0, 0, 0)),
        (4, True, (0, 0.3, 0.3, 0), (0, 0.3, 0, 0)),
        (5, True, (0, 0.3, 0.3, 0.3, 0), (0, 0.3, 0.3, 0, 0)),
    ],
)
def test_dropout_of_files_that_have_none_written(layers: int, last: bool, on: Any, off: Any) -> None:
    assert default_dropout(layers, used=True, last=last) == on
    assert default_dropout(layers, used=True, last=False) == off
    assert default_dropout(layers, used=False, last=last) == (0,) * layers


def test_a_file_is_read(tmp_path: Path) -> None:
    structure = Structure((1, 1.5, 1), "tanh", activate_output=False)
    keys, values = states(structure, 4)
    told = {"layer_structure": [1, 1.5, 1], "activation_func": "tanh", "activate_output": False, "name": "n", "step": 7}
    found = read(write(tmp_path / "n.pt", {4: (keys, values), **told}))
    assert found.structure == structure
    assert found.about["step"] == 7
    x = drawn(3, 4)
    for network, state in zip(found.sizes[4], (keys, values), strict=True):
        hidden = (x @ state["linear.0.weight"].T + state["linear.0.bias"]).tanh()
        torch.testing.assert_close(network(x), hidden @ state["linear.2.weight"].T + state["linear.2.bias"])


def test_the_oldest_files_name_their_layers_otherwise(tmp_path: Path) -> None:
    state = {
        "linear1.weight": drawn(8, 4),
        "linear1.bias": drawn(8),
        "linear2.weight": drawn(4, 8),
        "linear2.bias": drawn(4),
    }
    found = read(write(tmp_path / "old.pt", {4: (state, state)}))
    x = drawn(2, 4)
    hidden = x @ state["linear1.weight"].T + state["linear1.bias"]
    torch.testing.assert_close(found.sizes[4][0](x), hidden @ state["linear2.weight"].T + state["linear2.bias"])


@pytest.mark.parametrize(
    "content",
    [
        {"name": "none"},
        {4: ({}, {})},
        {4: ({"linear.0.weight": torch.zeros(3, 3)}, {})},
        {4: 5},
        {4: ({}, {}), "layer_structure": "wrong"},
        {4: ({}, {}), "layer_structure": [1, 2, 1], "dropout_structure": [0.1]},
    ],
)
def test_what_is_no_hypernetwork_is_refused(tmp_path: Path, content: dict[Any, Any]) -> None:
    with pytest.raises(BadFile, match=r"wrong\.pt is no (whole )?hypernetwork"):
        read(write(tmp_path / "wrong.pt", content))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("true",)


def test_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeFile, match="system"):
        read(write(tmp_path / "evil.pt", {4: Evil()}))


def test_keys_and_values_are_computed_of_what_the_networks_give(model: ModelHandle, tmp_path: Path) -> None:
    structure = Structure()
    pair = states(structure, 8)
    files = [File(n, write(tmp_path / f"{n}.pt", {8: pair}), 1) for n in ("a", "b")]
    found = read(files[0].path)
    with model.unet.ready() as unet:
        attention = unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn2")
        own = {name: attention.get_submodule(name) for name in ("to_q", "to_k", "to_v")}
        context = drawn(1, 5, 8)
        plain = {name: layer(context) for name, layer in own.items()}
        [first, second] = ensure(
            model, PatchSet(hypernetworks=(HypernetPatch(files[0], 0.5), HypernetPatch(files[1], 2.0)))
        )
        assert (first.applied, second.refused) == (1, "")
        assert torch.equal(own["to_q"](context), plain["to_q"])
        for name, network in zip(("to_k", "to_v"), found.sizes[8], strict=True):
            once = context + network(context) * 0.5
            torch.testing.assert_close(own[name](context), (once + network(once) * 2.0) @ own[name].weight.T)
        ensure(model, NOTHING)
        assert all(torch.equal(layer(context), plain[name]) for name, layer in own.items())


def test_widths_that_a_file_lacks_are_left_alone(model: ModelHandle, tmp_path: Path) -> None:
    file = File("wide", write(tmp_path / "wide.pt", {16: states(Structure(), 16)}), 1)
    ensure(model, PatchSet(hypernetworks=(HypernetPatch(file),)))
    with model.unet.ready() as unet:
        narrow = unet.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k")
        wide = unet.get_submodule("mid_block.attentions.0.transformer_blocks.0.attn1.to_k")
        assert not narrow._forward_pre_hooks
        assert len(wide._forward_pre_hooks) == 1
