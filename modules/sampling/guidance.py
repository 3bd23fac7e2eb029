"""CfgDenoiser: the network under a prompt and a negative prompt, as the denoiser that solvers call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate

import torch
from torch import Tensor

from modules.foundation.errors import UserError
from modules.sampling.guides import Estimates, Guide
from modules.sampling.parametrization import Network, Parametrization
from modules.sampling.relay import Read
from modules.sampling.types import Conditioning, Latent, Prompted, Sigma


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
    skipped_early: int = 0
    """How many did because of `skip_early_cond`."""
    padded: int = 0
    """How many had to bring the prompts to one length."""

    def clear(self) -> None:
        self.evaluations = self.skipped = self.skipped_early = self.padded = 0


Pad = Callable[[Conditioning, Conditioning], tuple[Conditioning, Conditioning]]
"""(positive, negative) -> the two at one length, as far as may be. Called only where the lengths differ."""
OnDenoise = Callable[[Evaluation], Evaluation]
OnDenoised = Callable[[Evaluation, Latent], Latent]
Blend = Callable[[Latent, float], Latent]
"""(latent, noise level) -> the latent with an original in it where nothing is to change. DDIM and UniPC tell the
timestep for the level, as A1111 does."""


def unchanged(evaluation: Evaluation) -> Evaluation:
    return evaluation


@dataclass(frozen=True, slots=True)
class CfgDenoiser:
    """Classifier-free guidance: negative + cfg_scale * (positive - negative). Ho & Salimans 2022 (arXiv:2207.12598).

    A positive conditioning with weights adds such a difference for each of its rows, times the row's weight.
    Below the noise level `s_min_uncond` the negative prompt is left out on every other call, or on all with
    `s_min_uncond_all`; and on the calls up to the share `skip_early_cond` of those `planned`. `pad` brings prompts of
    different length to one. `on_denoise` may replace what is evaluated, `on_denoised` what comes out; either may
    raise `Interrupted`. `parametrization` is the model's; `for_run` exchanges it for samplers that read noise levels
    otherwise, has them compared as timesteps (`levels_are_timesteps`) for DDIM and UniPC, and tells how many calls are
    planned. `guide` puts the two estimates together another way, the plain one by default; some
    ask the `perturbed` network as well. `blend` inpaints: it gets each estimate, or with DDIM and UniPC what the
    network is shown instead. `image_cfg_scale` other than 1 guides by a picture in `concat` as well, see `_edited`.
    """

    parametrization: Parametrization
    network: Network
    positive: Prompted
    negative: Prompted
    cfg_scale: float
    batch_cond_uncond: bool = True
    s_min_uncond: float = 0.0
    s_min_uncond_all: bool = False
    skip_early_cond: float = 0.0
    pad: Pad | None = None
    on_denoise: OnDenoise = unchanged
    on_denoised: OnDenoised | None = None
    levels_are_timesteps: bool = False
    planned: int = 1
    tally: Tally = field(default_factory=Tally)
    guide: Guide | None = None
    perturbed: Network | None = None
    blend: Blend | None = None
    image_cfg_scale: float | None = None

    def for_run(self, read: Read, *, levels_are_timesteps: bool, planned: int) -> CfgDenoiser:
        """The same with the model read as a sampler reads it; see `relay.Prepared`."""
        parametrization = read(self.parametrization)
        return replace(
            self, parametrization=parametrization, levels_are_timesteps=levels_are_timesteps, planned=planned
        )

    def __call__(self, x: Latent, sigma: Sigma) -> Latent:
        return self._evaluated(x, sigma, self.cfg_scale, wants_negative=self.cfg_scale != 1)[0]

    def guided(self, x: Latent, sigma: Sigma, strength: float = 1.0) -> tuple[Latent, Latent]:
        """The estimate at `strength` times the scale, and the negative prompt's, or the prompt's if that is skipped."""
        return self._evaluated(x, sigma, self.cfg_scale * strength, wants_negative=True)

    def _evaluated(self, x: Latent, sigma: Sigma, scale: float, *, wants_negative: bool) -> tuple[Latent, Latent]:
        index = self.tally.evaluations
        shown = self._shown(x, float(sigma))
        asked = Evaluation(index, shown, float(sigma), self.positive.at(index), self.negative.at(index))
        now = self._padded(self.on_denoise(asked))
        weights = now.positive.weights
        if self.image_cfg_scale not in (None, 1.0):
            denoised, negative = self._edited(now, scale)
        elif self._skips_negative(now) or not (wants_negative or weights):
            positive = self._denoised(_spread(now.x, weights), now.sigma, now.positive)
            # As in A1111 an image's first prompt stands in for its negative one.
            negative = positive[_firsts(weights)] if weights else positive
            denoised = _combined(positive, negative, weights, 1.0) if weights else positive
            denoised = self._guided(now, denoised, denoised, 1.0) if self.guide else denoised
        else:
            positive, negative = self._both(now)
            if self.guide:
                denoised = self._guided(now, _combined(positive, negative, weights, 1.0), negative, scale)
            else:
                denoised = _combined(positive, negative, weights, scale)
        self.tally.evaluations += 1
        if shown is not x:
            # The samplers of that family go on from their own x with the noise that was found in the blended one.
            denoised, negative = denoised + (x - shown), negative + (x - shown)
        elif self.blend:
            denoised = self.blend(denoised, float(sigma))
        return (denoised if self.on_denoised is None else self.on_denoised(now, denoised)), negative

    def _shown(self, x: Latent, sigma: float) -> Latent:
        """What the network is shown for x: itself, or as A1111's DDIM and UniPC have it, the original (without noise)
        where nothing is to change.
        """
        if self.blend is None or not self.levels_are_timesteps:
            return x
        scale = (sigma**2 + 1) ** 0.5
        return self.blend(x / scale, float(self.parametrization.to_t(sigma))) * scale

    def _edited(self, now: Evaluation, scale: float) -> tuple[Latent, Latent]:
        """Guided by the prompt and by a picture, each with its scale; the third estimate sees no picture.

        Brooks, Holynski & Efros 2023 (arXiv:2211.09800), equation 3.
        """
        if now.positive.weights or now.negative.concat is None or self.image_cfg_scale is None:
            raise UserError("AND does not go with an Image CFG scale other than 1: write one prompt, or make it 1.")
        positive = self._denoised(now.x, now.sigma, now.positive)
        seen = self._denoised(now.x, now.sigma, now.negative)
        unseen = replace(now.negative, concat=torch.zeros_like(now.negative.concat))
        negative = self._denoised(now.x, now.sigma, unseen)
        pull = torch.add(negative, positive - seen, alpha=scale)
        return torch.add(pull, seen - negative, alpha=self.image_cfg_scale), negative

    def _guided(self, now: Evaluation, positive: Latent, negative: Latent, scale: float) -> Latent:
        assert self.guide is not None

        def perturbed() -> Latent:
            network, weights = self.perturbed or self.network, now.positive.weights
            seen = self.parametrization.denoised(network, _spread(now.x, weights), now.sigma, now.positive)
            return _combined(seen, negative, weights, 1.0)

        return self.guide(Estimates(now.x, now.sigma, positive, negative, scale, perturbed))

    def _both(self, now: Evaluation) -> tuple[Latent, Latent]:
        spread = _spread(now.x, now.positive.weights)
        both = _joined(now.positive, now.negative) if self.batch_cond_uncond else None
        if both is None:
            positive = self._denoised(spread, now.sigma, now.positive)
            return positive, self._denoised(now.x, now.sigma, now.negative)
        together = self._denoised(torch.cat([spread, now.x]), now.sigma, both)
        return together[: len(spread)], together[len(spread) :]

    def _padded(self, now: Evaluation) -> Evaluation:
        if self.pad is None or now.positive.context.shape[1] == now.negative.context.shape[1]:
            return now
        self.tally.padded += 1
        positive, negative = self.pad(now.positive, now.negative)
        return replace(now, positive=positive, negative=negative)

    def _denoised(self, x: Latent, sigma: float, conditioning: Conditioning) -> Latent:
        return self.parametrization.denoised(self.network, x, sigma, conditioning)

    def _skips_negative(self, now: Evaluation) -> bool:
        if self.skip_early_cond and now.index / self.planned <= self.skip_early_cond:
            self.tally.skipped_early += 1
            return True
        if self.s_min_uncond <= 0 or not (now.index % 2 or self.s_min_uncond_all):
            return False
        # A1111 compares what it hands the model, which is the timestep for the timestep samplers.
        level = float(self.parametrization.to_t(now.sigma)) if self.levels_are_timesteps else now.sigma
        skips = level < self.s_min_uncond
        self.tally.skipped += skips
        return skips


Weights = tuple[tuple[float, ...], ...]
"""For each image those of its rows, as in `Conditioning.weights`."""


def _spread(x: Latent, weights: Weights | None) -> Latent:
    """Each image once for every row it has."""
    if weights is None:
        return x
    return x.repeat_interleave(torch.tensor([len(rows) for rows in weights], device=x.device), dim=0)


def _firsts(weights: Weights) -> list[int]:
    """The index of each image's first row."""
    return [0, *accumulate(len(rows) for rows in weights)][:-1]


def _combined(positive: Latent, negative: Latent, weights: Weights | None, scale: float) -> Latent:
    """[B, C, h, w] from a row for each prompt and one for each image's negative prompt."""
    if weights is None:
        return torch.add(negative, positive - negative, alpha=scale)
    prompts, guided = iter(positive), negative.clone()
    for image, base, rows in zip(guided, negative, weights, strict=True):
        for weight in rows:
            image.add_(next(prompts) - base, alpha=weight * scale)
    return guided


def padded_by(empty: Tensor) -> Pad:
    """Lengthens the shorter of the two by the encoded empty prompt [77, D], as often as it fits."""

    def pad(positive: Conditioning, negative: Conditioning) -> tuple[Conditioning, Conditioning]:
        chunks = (positive.context.shape[1] - negative.context.shape[1]) // len(empty)
        return _lengthened(positive, empty, -chunks), _lengthened(negative, empty, chunks)

    return pad


def padded_v0(positive: Conditioning, negative: Conditioning) -> tuple[Conditioning, Conditioning]:
    """Brings the negative prompt to the prompt's length: repeats its last vector, or cuts it off."""
    context, wanted = negative.context, positive.context.shape[1]
    missing = max(wanted - context.shape[1], 0)
    context = torch.cat([context[:, :wanted], context[:, -1:].expand(-1, missing, -1)], dim=1)
    return positive, replace(negative, context=context)


def _lengthened(conditioning: Conditioning, empty: Tensor, chunks: int) -> Conditioning:
    if chunks <= 0:
        return conditioning
    batch = conditioning.context.shape[0]
    added = empty.to(conditioning.context).repeat(chunks, 1).expand(batch, -1, -1)
    return replace(conditioning, context=torch.cat([conditioning.context, added], dim=1))


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
