"""Tiling: the edges of a convolution's answer fit together, and nothing is left of it afterwards."""

from __future__ import annotations

import torch
from torch import nn

from modules.families.tiling import tiled


def test_what_is_shifted_around_the_edge_comes_out_shifted() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.SiLU(), nn.Conv2d(4, 3, 5, padding=2))
    x = torch.randn(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    shifted = x.roll((3, 5), dims=(2, 3))
    before = network(x)
    with tiled(network):
        torch.testing.assert_close(network(shifted), network(x).roll((3, 5), dims=(2, 3)))
        with tiled(network):  # twice is once
            pass
        assert not torch.equal(network(x), before)
    assert torch.equal(network(x), before)


def test_it_is_undone_after_a_failure_and_leaves_other_padding() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), nn.Conv2d(1, 1, 3, padding=1))
    try:
        with tiled(network):
            raise KeyError
    except KeyError:
        pass
    assert [layer.padding_mode for layer in network] == ["reflect", "zeros"]
