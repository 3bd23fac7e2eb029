"""The LoRA family: files read, and what each kind adds to a weight. Start with `Network.read`, then `delta`.

Let W [out, in, ...] be a weight of the model. Kinds, told by the names beside a module's key:

    LoRA, LoCon   up·down, with "mid" the core of a Tucker decomposition
    LoHa          (w1_a·w1_b) ∘ (w2_a·w2_b)           Hyeon-Woo et al. 2022 (arXiv:2108.06098)
    LoKr          w1 ⊗ w2                             Edalati et al. 2022 (arXiv:2212.10650)
    IA3           W scaled by rows or columns         Liu et al. 2022 (arXiv:2205.05638)
    GLoRA         W·a2·a1 + b2·b1                     Chavan et al. 2023 (arXiv:2306.07967)
    OFT, BOFT     R·W - W, R orthogonal               Qiu et al. 2023 (arXiv:2306.07280), Liu et al. 2024 (2311.06243)
    DoRA          any of them, the sum's columns brought to learned lengths; Liu et al. 2024 (arXiv:2402.09353)
    diff, norm    the difference itself

Each is multiplied by alpha/rank where the file has an alpha, and by the tag's weight.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from modules.foundation.errors import BadFile
from modules.networks import embedding
from modules.networks.embedding import Embedding
from modules.weights.lora_keys import Place, Places, made_for, split
from modules.weights.reader import opened

Weights = Mapping[str, Tensor]
"""One module's tensors by the names that `lora_keys.split` gives."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A file of the LoRA family, read for one model.

    `unknown` are modules of the file that the model does not have, `family` is whom the file was made for, if it tells.
    """

    modules: Mapping[Place, Weights]
    unknown: tuple[str, ...]
    family: str | None
    bundled: Mapping[str, Embedding]
    """Embeddings that came with it, by name."""

    @classmethod
    def read(cls, path: Path, places: Places) -> Network:
        """Raises BadFile if the file is damaged or no network, NotFound if it is gone, UnsafeFile if it runs code."""
        found: dict[str, dict[str, Tensor]] = {}
        bundled: dict[str, dict[str, Tensor]] = {}
        with opened(path) as file:
            family = made_for(file.shapes, file.metadata)
            for key in file.shapes:
                if key.startswith("bundle_emb."):
                    _, name, tensor = key.split(".", 2) if key.count(".") > 1 else ("", key[11:], "emb_params")
                    bundled.setdefault(name, {})[tensor] = file.tensor(key).clone()
                elif spelled := split(key):
                    module, weight = spelled
                    found.setdefault(module, {})[weight] = file.tensor(key).clone()
            told = _told_scales(file.metadata)
        if not found and not bundled:
            raise BadFile(f"{path.name} is no network of the LoRA family: none of its keys is known.")
        modules: dict[Place, Weights] = {}
        unknown: list[str] = []
        for module, weights in found.items():
            place = places.find(module)
            if place is None:
                unknown.append(module)
            elif _kind(weights) is not None or "diff_b" in weights:
                modules[place] = {**modules.get(place, {}), **_with_scale(module, weights, told)}
            else:
                unknown.append(module)
        words = {name: embedding.parse(content, path, name) for name, content in bundled.items()}
        return cls(modules, tuple(unknown), family, words)


def delta(
    weights: Weights, original: Tensor, multiplier: float, dyn: int | None = None
) -> tuple[Tensor | None, Tensor | None]:
    """What is added to a module's weight and to its bias, None where nothing is.

    Computed where `original` is, in its type; bf16 and narrower types in float32, as their sums would lose the
    small numbers this is about. `dyn` keeps so many of a LoRA's ranks. Raises BadFile if shapes do not fit.
    """
    dtype = original.dtype if original.dtype in (torch.float16, torch.float32, torch.float64) else torch.float32
    own = {name: tensor.to(original.device, None if name in _AS_STORED else dtype) for name, tensor in weights.items()}
    bias = own.get("diff_b", own.get("b_norm"))
    kind = _kind(own)
    added = None
    if kind is not None:
        original = original.to(dtype)
        try:
            added = _finished(own, kind(own, original, dyn), original) * multiplier
        except (RuntimeError, IndexError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise BadFile(f"its shapes do not fit a weight of {_spelled(original.shape)}") from None
    return added, bias * multiplier if bias is not None else None


_AS_STORED: Final = frozenset(("alpha", "scale", "on_input", "bias_indices", "bias_size"))


def _finished(weights: Weights, added: Tensor, original: Tensor) -> Tensor:
    """The difference in the weight's shape, with the file's own factor."""
    if "bias_values" in weights:
        added = added + _sparse(weights).to(added).reshape(added.shape)
    if added.numel() != original.numel():
        added = _padded(added, original)
    added = added.reshape(original.shape) * _scale(weights)
    return _decomposed(weights["dora_scale"], added, original) if "dora_scale" in weights else added


def _spelled(shape: torch.Size) -> str:
    return "x".join(map(str, shape))


def _padded(added: Tensor, original: Tensor) -> Tensor:
    """Networks made for a model know nothing of the inputs that its inpainting variant has besides the latent."""
    if added.dim() == original.dim() == 4 and added.shape[1] < original.shape[1] and original.shape[1] in (5, 8, 9):
        return functional.pad(added, (0, 0, 0, 0, 0, original.shape[1] - added.shape[1]))
    return added


def _scale(weights: Weights) -> float:
    if "scale" in weights:
        return weights["scale"].item()
    if "oft_blocks" in weights or "oft_diag" in weights:
        return 1.0  # their alpha limits the rotation
    rank = next((weights[name].shape[axis] for name, axis in _RANK if name in weights), None)
    return weights["alpha"].item() / rank if rank and "alpha" in weights else 1.0


_RANK: Final = (
    ("down", 0),
    ("hada_w1_b", 0),
    ("lokr_w2_b", 0),
    ("lokr_w1_b", 0),
    ("b1", 0),
)
"""Which tensor tells a kind's rank, and by which of its sides. LoKr's second factor counts before its first."""


def _decomposed(lengths: Tensor, added: Tensor, original: Tensor) -> Tensor:
    """DoRA: the sum with its columns (rows, where the file has a length for each output) brought to `lengths`."""
    whole = original + added
    by_output = lengths.dim() == 1 or (lengths.shape[0] == whole.shape[0] and lengths.numel() == whole.shape[0] != 1)
    axis = 0 if by_output else 1
    norms = whole.transpose(0, axis).flatten(1).norm(dim=1)
    shape = [1] * whole.dim()
    shape[axis] = -1
    return whole * (lengths.reshape(shape) / norms.reshape(shape)) - original


def _sparse(weights: Weights) -> Tensor:
    size = tuple(int(n) for n in weights["bias_size"])
    return torch.sparse_coo_tensor(weights["bias_indices"].long(), weights["bias_values"], size).to_dense()


Kind = Callable[[Weights, Tensor, int | None], Tensor]


def _kind(weights: Weights) -> Kind | None:
    """How the difference is computed from what a module has, by the names that are there."""
    for needed, kind in _KINDS:
        if all(name in weights for name in needed):
            return kind
    return None


def _lora(weights: Weights, _original: Tensor, dyn: int | None) -> Tensor:
    up, down = weights["up"], weights["down"]
    if "mid" in weights:
        return torch.einsum("nmkl,in,mj->ijkl", weights["mid"], up.flatten(1), down.flatten(1))
    return _product(up, down, dyn)


def _product(up: Tensor, down: Tensor, dyn: int | None = None) -> Tensor:
    """[out, rank]·[rank, in, ...]; what convolves does so in the second factor."""
    flat = up.flatten(1)[:, :dyn] @ down.flatten(1)[:dyn]
    return flat.reshape(up.shape[0], *down.shape[1:])


def _tucker(core: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Core [r, r, k, l] with factors [r, out] and [r, in]."""
    return torch.einsum("rskl,ro,si->oikl", core, a, b)


def _loha(weights: Weights, _original: Tensor, _dyn: int | None) -> Tensor:
    halves = [
        _tucker(weights[f"hada_t{n}"], weights[f"hada_w{n}_a"], weights[f"hada_w{n}_b"])
        if f"hada_t{n}" in weights
        else _product(weights[f"hada_w{n}_a"], weights[f"hada_w{n}_b"])
        for n in (1, 2)
    ]
    return halves[0] * halves[1]


def _lokr(weights: Weights, _original: Tensor, _dyn: int | None) -> Tensor:
    first = weights["lokr_w1"] if "lokr_w1" in weights else weights["lokr_w1_a"] @ weights["lokr_w1_b"]
    if "lokr_w2" in weights:
        second = weights["lokr_w2"]
    elif "lokr_t2" in weights:
        second = _tucker(weights["lokr_t2"], weights["lokr_w2_a"], weights["lokr_w2_b"])
    else:
        second = _product(weights["lokr_w2_a"], weights["lokr_w2_b"])
    return torch.kron(first.reshape(*first.shape, *[1] * (second.dim() - first.dim())), second.contiguous())


def _ia3(weights: Weights, original: Tensor, _dyn: int | None) -> Tensor:
    scales = weights["weight"] if "weight" in weights else weights["ia3_l"] - 1
    by_input = bool(weights["on_input"].item()) if "on_input" in weights else scales.shape[0] == 1
    shape = [1] * original.dim()
    shape[1 if by_input else 0] = -1
    return original * scales.reshape(shape)


def _full(weights: Weights, _original: Tensor, _dyn: int | None) -> Tensor:
    return weights["diff"] if "diff" in weights else weights["w_norm"]


def _glora(weights: Weights, original: Tensor, _dyn: int | None) -> Tensor:
    a1, a2, b1, b2 = (weights[name].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    flat = original.flatten(1)
    return (b2 @ b1 + flat @ a2 @ a1).reshape(original.shape)


def _rotated(weights: Weights, original: Tensor, _dyn: int | None) -> Tensor:
    """OFT's blocks turn the outputs group by group; BOFT's do so several times, the outputs shuffled between."""
    blocks = weights["oft_blocks"] if "oft_blocks" in weights else weights["oft_diag"]
    if "oft_blocks" in weights:  # old files have the rotations themselves
        eye = torch.eye(blocks.shape[-1], device=blocks.device, dtype=blocks.dtype)
        skew = blocks - blocks.transpose(-1, -2)
        limit = weights["alpha"].item() * original.shape[0] if "alpha" in weights else 0.0
        if limit:
            norm = skew.flatten().norm()
            skew = skew * ((norm.clamp(max=limit) + 1e-8) / (norm + 1e-8))
        # torch inverts no 16-bit matrices.
        blocks = (eye + skew) @ (eye - skew).float().inverse().to(skew)
    turned = _butterfly(blocks, original) if blocks.dim() == 4 else _turned(blocks.transpose(-1, -2), original)
    if "rescale" in weights:
        turned = turned * weights["rescale"].reshape(-1, *[1] * (original.dim() - 1))
    return turned - original


def _turned(blocks: Tensor, weight: Tensor) -> Tensor:
    """Each of k groups of n outputs multiplied by its block; blocks [k, n, n]."""
    grouped = weight.reshape(-1, blocks.shape[-1], *weight.shape[1:])
    return torch.einsum("knm,km...->kn...", blocks, grouped).reshape(weight.shape)


def _butterfly(blocks: Tensor, weight: Tensor) -> Tensor:
    """BOFT's factors [m, k, n, n], one after another; factor i joins outputs that are 2^i half blocks apart."""
    half = blocks.shape[-1] // 2
    for i, factor in enumerate(blocks):
        apart = 2**i * half
        shuffled = weight.unflatten(0, (-1, 2, apart)).transpose(1, 2).flatten(0, 2)
        turned = _turned(factor, shuffled)
        weight = turned.unflatten(0, (-1, apart, 2)).transpose(1, 2).flatten(0, 2)
    return weight


_KINDS: Final[tuple[tuple[tuple[str, ...], Kind], ...]] = (
    (("up", "down"), _lora),
    (("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), _loha),
    (("weight", "on_input"), _ia3),
    (("ia3_l",), _ia3),
    *((("lokr_w1", *second), _lokr) for second in (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))),
    *((("lokr_w1_a", "lokr_w1_b", *second), _lokr) for second in (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))),
    (("diff",), _full),
    (("w_norm",), _full),
    (("a1", "a2", "b1", "b2"), _glora),
    (("oft_blocks",), _rotated),
    (("oft_diag",), _rotated),
)
"""A module is of the first kind all of whose tensors it has."""


def _told_scales(metadata: Mapping[str, str]) -> Mapping[str, float]:
    """Alpha/rank by part as diffusers writes it beside PEFT's keys, which have no alpha of their own."""
    try:
        config = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except ValueError:
        return {}
    found: dict[str, float] = {}
    for key, alpha in config.items() if isinstance(config, dict) else ():
        part, _, name = key.rpartition(".")
        rank = config.get(f"{part}.r")
        if name == "lora_alpha" and isinstance(alpha, int | float) and isinstance(rank, int) and rank > 0:
            found[part] = alpha / rank
    return found


def _with_scale(module: str, weights: Weights, told: Mapping[str, float]) -> Weights:
    scale = next((scale for part, scale in told.items() if module.startswith(f"{part}.")), None)
    if scale is None or "alpha" in weights or "scale" in weights:
        return weights
    return {**weights, "scale": torch.tensor(scale)}
