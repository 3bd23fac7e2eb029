"""A denoiser that hands over to another in mid-run."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from modules.sampling.catalog import SAMPLERS, resolve
from modules.sampling.guidance import CfgDenoiser, Tally
from modules.sampling.knobs import Knobs
from modules.sampling.noise import ImageNoise
from modules.sampling.parametrization import Parametrization, discrete, scaled_linear
from modules.sampling.relay import Relay
from modules.sampling.sample import txt2img
from modules.sampling.types import Conditioning

TABLE = scaled_linear()


def denoiser(level: float, tally: Tally, prediction: str = "epsilon") -> CfgDenoiser:
    def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        return x * level

    nothing = Conditioning(torch.zeros(1, 77, 8))
    return CfgDenoiser(discrete(TABLE, prediction), network, nothing, nothing, 1.0, tally=tally)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Euler", "DDIM", "DPM++ SDE", "DDIM CFG++", "LCM"])
def test_the_successor_goes_on_with_the_same_latent_and_count(name: str) -> None:
    sampler, tally = next(one for one in SAMPLERS if one.name == name), Tally()
    seen: list[tuple[float, float]] = []

    def successor(parametrization: Parametrization, sigma: float, done: float) -> CfgDenoiser | None:
        seen.append((sigma, done))
        return denoiser(0.5, tally, "v_prediction") if done >= 0.5 else None

    def run(model: CfgDenoiser | Relay) -> Tensor:
        tally.clear()
        return txt2img(sampler, resolve("")[1], model, ImageNoise([1], (4, 8, 8), "cpu", "CPU"), 10, Knobs())

    handed_over = run(Relay(denoiser(0.9, tally), successor))
    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert seen[-1][1] >= 0.5 > seen[-2][1]
    evaluations = tally.evaluations
    alone = [run(denoiser(0.9, tally)), run(denoiser(0.5, tally, "v_prediction"))]
    assert tally.evaluations == evaluations
    assert not any(torch.equal(handed_over, one) for one in alone)


def test_without_a_successor_nothing_changes() -> None:
    tally, sampler = Tally(), SAMPLERS[0]

    def run(model: CfgDenoiser | Relay) -> Tensor:
        return txt2img(sampler, resolve("")[1], model, ImageNoise([1], (4, 8, 8), "cpu", "CPU"), 5, Knobs())

    first = denoiser(0.9, tally)
    assert torch.equal(run(Relay(first, lambda *_: None)), run(first))
