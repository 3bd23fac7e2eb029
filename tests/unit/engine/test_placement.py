"""The door to a network, and turning a part into 32 bits."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from modules.engine.placement import OnCpu, Placed, Resident

CPU = torch.device("cpu")


class Counts:
    """A policy that notes who entered."""

    home = CPU

    def __init__(self) -> None:
        self.entered: list[str] = []

    def enter(self, part: Placed[Any]) -> None:
        self.entered.append(part.name)


def test_every_opening_of_the_door_is_told_to_the_policy() -> None:
    policy = Counts()
    part = Placed("unet", nn.Linear(2, 2), CPU, torch.float32, policy)
    with part.ready() as network:
        assert isinstance(network, nn.Linear)
        assert not torch.is_grad_enabled()
    with part.ready():
        pass
    assert policy.entered == ["unet", "unet"]
    assert torch.is_grad_enabled()


def test_32_bits_are_kept_and_a_second_time_is_useless() -> None:
    part = Placed("vae", nn.Sequential(nn.Linear(2, 3), nn.GroupNorm(1, 3)).bfloat16(), CPU, torch.bfloat16, OnCpu())
    with part.ready() as network:
        before = [parameter.float() for parameter in network.parameters()]
    assert part.in_fp32()
    assert part.dtype == torch.float32
    with part.ready() as network:
        for parameter, old in zip(network.parameters(), before, strict=True):
            assert parameter.dtype == torch.float32
            assert torch.equal(parameter, old)
    assert not part.in_fp32()


def test_where_weights_are_read_to() -> None:
    assert OnCpu().home == CPU
    assert Resident(torch.device("cuda", 1)).home == torch.device("cuda", 1)
