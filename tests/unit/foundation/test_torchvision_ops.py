"""torchvision can be imported beside the torch that is installed, whatever device either was built for."""

from __future__ import annotations

import torch

from modules.foundation.torchvision_ops import declare


def test_its_transforms_work() -> None:
    from torchvision.transforms.v2 import functional

    ramp = torch.arange(4.0).reshape(1, 1, 4)
    assert functional.horizontal_flip(ramp).flatten().tolist() == [3.0, 2.0, 1.0, 0.0]


def test_declaring_again_is_harmless() -> None:
    declare()
    declare()
    assert hasattr(torch.ops.torchvision, "nms")
