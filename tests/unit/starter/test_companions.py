"""What ships beside the checkpoint keeps its promise on pictures it was not trained on."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch.nn import functional

from modules.vision.upscaler_network import UpscalerNetwork
from starter.companions import pairs, upscaler


@pytest.mark.parametrize("design", upscaler.DESIGNS.values(), ids=upscaler.DESIGNS)
def test_training_begins_with_bicubic_enlargement(design: upscaler.Design) -> None:
    network = upscaler.build(design).eval()
    small = pairs.drawings("held out", 1, 64)[0]
    with torch.inference_mode():
        made = network(pairs.pixels(small))[0]
    wanted = pairs.pixels(small.resize((64 * design.scale, 64 * design.scale), Image.Resampling.BICUBIC))[0]
    inner = slice(4 * design.scale, -4 * design.scale)
    error = (made.clamp(0, 1) - wanted)[:, inner, inner].abs() * 255
    # Pillow rounds, and cuts off at black and white, after each direction.
    assert error.mean() < 0.4 and error.max() < 4


def test_solving_the_last_layer_finds_the_weights_that_made_the_truth() -> None:
    torch.manual_seed(0)
    design = upscaler.Design(2, 8, 1)
    truth = upscaler.Compact(design).eval()
    student = upscaler.Compact(design).eval()
    student.load_state_dict(truth.state_dict())
    torch.nn.init.zeros_(student.body[-1].weight)

    class Made(pairs.Crops):
        """Crops that the network itself enlarged."""

        def __init__(self) -> None:
            self.size = 24

        def batch(self, count: int, rng: object) -> tuple[torch.Tensor, torch.Tensor]:
            small = torch.rand(count, 3, 24, 24)
            with torch.inference_mode():
                return small.clone(), truth(small).clone()

    upscaler.solve(student, Made(), batches=20, ramps=0)
    picture = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        assert functional.mse_loss(student(picture), truth(picture)) < 1e-6


@pytest.mark.parametrize("design", upscaler.DESIGNS.values(), ids=upscaler.DESIGNS)
def test_shipped_upscalers_beat_bicubic(design: upscaler.Design) -> None:
    gains = pairs.gains(upscaler.enlarging(design), design.scale, 30)
    assert gains["drawings"] >= 1.5
    assert gains["photographs"] >= -0.2


def test_shipped_upscalers_are_small_and_known_to_everybody() -> None:
    assert sum(design.file.stat().st_size for design in upscaler.DESIGNS.values()) <= 1_500_000
    for design in upscaler.DESIGNS.values():
        assert UpscalerNetwork(design.file).scale == design.scale
