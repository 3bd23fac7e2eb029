"""What a sampler costs besides the network: milliseconds a step at 64x64 latents, with a network that costs nothing.

The network's answer is made beforehand, so what is timed is guidance, solver and step noise, as the engine runs them.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from modules.sampling.catalog import SAMPLERS, Sampler, resolve
from modules.sampling.guidance import CfgDenoiser
from modules.sampling.knobs import Knobs
from modules.sampling.noise import ImageNoise
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.sample import txt2img
from modules.sampling.types import Conditioning

STEPS = 20
LIMIT = 1.0


def main() -> None:
    """Time every sampler and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=64, help="of the latent")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--source", choices=("CPU", "NV"), default="CPU", help="of the noise")
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    print(f"{'':<18}{'median':>8}{'least':>8}{'most':>8}   ms a step, limit {LIMIT}")
    for sampler in SAMPLERS:
        times = [_milliseconds(sampler, arguments.side, arguments.source) for _ in range(arguments.runs + 1)][1:]
        over = "  over" if statistics.median(times) > LIMIT else ""
        print(f"{sampler.name:<18}{statistics.median(times):8.2f}{min(times):8.2f}{max(times):8.2f}{over}")


def _milliseconds(sampler: Sampler, side: int, source: str) -> float:
    """Of one step of one run of one image."""
    answer = torch.randn(2, 4, side, side)
    prompt, negative = Conditioning(torch.zeros(1, 77, 8)), Conditioning(torch.ones(1, 77, 8))

    def network(x: torch.Tensor, _t: torch.Tensor, _told: Conditioning) -> torch.Tensor:
        return answer[: len(x)]

    model = CfgDenoiser(discrete(scaled_linear(), "epsilon"), network, prompt, negative, 7.0)
    noise = ImageNoise([1], (4, side, side), "cpu", "NV" if source == "NV" else "CPU")
    begun = time.perf_counter()
    txt2img(sampler, resolve(sampler.name)[1], model, noise, STEPS, Knobs())
    return 1000 * (time.perf_counter() - begun) / STEPS


if __name__ == "__main__":
    main()
