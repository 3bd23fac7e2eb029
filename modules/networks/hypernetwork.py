"""Hypernetworks: small residual networks on what attention reads. Start with `read`, then `attach`.

For each width d a file has two networks, one for keys and one for values. At every attention layer whose context is
d wide, keys and values are computed of x + multiplier·net(x) in place of x; queries are not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules import activation

from modules.foundation.errors import BadFile
from modules.weights.unpickle import unpickled

_OLD_LINEAR: Final = {"linear1.": "linear.0.", "linear2.": "linear.1."}


class Hook(Protocol):
    """What `attach` gives: `remove` undoes it."""

    def remove(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Structure:
    """How each network is built, in the words of the files.

    `layer_structure` are multiples of the width, from layer to layer; `dropout_structure` has a probability for each.
    """

    layer_structure: tuple[float, ...] = (1, 2, 1)
    activation_func: str | None = None
    is_layer_norm: bool = False
    activate_output: bool = True
    dropout_structure: tuple[float, ...] = (0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Hypernetwork:
    """A file read: the pair for keys and values by width, in float32, and what it says of itself."""

    structure: Structure
    sizes: Mapping[int, tuple[nn.Module, nn.Module]]
    about: Mapping[str, Any]


def read(path: Path) -> Hypernetwork:
    """Raises BadFile for a damaged file and for one that is no hypernetwork, UnsafeFile for one that runs code."""
    found = unpickled(path)
    pairs = {size: pair for size, pair in found.items() if type(size) is int} if isinstance(found, dict) else {}
    if not pairs:
        raise BadFile(f"{path.name} is no hypernetwork: it has no networks by width.")
    structure = _structure(found, path)
    try:
        sizes = {
            size: (_filled(structure, size, pair[0]), _filled(structure, size, pair[1])) for size, pair in pairs.items()
        }
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise BadFile(
            f"{path.name} is no whole hypernetwork: its weights do not fit its structure ({problem})."
        ) from None
    about = {key: value for key, value in found.items() if isinstance(key, str)}
    return Hypernetwork(structure, sizes, about)


def build(structure: Structure, size: int) -> nn.Sequential:
    """The network of one width, not initialised. Raises BadFile for an activation that does not exist."""
    layers: list[nn.Module] = []
    multiples = structure.layer_structure
    last = len(multiples) - 2
    for i in range(last + 1):
        layers.append(nn.Linear(int(size * multiples[i]), int(size * multiples[i + 1])))
        if structure.activation_func not in (None, "linear") and (i < last or structure.activate_output):
            layers.append(activated(structure.activation_func))
        if structure.is_layer_norm:
            layers.append(nn.LayerNorm(int(size * multiples[i + 1])))
        if structure.dropout_structure[i + 1] > 0:
            layers.append(nn.Dropout(structure.dropout_structure[i + 1]))
    return nn.Sequential(*layers)


def activations() -> Mapping[str, Callable[[], nn.Module]]:
    """Every activation by the name that files give it: torch's own in lower case, and two of A1111's."""
    found: dict[str, Callable[[], nn.Module]] = {
        name.lower(): made
        for name, made in inspect.getmembers(activation, inspect.isclass)
        if made.__module__ == activation.__name__ and issubclass(made, nn.Module)
    }
    return found | {"linear": nn.Identity, "swish": nn.Hardswish}


def activated(name: str) -> nn.Module:
    """A new activation layer. Raises BadFile for a name there is none of."""
    try:
        return activations()[name.lower()]()
    except (KeyError, TypeError):
        raise BadFile(f"The hypernetwork uses the activation '{name}', which does not exist here.") from None


def attach(unet: nn.Module, chain: Sequence[tuple[Hypernetwork, float]]) -> list[Hook]:
    """Put hypernetworks with their multipliers before the keys and values of every attention layer, in order."""
    hooks: list[Hook] = []
    for module in unet.modules():
        keys, values = getattr(module, "to_k", None), getattr(module, "to_v", None)
        if not (isinstance(keys, nn.Linear) and isinstance(values, nn.Linear)):
            continue
        for which, projection in enumerate((keys, values)):
            own = [
                (one.sizes[keys.in_features][which].to(projection.weight.device), multiplier)
                for one, multiplier in chain
                if keys.in_features in one.sizes
            ]
            if own:
                hooks.append(projection.register_forward_pre_hook(partial(_through, own)))
    return hooks


@torch.no_grad()
def _through(
    own: Sequence[tuple[nn.Module, float]], _projection: nn.Module, arguments: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    context, *rest = arguments
    # The networks stay in 32 bits; where the model has 16, A1111 evaluates them under autocast.
    narrow = context.dtype in (torch.float16, torch.bfloat16)
    with torch.autocast(context.device.type, context.dtype if narrow else torch.bfloat16, enabled=narrow):
        for network, multiplier in own:
            context = context + network(context) * multiplier
    return (context.to(arguments[0].dtype), *rest)


def _structure(found: Mapping[Any, Any], path: Path) -> Structure:
    """What a file says of its networks, and what older files meant by leaving it out."""
    try:
        layers = tuple(float(multiple) for multiple in found.get("layer_structure") or (1, 2, 1))
        given = tuple(float(chance) for chance in found.get("dropout_structure") or ())
        name = found.get("activation_func")
        if len(layers) < 2 or min(layers) <= 0 or (given and len(given) != len(layers)):
            raise ValueError(layers)
        return Structure(
            layers,
            str(name) if name else None,
            bool(found.get("is_layer_norm", False)),
            bool(found.get("activate_output", True)),
            given
            or default_dropout(
                len(layers), used=bool(found.get("use_dropout")), last=bool(found.get("last_layer_dropout"))
            ),
        )
    except (TypeError, ValueError):
        raise BadFile(f"{path.name} is no whole hypernetwork: its layer or dropout structure cannot be read.") from None


def default_dropout(layers: int, *, used: bool, last: bool) -> tuple[float, ...]:
    """Probabilities of files that tell whether there is dropout at all: 0.3 inside, at the `last` inner one if so."""
    if not used or layers < 3:
        return (0.0,) * layers
    return (0.0, *(0.3,) * (layers - 3), 0.3 if last else 0.0, 0.0)


def _filled(structure: Structure, size: int, state: Mapping[str, Tensor]) -> nn.Module:
    network = build(structure, size)
    named: dict[str, Tensor] = {}
    for key, tensor in state.items():
        for old, new in _OLD_LINEAR.items():
            key = key.replace(old, new)
        named[key.removeprefix("linear.")] = tensor.float()
    network.load_state_dict(named)
    return network.eval().requires_grad_(False)
