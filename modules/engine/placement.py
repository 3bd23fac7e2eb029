"""Placed: the only door to a network. What happens at the door is the placement policy.

`Resident` keeps every part on the device, `OnCpu` keeps it where the CPU computes; neither does
anything at the door. Policies that carry parts in and out implement `enter`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from modules.families.types import Part

N = TypeVar("N", bound=nn.Module)


class Policy(Protocol):
    """Decides where a part lies while it is not used, and brings it to the device when it is."""

    @property
    def home(self) -> torch.device:
        """Where weights are read to."""
        ...

    def enter(self, part: Placed[Any]) -> None:
        """Have `part` on its device; called each time its door opens."""
        ...


@dataclass(frozen=True, slots=True)
class Resident:
    """Everything stays on the device."""

    device: torch.device

    @property
    def home(self) -> torch.device:
        return self.device

    def enter(self, part: Placed[Any]) -> None:
        """Nothing to do: it is there."""


@dataclass(frozen=True, slots=True)
class OnCpu:
    """Everything stays in main memory, where the CPU computes (`--use-cpu`)."""

    @property
    def home(self) -> torch.device:
        return torch.device("cpu")

    def enter(self, part: Placed[Any]) -> None:
        """Nothing to do: it is there."""


class Placed(Generic[N]):
    """One part of a model behind its door."""

    def __init__(self, name: Part, module: N, device: torch.device, dtype: torch.dtype, policy: Policy) -> None:
        self.name = name
        self.device = device
        self.dtype = dtype
        self._module = module
        self._policy = policy

    @property
    def network(self) -> N:
        """The network wherever it lies, for looking at it and for changing how it works."""
        return self._module

    @contextmanager
    def ready(self) -> Iterator[N]:
        """The network, on its device, without gradients."""
        self._policy.enter(self)
        with torch.no_grad():
            yield self._module

    def in_fp32(self) -> bool:
        """Turn the part into 32 bits where it lies. False if it was already."""
        if self.dtype == torch.float32:
            return False
        for module in self._module.modules():
            # One parameter at a time, so that never two copies of the whole part exist.
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.float()
        self.dtype = torch.float32
        return True
