"""Networks on a model: which ones it should have, as a value, and `ensure`, which sees to it.

A model keeps its patches until others are asked for. Weights that are changed are kept as they were, so taking a
network away brings back every bit, and changing one for another is a copy and a few sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import torch
from torch import Tensor, nn

from modules.foundation.errors import BadFile, UserError
from modules.networks import blocks, hypernetwork, lora
from modules.networks.embedding import Embedding
from modules.networks.hypernetwork import Hypernetwork
from modules.networks.lora import Network
from modules.weights.lora_keys import UNET, Place, Places

T = TypeVar("T")


class Door(Protocol):
    """One part of a model, as `engine.placement.Placed` is."""

    def ready(self) -> AbstractContextManager[nn.Module]: ...


class Patchable(Protocol):
    """A model that can have networks, as `engine.model.ModelHandle` is."""

    @property
    def parts(self) -> Mapping[Any, Door]: ...
    @property
    def patched(self) -> Patched: ...


@dataclass(frozen=True, slots=True)
class File:
    """A network's file as it was when it was listed. `name` is what people call it."""

    name: str = field(compare=False)
    path: Path
    modified: int


@dataclass(frozen=True, slots=True)
class WeightPatch:
    """A file of the LoRA family and how strongly it counts in the text encoder and in the UNet.

    `dyn` keeps so many of its ranks, `blocks` weigh it block by block (networks.blocks).
    """

    file: File
    te: float = 1.0
    unet: float = 1.0
    dyn: int | None = None
    blocks: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class HypernetPatch:
    """A hypernetwork and how strongly it counts."""

    file: File
    multiplier: float = 1.0


@dataclass(frozen=True, slots=True)
class PatchSet:
    """What a model should have, in the order of application. Equal for equal files and strengths."""

    weights: tuple[WeightPatch, ...] = ()
    hypernetworks: tuple[HypernetPatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one network: how many of its modules count, which the model does not have, or why none."""

    name: str
    applied: int = 0
    unknown: tuple[str, ...] = ()
    refused: str = ""


NOTHING: Final = PatchSet()
NAMES: Final[Mapping[str, str]] = {"SD1": "Stable Diffusion 1.x", "SD2": "Stable Diffusion 2.x"}
_Key = tuple[Place, str]
"""A module and "weight" or "bias"."""


class Patched:
    """What one model has at present. Changed by `ensure` alone, on the thread that uses the model."""

    def __init__(self) -> None:
        self.applied = NOTHING
        self.outcomes: tuple[Outcome, ...] = ()
        self.networks: dict[File, Network] = {}
        self.hypernetworks: dict[File, Hypernetwork] = {}
        self._originals: dict[_Key, Tensor | None] = {}
        self._hooks: list[hypernetwork.Hook] = []
        self._places: Places | None = None

    @property
    def text_patches(self) -> tuple[WeightPatch, ...]:
        """What changes how prompts are encoded."""
        counting = (patch for patch in self.applied.weights if patch.te and self._has_text(patch.file))
        return tuple(replace(patch, unet=0.0) for patch in counting)

    @property
    def bundled(self) -> Mapping[str, Embedding]:
        """The embeddings that came with the networks in use."""
        used = (self.networks[patch.file] for patch in self.applied.weights if patch.file in self.networks)
        return {name: word for network in used for name, word in network.bundled.items()}

    def _has_text(self, file: File) -> bool:
        network = self.networks.get(file)
        return network is not None and any(place.is_text for place in network.modules)

    def places(self, parts: Mapping[Any, Door]) -> Places:
        """The model's modules under every spelling."""
        if self._places is None:
            names: dict[str, list[str]] = {}
            for name, door in parts.items():
                if name != "vae":
                    with door.ready() as module:
                        names[name] = [
                            place for place, inner in module.named_modules() if _weight(inner, "weight") is not None
                        ]
            self._places = Places(names)
        return self._places

    def settle(self, parts: Mapping[Any, Door], patches: PatchSet, in_memory: int) -> None:
        """Bring the model to `patches`, of which those that cannot be applied are left out."""
        refused: dict[File, str] = {}
        wanted = patches
        while True:
            wanted = _without(patches, refused)
            self._read(parts, wanted, refused)
            wanted = _without(patches, refused)
            try:
                self._apply(parts, wanted)
                break
            except _Unfit as error:
                refused[error.file] = error.reason
            except BaseException:
                # Out of memory, say: a model half changed would give wrong pictures from now on.
                self._apply(parts, NOTHING)
                self.applied, self.outcomes = NOTHING, ()
                raise
        self.applied = patches
        self.outcomes = tuple(self._outcome(patch.file, refused) for patch in _listed(patches))
        self._forget(patches, in_memory)

    def _read(self, parts: Mapping[Any, Door], wanted: PatchSet, refused: dict[File, str]) -> None:
        for patch in wanted.weights:
            if patch.file in self.networks:
                continue
            try:
                network = Network.read(patch.file.path, self.places(parts))
                if network.modules or network.bundled:
                    self.networks[patch.file] = network
                else:
                    refused[patch.file] = _of_another_family(network)
            except UserError as error:
                refused[patch.file] = str(error)
        for patch in wanted.hypernetworks:
            if patch.file not in self.hypernetworks:
                try:
                    self.hypernetworks[patch.file] = hypernetwork.read(patch.file.path)
                except UserError as error:
                    refused[patch.file] = str(error)

    def _apply(self, parts: Mapping[Any, Door], wanted: PatchSet) -> None:
        touched: dict[Place, list[WeightPatch]] = {}
        for patch in wanted.weights:
            for place in self.networks[patch.file].modules:
                if self._strength(patch, place):
                    touched.setdefault(place, []).append(patch)
        restored = {place for place, _ in self._originals} | touched.keys()
        for part in dict.fromkeys(place.part for place in restored):
            with parts[part].ready() as network:
                for place in restored:
                    if place.part == part:
                        self._set(network.get_submodule(place.module), place, touched.get(place, ()))
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if wanted.hypernetworks:
            with parts[UNET].ready() as unet:
                chain = [(self.hypernetworks[patch.file], patch.multiplier) for patch in wanted.hypernetworks]
                self._hooks = hypernetwork.attach(unet, chain)

    @torch.no_grad()
    def _set(self, module: nn.Module, place: Place, patches: list[WeightPatch] | tuple[()]) -> None:
        """A module's weight and bias, from what they were without any network."""
        weight, bias = (self._original(module, place, name) for name in ("weight", "bias"))
        assert weight is not None
        new_weight, new_bias = weight, bias
        for patch in patches:
            try:
                added, added_bias = lora.delta(
                    self.networks[patch.file].modules[place], new_weight, self._strength(patch, place), patch.dyn
                )
                # Rounded after each, as A1111 does: it adds them to the stored weight one by one.
                if added is not None:
                    new_weight = (new_weight.to(added.dtype) + added).to(weight.dtype)
                if added_bias is not None:
                    new_bias = added_bias if new_bias is None else new_bias.to(added_bias.dtype) + added_bias
                    new_bias = _shaped(new_bias, weight).to(weight.dtype)
            except BadFile as error:
                raise _Unfit(patch.file, self._misfit(patch.file, str(error))) from None
        for name, old, new in (("weight", weight, new_weight), ("bias", bias, new_bias)):
            self._put(module, (place, name), old, new)

    def _original(self, module: nn.Module, place: Place, name: str) -> Tensor | None:
        if (place, name) not in self._originals:
            return _weight(module, name)
        saved, device = self._originals[place, name], next(module.parameters()).device
        return saved.to(device) if saved is not None else None

    def _put(self, module: nn.Module, key: _Key, old: Tensor | None, new: Tensor | None) -> None:
        _, name = key
        now = _weight(module, name)
        if new is old:
            # As it was in the file: nothing need be remembered of it.
            if key in self._originals:
                del self._originals[key]
                _write(module, name, now, old)
            return
        if key not in self._originals:
            self._originals[key] = None if now is None else now.detach().to("cpu", copy=True)
        _write(module, name, now, new)

    def _strength(self, patch: WeightPatch, place: Place) -> float:
        strength = patch.te if place.is_text else patch.unet
        if patch.blocks is None:
            return strength
        ldm = "" if place.is_text or self._places is None else self._places.ldm[place.module]
        return strength * blocks.factor(patch.blocks, ldm)

    def _misfit(self, file: File, reason: str) -> str:
        family = self.networks[file].family
        made = f"it was made for {NAMES.get(family, family)}" if family else "it was made for another kind of model"
        return f"{made}; {reason}."

    def _outcome(self, file: File, refused: Mapping[File, str]) -> Outcome:
        if file in refused:
            return Outcome(file.name, refused=refused[file])
        network = self.networks.get(file)
        if network is None:
            return Outcome(file.name, applied=len(self.hypernetworks[file].sizes))
        return Outcome(file.name, len(network.modules), network.unknown)

    def _forget(self, patches: PatchSet, in_memory: int) -> None:
        """Let go of files that are not applied, but for the `in_memory` used last."""
        used = [patch.file for patch in _listed(patches)]
        _keep(self.networks, used, in_memory)
        _keep(self.hypernetworks, used, in_memory)


def ensure(model: Patchable, patches: PatchSet, in_memory: int = 0) -> tuple[Outcome, ...]:
    """Have `model` with exactly these networks; at once if it has them. What became of each is told in their order.

    A network that is damaged or was made for another kind of model is left out. `in_memory` is how many files may
    stay read that are not in use. If anything else fails the model has no networks and the error goes on.
    """
    patched = model.patched
    if patched.applied != patches:
        patched.settle(model.parts, patches, in_memory)
    return patched.outcomes


class _Unfit(Exception):
    def __init__(self, file: File, reason: str) -> None:
        super().__init__(reason)
        self.file, self.reason = file, reason


def _keep(files: dict[File, T], used: Sequence[File], idle: int) -> None:
    """Drop what is not used but for the last `idle`; the most recently used stand last."""
    for file in used:
        if file in files:
            files[file] = files.pop(file)
    unused = [file for file in files if file not in used]
    for file in unused[: max(len(unused) - idle, 0)]:
        del files[file]


def _listed(patches: PatchSet) -> tuple[WeightPatch | HypernetPatch, ...]:
    return (*patches.weights, *patches.hypernetworks)


def _without(patches: PatchSet, files: Mapping[File, str]) -> PatchSet:
    return PatchSet(
        tuple(patch for patch in patches.weights if patch.file not in files),
        tuple(patch for patch in patches.hypernetworks if patch.file not in files),
    )


def _of_another_family(network: Network) -> str:
    if network.family:
        return f"it was made for {NAMES.get(network.family, network.family)}."
    return f"this model has none of its {len(network.unknown)} modules; the first is '{network.unknown[0]}'."


def _weight(module: nn.Module, name: str) -> Tensor | None:
    found = getattr(module, name, None)
    return found.data if isinstance(found, nn.Parameter) else None


def _shaped(bias: Tensor, weight: Tensor) -> Tensor:
    if bias.numel() != weight.shape[0]:
        raise BadFile(f"its bias of {bias.numel()} does not fit {weight.shape[0]} outputs")
    return bias.reshape(-1)


def _write(module: nn.Module, name: str, now: Tensor | None, value: Tensor | None) -> None:
    if now is not None and value is not None:
        now.copy_(value)
    else:
        setattr(module, name, None if value is None else nn.Parameter(value.clone(), requires_grad=False))
