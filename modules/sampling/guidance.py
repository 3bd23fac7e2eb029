"""CfgDenoiser: the network under a prompt and a negative prompt, as the denoiser that solvers call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from modules.sampling.parametrization import Network, Parametrization
from modules.sampling.types import Conditioning, Latent, Sigma


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one call of the denoiser is about to compute. `index` counts calls from 0."""

    index: int
    x: Latent
    sigma: float
    positive: Conditioning
    negative: Conditioning


@dataclass(slots=True)
class Tally:
    """What happened during a run."""

    evaluations: int = 0
    skipped: int = 0
    """How many evaluations left out the negative prompt because of `s_min_uncond`."""


OnDenoise = Callable[[Evaluation], Evaluation]
OnDenoised = Callable[[Evaluation, Latent], Latent]


def unchanged(evaluation: Evaluation) -> Evaluation:
    return evaluation


@dataclass(frozen=True, slots=True)
class CfgDenoiser:
    """Classifier-free guidance: negative + cfg_scale * (positive - negative). Ho & Salimans 2022 (arXiv:2207.12598).

    Below the noise level `s_min_uncond` the negative prompt is left out on every other call, or on all with
    `s_min_uncond_all`. `on_denoise` may replace what is evaluated, `on_denoised` what comes out; either may
    raise `Interrupted`. `parametrization` is the model's; `sample.txt2img` exchanges it for samplers that
    read noise levels otherwise, and has them compared as timesteps (`levels_are_timesteps`) for DDIM and UniPC.
    """

    parametrization: Parametrization
    network: Network
    positive: Conditioning
    negative: Conditioning
    cfg_scale: float
    batch_cond_uncond: bool = True
    s_min_uncond: float = 0.0
    s_min_uncond_all: bool = False
    on_denoise: OnDenoise = unchanged
    on_denoised: OnDenoised | None = None
    levels_are_timesteps: bool = False
    tally: Tally = field(default_factory=Tally)

    def __call__(self, x: Latent, sigma: Sigma) -> Latent:
        now = self.on_denoise(Evaluation(self.tally.evaluations, x, float(sigma), self.positive, self.negative))
        denoised = self._guided(now)
        self.tally.evaluations += 1
        return denoised if self.on_denoised is None else self.on_denoised(now, denoised)

    def _guided(self, now: Evaluation) -> Latent:
        if self._skips_negative(now):
            self.tally.skipped += 1
            return self._denoised(now.x, now.sigma, now.positive)
        if self.cfg_scale == 1:
            return self._denoised(now.x, now.sigma, now.positive)
        both = _joined(now.positive, now.negative) if self.batch_cond_uncond else None
        if both is None:
            positive = self._denoised(now.x, now.sigma, now.positive)
            negative = self._denoised(now.x, now.sigma, now.negative)
        else:
            positive, negative = self._denoised(torch.cat([now.x, now.x]), now.sigma, both).chunk(2)
        return torch.add(negative, positive - negative, alpha=self.cfg_scale)

    def _denoised(self, x: Latent, sigma: float, conditioning: Conditioning) -> Latent:
        return self.parametrization.denoised(self.network, x, sigma, conditioning)

    def _skips_negative(self, now: Evaluation) -> bool:
        if self.s_min_uncond <= 0 or not (now.index % 2 or self.s_min_uncond_all):
            return False
        # A1111 compares what it hands the model, which is the timestep for the timestep samplers.
        level = float(self.parametrization.to_t(now.sigma)) if self.levels_are_timesteps else now.sigma
        return level < self.s_min_uncond


def _joined(positive: Conditioning, negative: Conditioning) -> Conditioning | None:
    """Both as one batch, or None where the prompts have different lengths."""
    if positive.context.shape[1:] != negative.context.shape[1:]:
        return None
    return Conditioning(
        torch.cat([positive.context, negative.context]),
        _cat(positive.pooled, negative.pooled),
        _cat(positive.concat, negative.concat),
    )


def _cat(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else torch.cat([first, second])
