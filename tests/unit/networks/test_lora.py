"""What each kind of network adds to a weight, against the same computed element by element in float64."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from modules.foundation.errors import BadFile
from modules.networks.lora import Network, delta
from modules.weights.lora_keys import Place, Places

OUT, IN, RANK = 6, 4, 2
DRAWN = torch.Generator().manual_seed(3)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=DRAWN)


W = drawn(OUT, IN)
W_CONV = drawn(OUT, IN, 3, 3)


def added(
    weights: Mapping[str, Tensor], original: Tensor = W, multiplier: float = 1.0, dyn: int | None = None
) -> Tensor:
    found, bias = delta(weights, original, multiplier, dyn)
    assert found is not None and bias is None
    assert found.shape == original.shape
    return found


def check(found: Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=2e-6)


def product(*matrices: Tensor) -> np.ndarray:
    result = matrices[0].double().numpy()
    for matrix in matrices[1:]:
        rows, columns = result.shape[0], matrix.shape[1]
        result = np.array(
            [
                [sum(result[i, k] * float(matrix[k, j]) for k in range(len(matrix))) for j in range(columns)]
                for i in range(rows)
            ]
        )
    return result


def test_lora_is_scaled_by_alpha_over_rank_and_by_the_tag() -> None:
    up, down = drawn(OUT, RANK), drawn(RANK, IN)
    weights = {"up": up, "down": down, "alpha": torch.tensor(5.0)}
    check(added(weights, multiplier=0.7), product(up, down) * 5 / RANK * 0.7)
    del weights["alpha"]
    check(added(weights), product(up, down))
    check(added({**weights, "scale": torch.tensor(0.25)}), product(up, down) * 0.25)


def test_dyn_keeps_the_first_ranks() -> None:
    up, down = drawn(OUT, 3), drawn(3, IN)
    weights = {"up": up, "down": down, "alpha": torch.tensor(3.0)}
    check(added(weights, dyn=2), product(up[:, :2], down[:2]))
    check(added(weights, dyn=99), product(up, down))


def test_locon_convolves_in_its_second_factor() -> None:
    up, down = drawn(OUT, RANK, 1, 1), drawn(RANK, IN, 3, 3)
    expected = np.zeros((OUT, IN, 3, 3))
    for o, i, y, x, r in itertools.product(range(OUT), range(IN), range(3), range(3), range(RANK)):
        expected[o, i, y, x] += float(up[o, r, 0, 0]) * float(down[r, i, y, x])
    check(added({"up": up, "down": down}, W_CONV), expected)


def test_a_tucker_core_stands_between_the_factors() -> None:
    up, core, down = drawn(OUT, RANK, 1, 1), drawn(RANK, RANK, 3, 3), drawn(RANK, IN, 1, 1)
    expected = np.zeros((OUT, IN, 3, 3))
    for o, i, y, x, r, s in itertools.product(range(OUT), range(IN), range(3), range(3), range(RANK), range(RANK)):
        expected[o, i, y, x] += float(up[o, r, 0, 0]) * float(core[r, s, y, x]) * float(down[s, i, 0, 0])
    check(added({"up": up, "mid": core, "down": down}, W_CONV), expected)


def test_a_linear_network_fits_a_convolution_of_one_pixel_and_back() -> None:
    up, down = drawn(OUT, RANK), drawn(RANK, IN)
    check(added({"up": up, "down": down}, W[:, :, None, None]), product(up, down)[:, :, None, None])
    check(added({"up": up[:, :, None, None], "down": down[:, :, None, None]}), product(up, down))


def test_loha_multiplies_two_products_element_by_element() -> None:
    a1, b1, a2, b2 = drawn(OUT, RANK), drawn(RANK, IN), drawn(OUT, RANK), drawn(RANK, IN)
    weights = {"hada_w1_a": a1, "hada_w1_b": b1, "hada_w2_a": a2, "hada_w2_b": b2, "alpha": torch.tensor(1.0)}
    check(added(weights), product(a1, b1) * product(a2, b2) / RANK)


def test_loha_with_cores() -> None:
    weights = {name: drawn(RANK, RANK, 3, 3) for name in ("hada_t1", "hada_t2")}
    weights |= {"hada_w1_a": drawn(RANK, OUT), "hada_w2_a": drawn(RANK, OUT)}
    weights |= {"hada_w1_b": drawn(RANK, IN), "hada_w2_b": drawn(RANK, IN)}
    halves = [np.zeros((OUT, IN, 3, 3)) for _ in range(2)]
    for n, (o, i, y, x, r, s) in itertools.product(
        (1, 2), itertools.product(range(OUT), range(IN), range(3), range(3), range(RANK), range(RANK))
    ):
        core, a, b = weights[f"hada_t{n}"], weights[f"hada_w{n}_a"], weights[f"hada_w{n}_b"]
        halves[n - 1][o, i, y, x] += float(core[r, s, y, x]) * float(a[r, o]) * float(b[s, i])
    check(added(weights, W_CONV), halves[0] * halves[1])


@pytest.mark.parametrize("parts", ["w1 w2", "w1 ab2", "ab1 w2", "ab1 ab2"])
def test_lokr_is_a_kronecker_product(parts: str) -> None:
    weights: dict[str, Tensor] = {"alpha": torch.tensor(1.0)}
    factors: list[np.ndarray] = []
    for n, (rows, columns) in ((1, (2, 2)), (2, (3, 2))):
        if f"ab{n}" in parts:
            weights |= {f"lokr_w{n}_a": drawn(rows, RANK), f"lokr_w{n}_b": drawn(RANK, columns)}
            factors.append(product(weights[f"lokr_w{n}_a"], weights[f"lokr_w{n}_b"]))
        else:
            weights[f"lokr_w{n}"] = drawn(rows, columns)
            factors.append(weights[f"lokr_w{n}"].double().numpy())
    scale = 1 / RANK if "ab" in parts else 1  # with whole factors there is no rank, and alpha means nothing
    expected = np.array(
        [[factors[0][i // 3, j // 2] * factors[1][i % 3, j % 2] for j in range(IN)] for i in range(OUT)]
    )
    check(added(weights), expected * scale)


def test_lokr_of_a_convolution() -> None:
    first, second = drawn(2, 2), drawn(3, 2, 3, 3)
    expected = np.array(
        [[float(first[i // 3, j // 2]) * second[i % 3, j % 2].numpy() for j in range(IN)] for i in range(OUT)]
    )
    check(added({"lokr_w1": first, "lokr_w2": second}, W_CONV), expected)


def test_ia3_scales_outputs_or_inputs() -> None:
    outputs, inputs = drawn(OUT), drawn(IN)
    check(added({"weight": outputs, "on_input": torch.tensor(False)}), W.numpy() * outputs.numpy()[:, None])
    check(added({"weight": inputs, "on_input": torch.tensor(True)}), W.numpy() * inputs.numpy()[None, :])
    # PEFT stores what the outputs are multiplied by, not what is added.
    check(added({"ia3_l": outputs[:, None]}), W.numpy() * (outputs.numpy()[:, None] - 1))
    check(added({"ia3_l": inputs[None, :]}), W.numpy() * (inputs.numpy()[None, :] - 1))


def test_glora() -> None:
    a1, a2, b1, b2 = drawn(RANK, IN), drawn(IN, RANK), drawn(RANK, IN), drawn(OUT, RANK)
    check(added({"a1": a1, "a2": a2, "b1": b1, "b2": b2}), product(W, a2, a1) + product(b2, b1))


def test_a_difference_is_added_as_it_is_with_its_bias() -> None:
    weight, bias = delta({"diff": W, "diff_b": drawn(OUT), "alpha": torch.tensor(9.0)}, W, 0.5)
    assert weight is not None and bias is not None
    assert torch.equal(weight, W * 0.5)
    weight, bias = delta({"w_norm": torch.ones(OUT), "b_norm": torch.full((OUT,), 2.0)}, torch.zeros(OUT), 0.5)
    assert weight is not None and bias is not None
    assert weight.tolist() == [0.5] * OUT and bias.tolist() == [1.0] * OUT


def rotation(skewed: Tensor) -> np.ndarray:
    q = skewed.double().numpy()
    q = q - q.T
    eye = np.eye(len(q))
    return (eye + q) @ np.linalg.inv(eye - q)


def test_oft_turns_groups_of_outputs() -> None:
    blocks = drawn(3, 2, 2) * 0.3
    expected = (
        np.concatenate([rotation(blocks[k]).T @ W[2 * k : 2 * k + 2].double().numpy() for k in range(3)]) - W.numpy()
    )
    check(added({"oft_blocks": blocks}), expected)
    lengths = np.linalg.norm((W + added({"oft_blocks": blocks})).reshape(3, 2, IN), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(W.reshape(3, 2, IN), axis=1), rtol=1e-5)


def test_oft_is_held_within_its_constraint() -> None:
    blocks, alpha = drawn(3, 2, 2), 0.01
    norm = float((blocks - blocks.transpose(1, 2)).double().norm())
    held = blocks * (alpha * OUT / norm)
    check(added({"oft_blocks": blocks, "alpha": torch.tensor(alpha)}), added({"oft_blocks": held}).numpy())


def test_old_oft_files_have_the_rotations_themselves() -> None:
    turned = torch.from_numpy(np.stack([rotation(block) for block in drawn(3, 2, 2)])).float()
    expected = np.concatenate([turned[k].numpy().T @ W[2 * k : 2 * k + 2].numpy() for k in range(3)]) - W.numpy()
    check(added({"oft_diag": turned}), expected)


def test_boft_turns_shuffled_outputs_factor_by_factor() -> None:
    weight = drawn(8, IN)
    blocks = drawn(2, 2, 4, 4) * 0.2
    rotations = [[rotation(block) for block in factor] for factor in blocks]
    expected = weight.double().numpy()
    for i, factor in enumerate(rotations):
        apart = 2**i * 2
        # Output c·2·apart + g·apart + k stands at c·2·apart + k·2 + g before it is cut into blocks.
        order = [c * 2 * apart + g * apart + k for c in range(8 // (2 * apart)) for k in range(apart) for g in range(2)]
        shuffled = expected[order]
        turned = np.concatenate([factor[b] @ shuffled[4 * b : 4 * b + 4] for b in range(2)])
        expected = np.empty_like(turned)
        expected[order] = turned
    check(added({"oft_blocks": blocks}, weight), expected - weight.numpy())


def test_a_rescaled_rotation() -> None:
    blocks, lengths = drawn(3, 2, 2), drawn(OUT, 1)
    plain = W + added({"oft_blocks": blocks})
    check(added({"oft_blocks": blocks, "rescale": lengths}), (lengths * plain - W).numpy())


@pytest.mark.parametrize("by_output", [False, True])
def test_dora_gives_columns_or_rows_their_length(by_output: bool) -> None:
    up, down = drawn(OUT, RANK), drawn(RANK, IN)
    lengths = drawn(OUT if by_output else IN).abs() + 1
    shaped = lengths[:, None] if by_output else lengths[None, :]
    weights = {"up": up, "down": down, "alpha": torch.tensor(1.0), "dora_scale": shaped}
    whole = W.double().numpy() + product(up, down) / RANK
    norms = np.linalg.norm(whole, axis=1 if by_output else 0, keepdims=True)
    check(added(weights, multiplier=0.5), (whole * shaped.numpy() / norms - W.numpy()) * 0.5)


def test_dora_of_a_convolution_measures_whole_inputs() -> None:
    up, down, lengths = drawn(OUT, RANK, 1, 1), drawn(RANK, IN, 3, 3), drawn(1, IN, 1, 1).abs() + 1
    found = W_CONV + added({"up": up, "down": down, "dora_scale": lengths}, W_CONV)
    np.testing.assert_allclose(found.transpose(0, 1).flatten(1).norm(dim=1), lengths.flatten(), rtol=1e-5)


def test_inputs_of_an_inpainting_model_that_the_network_does_not_know_are_left_alone() -> None:
    up, down = drawn(OUT, RANK, 1, 1), drawn(RANK, IN, 3, 3)
    wide = added({"up": up, "down": down}, drawn(OUT, 9, 3, 3))
    assert torch.equal(wide[:, :IN], added({"up": up, "down": down}, W_CONV))
    assert not wide[:, IN:].any()


def test_arithmetic_is_in_the_weights_own_16_bits_or_in_32() -> None:
    up, down = drawn(OUT, RANK), drawn(RANK, IN)
    half, _ = delta({"up": up, "down": down}, W.half(), 0.3)
    wide, _ = delta({"up": up.bfloat16(), "down": down.bfloat16()}, W.bfloat16(), 0.3)
    assert half is not None and wide is not None
    assert torch.equal(half, (up.half() @ down.half()) * 1.0 * 0.3)
    assert wide.dtype == torch.float32


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BadFile, match="do not fit a weight of 6x4"):
        delta({"up": drawn(OUT, RANK), "down": drawn(RANK, IN + 1)}, W, 1.0)


def places() -> Places:
    return Places({"text": ["encoder.layers.0.mlp.fc1"]})


def test_a_file_is_read_and_what_has_no_place_is_named(tmp_path: Path) -> None:
    key = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    tensors = {f"{key}.lora_up.weight": drawn(OUT, RANK), f"{key}.lora_down.weight": drawn(RANK, IN)}
    tensors |= {f"{key.replace('_0_', '_7_')}.lora_up.weight": drawn(OUT, RANK)}
    tensors |= {"bundle_emb.word.emb_params": drawn(2, IN)}
    save_file(tensors, tmp_path / "one.safetensors")
    network = Network.read(tmp_path / "one.safetensors", places())
    assert set(network.modules) == {Place("text", "encoder.layers.0.mlp.fc1")}
    assert network.unknown == ("lora_te_text_model_encoder_layers_7_mlp_fc1",)
    assert torch.equal(network.bundled["word"].vectors["text"], tensors["bundle_emb.word.emb_params"])


def test_diffusers_tells_alpha_and_rank_beside_the_tensors(tmp_path: Path) -> None:
    key = "text_encoder.text_model.encoder.layers.0.mlp.fc1"
    tensors = {f"{key}.lora_A.weight": drawn(RANK, IN), f"{key}.lora_B.weight": drawn(OUT, RANK)}
    said = '{"text_encoder.lora_alpha": 1, "text_encoder.r": 2}'
    save_file(tensors, tmp_path / "one.safetensors", metadata={"lora_adapter_metadata": said})
    [weights] = Network.read(tmp_path / "one.safetensors", places()).modules.values()
    up, down = tensors[f"{key}.lora_B.weight"], tensors[f"{key}.lora_A.weight"]
    check(added(weights), product(up, down) / 2)


def test_a_file_without_any_network_is_refused(tmp_path: Path) -> None:
    save_file({"model.x.running_mean": drawn(3)}, tmp_path / "one.safetensors")
    with pytest.raises(BadFile, match=r"one\.safetensors is no network of the LoRA family"):
        Network.read(tmp_path / "one.safetensors", places())
