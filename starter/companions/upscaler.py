"""Two small upscalers in the layout of SRVGGNetCompact (Wang et al. 2021, arXiv:2107.10833), with a bicubic start.

Before the first step the network computes bicubic enlargement exactly, so training has only to learn what that lacks.
"""

import logging
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from starter import muon, state
from starter.companions import pairs

log = logging.getLogger("starter")

FOLDER = Path(__file__).parents[2] / "models" / "RealESRGAN"
TAPS = 9
"""Pixels around the middle one, itself included, that the first convolution copies."""
BATCH = 4
RATE = 2e-3
CARRIED = 3
"""Channels beyond the trained ones that a shipped network has."""
BORDER = 4
"""Source pixels at a crop's edges whose error does not count: there the convolutions see nothing beyond."""
FLOOR, PLAIN_FLOOR = 1e-5, 1e-6
"""Squared errors below which nothing is gained; in plain areas, where bicubic is all but exact, far below a level."""


@dataclass(frozen=True, slots=True)
class Design:
    """Factor, and how wide and deep the network is."""

    scale: int
    features: int
    convolutions: int

    @property
    def shipped(self) -> "Design":
        """As it ships, see `carrying`."""
        return Design(self.scale, self.features + CARRIED, self.convolutions)

    @property
    def file(self) -> Path:
        """Where it ships."""
        return FOLDER / f"Atelier {self.scale}x.safetensors"


DESIGNS = {"2x": Design(2, 32, 8), "4x": Design(4, 32, 8)}


class Compact(nn.Module):
    """Convolutions at the small size, then pixels shuffled out; the enlarged input is added."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.scale = design.scale
        layers: list[nn.Module] = [nn.Conv2d(3, design.features, 3, padding=1), nn.PReLU(design.features)]
        for _ in range(design.convolutions):
            layers += [nn.Conv2d(design.features, design.features, 3, padding=1), nn.PReLU(design.features)]
        self.body = nn.ModuleList([*layers, nn.Conv2d(design.features, 3 * design.scale**2, 3, padding=1)])

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, H, W] in 0..1 -> [B, 3, H * scale, W * scale]."""
        inner = x
        for layer in self.body:
            inner = layer(inner)
        return functional.pixel_shuffle(inner, self.scale) + functional.interpolate(x, scale_factor=self.scale)


def build(design: Design) -> Compact:
    """The untrained network, which enlarges bicubically.

    The first convolution copies each pixel and its neighbours into 27 channels, which are never negative and so pass
    every PReLU; the layers between pass them on and the last one weighs them. The other channels begin at random.
    """
    network = Compact(design)
    first, *between, last = [layer for layer in network.body if isinstance(layer, nn.Conv2d)]
    carried = 3 * TAPS
    with torch.no_grad():
        first.weight[:carried] = torch.eye(carried).view(carried, 3, 3, 3)
        _zero(first.bias, last.bias)
        for layer in between:
            nn.init.dirac_(layer.weight[:carried])
            _zero(layer.bias)
        last.weight.zero_()
        last.weight[:, :carried] = _bicubic(design.scale)
    return network


def begun(design: Design) -> Compact:
    """What training starts from: the 4x network takes over the layers of the 2x one, if that is trained."""
    network, first = build(design), state.load("upscaler-2x.pt")
    if design.scale == 2 or first is None:
        return network
    last = f"body.{len(network.body) - 1}."
    layers = {key: value for key, value in first["average"].items() if not key.startswith(last)}
    network.load_state_dict(layers, strict=False)
    solve(network, pairs.Crops(design.scale, count=60))
    return network


def _zero(*biases: Tensor | None) -> None:
    for bias in biases:
        if bias is not None:
            bias.zero_()


def _bicubic(scale: int) -> Tensor:
    """Weights [3 * scale^2, 27, 3, 3] of the last convolution: bicubic enlargement less repetition of the middle pixel.

    A pixel five taps wide is reached as a tap of the last convolution on a tap of the first; each distance is split
    into two steps of at most one.
    """
    weights = torch.zeros(3, scale, scale, 3, 3, 3, 3, 3)
    for y in range(scale):
        for x in range(scale):
            for down, weight_y in _taps(y, scale).items():
                for right, weight_x in _taps(x, scale).items():
                    near_y, near_x = max(min(down, 1), -1), max(min(right, 1), -1)
                    value = weight_y * weight_x - float(down == right == 0)
                    for color in range(3):
                        weights[color, y, x, color, near_y + 1, near_x + 1, down - near_y + 1, right - near_x + 1] += (
                            value
                        )
    return weights.reshape(3 * scale**2, 3 * TAPS, 3, 3)


def _taps(phase: int, scale: int) -> dict[int, float]:
    """Weight of each source pixel by its distance, for one of the places in a pixel: Keys 1981 with a = -0.5."""
    shift = (phase + 0.5) / scale - 0.5
    found = {distance: _keys(abs(distance - shift)) for distance in range(-2, 3)}
    found.setdefault(0, 0.0)
    return found


def _keys(distance: float) -> float:
    if distance < 1:
        return 1.5 * distance**3 - 2.5 * distance**2 + 1
    return -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2 if distance < 2 else 0.0


def train(design: Design, steps: int) -> None:
    """Train to `steps` optimiser steps in all and write the file whenever the state is kept."""
    name = f"upscaler-{design.scale}x.pt"
    network, saved = begun(design), state.load(name)
    optimizers = muon.pair(network.parameters(), RATE)
    average = {key: value.clone() for key, value in network.state_dict().items()}
    start = 0
    if saved:
        network.load_state_dict(saved["weights"])
        average, start = saved["average"], saved["step"]
        for optimizer, kept in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
    crops, began, running = pairs.Crops(design.scale), time.time(), 0.0
    for step in range(start, steps):
        muon.set_rate(optimizers, RATE * min(1.0, (step + 1) / 30, (steps - step) / (0.7 * steps) + 0.01))
        small, large = crops.batch(BATCH, random.Random(f"{name}/{step}"))
        # In 32 bits: of 16 the rounding would show in plain areas.
        loss = (_errors(network(small), large, design.scale) + FLOOR).log().mean()
        network.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        running = 0.98 * running + 0.02 * loss.item() if step > start else loss.item()
        keep = min(0.98, step / (step + 10))
        with torch.no_grad():
            for key, value in network.state_dict().items():
                average[key].lerp_(value, 1 - keep)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            state.record(f"upscaler-{design.scale}x", step=step + 1, loss=running, seconds=time.time() - began)
            kept = {"weights": network.state_dict(), "average": average, "step": step + 1}
            state.save(name, {**kept, "optimizers": [optimizer.state_dict() for optimizer in optimizers]})
        if (step + 1) % 300 == 0 or step + 1 == steps:
            finish(design, average, crops)


def carrying(network: Compact, design: Design) -> Compact:
    """The network with three more channels, which carry the picture itself past all layers.

    In training the layers lose what a slow gradient is; with these the last one can have it again.
    """
    wider = Compact(design.shipped).eval()
    kept = network.state_dict()
    with torch.no_grad():
        for name, parameter in wider.named_parameters():
            parameter.zero_()
            parameter[tuple(slice(length) for length in kept[name].shape)] = kept[name]
        first, *between, _ = [layer for layer in wider.body if isinstance(layer, nn.Conv2d)]
        for color in range(CARRIED):
            first.weight[design.features + color, color, 1, 1] = 1
            for layer in between:
                layer.weight[design.features + color, design.features + color, 1, 1] = 1
    return wider


def finish(design: Design, average: dict[str, Tensor], crops: pairs.Crops) -> None:
    """Let the averaged network carry the picture along, solve its last layer and write the file."""
    trained = Compact(design)
    trained.load_state_dict(average)
    network = carrying(trained, design)
    solve(network, crops)
    log.info("%s: %s", design.file.name, pairs.gains(pairs.by(network, design.scale), design.scale, 12))
    export(design, network.state_dict())


@torch.no_grad()
def solve(network: Compact, crops: pairs.Crops, batches: int = 80, ramps: int = 20) -> None:
    """Set the last layer to the weighted least-squares solution, each crop weighing one over its bicubic error.

    That is a step towards the greatest mean PSNR, and far more exact in plain areas than gradients are.
    """
    last = network.body[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    count, scale = 9 * last.in_channels + 1, network.scale
    products = torch.zeros(count, count, dtype=torch.float64)
    sought = torch.zeros(count, last.out_channels, dtype=torch.float64)
    for number in range(batches + ramps):
        plain = number >= batches
        rng = random.Random(f"solve/{number}")
        small, large = pairs.ramps(BATCH, crops.size, scale, rng) if plain else crops.batch(BATCH, rng)
        inner = small
        for layer in network.body[:-1]:
            inner = layer(inner)
        seen = functional.unfold(inner, 3, padding=1).view(BATCH, -1, *small.shape[2:])
        missing = functional.pixel_unshuffle(large - functional.interpolate(small, scale_factor=scale), scale)
        bicubic = functional.interpolate(small, scale_factor=scale, mode="bicubic", align_corners=False)
        weights = 1 / (_errors(bicubic, large, scale) + (PLAIN_FLOOR if plain else FLOOR))
        cut = slice(BORDER + 2, -BORDER - 2)
        for x, y, weight in zip(seen[..., cut, cut], missing[..., cut, cut], weights, strict=True):
            rows = torch.cat([x.flatten(1), torch.ones(1, x[0].numel())]).T
            products += weight * (rows.T @ rows).double()
            sought += weight * (rows.T @ y.flatten(1).T).double()
    ridge = 1e-7 * products.diag().mean() * torch.eye(count, dtype=torch.float64)
    found = torch.linalg.solve(products + ridge, sought).float()
    last.weight.copy_(found[:-1].T.reshape(last.weight.shape))
    last.bias.copy_(found[-1])


def _errors(made: Tensor, truth: Tensor, scale: int) -> Tensor:
    """Mean squared error of each crop, [B], its edges left out."""
    inner = slice(BORDER * scale, -BORDER * scale)
    return ((made - truth)[..., inner, inner] ** 2).mean((1, 2, 3))


def export(design: Design, weights: dict[str, Tensor]) -> None:
    """Write the file, in 32 bits so that every program reads it alike."""
    design.file.parent.mkdir(parents=True, exist_ok=True)
    notes = {
        "format": "pt",
        "modelspec.title": f"Atelier {design.scale}x",
        "modelspec.license": "free to use, see docs/starter.md",
    }
    partial = design.file.with_suffix(".partial")
    save_file({key: value.contiguous() for key, value in weights.items()}, str(partial), notes)
    partial.replace(design.file)


def enlarging(design: Design) -> pairs.Enlarge:
    """The shipped network as a function of pictures."""
    network = Compact(design.shipped).eval()
    network.load_state_dict(load_file(str(design.file)))
    return pairs.by(network, design.scale)
