"""The entry: from a sampler, a denoiser and noise to a latent. Start with `txt2img`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from modules.foundation.errors import UserError
from modules.sampling.catalog import Sampler, Schedule, effective
from modules.sampling.guidance import CfgDenoiser
from modules.sampling.knobs import Knobs
from modules.sampling.noise import ImageNoise
from modules.sampling.parametrization import Parametrization, consistency, discrete, zero_terminal_snr
from modules.sampling.schedules import exponential, timestep_grid, uniform, unipc_grid
from modules.sampling.types import Latent, OnStep, Sigmas, ignore


def txt2img(
    sampler: Sampler,
    schedule: Schedule,
    denoiser: CfgDenoiser,
    noise: ImageNoise,
    steps: int,
    knobs: Knobs,
    on_step: OnStep = ignore,
) -> Latent:
    """From pure noise to a latent [B, C, h, w], float32 on the noise's device.

    `denoiser` carries the model's own parametrization. What `on_step` or the denoiser's hooks raise passes
    through. DDIM makes one update less than `steps`, or more where `steps` does not divide 1000.
    """
    model = replace(
        denoiser,
        parametrization=parametrization_for(sampler, denoiser.parametrization, knobs),
        levels_are_timesteps=sampler.family in ("timestep", "unipc"),
        planned=steps * (2 if sampler.second_order else 1),
    )
    sigmas = sigmas_for(sampler, schedule, steps, denoiser.parametrization, knobs)
    x = noise.first() * start_scale(sampler, sigmas, knobs)
    step_noise = noise
    if sampler.brownian_noise:
        step_noise = noise.brownian(float(sigmas[sigmas > 0].min()), float(sigmas.max()))
    x = sampler.solver()(model, x, sigmas, noise=step_noise, on_step=on_step, **knobs.for_solver(sampler))
    return x * end_scale(sampler, sigmas)


def parametrization_for(sampler: Sampler, parametrization: Parametrization, knobs: Knobs) -> Parametrization:
    """How the run reads the model: by another noise table if asked to; LCM knows fewer levels."""
    alphas, quantized = parametrization.alphas_cumprod, parametrization.quantized or knobs.quantized
    if knobs.downcast_alphas:
        alphas = alphas.half().float()
    if knobs.zero_terminal_snr:
        alphas = zero_terminal_snr(alphas)
    if alphas is not parametrization.alphas_cumprod or quantized != parametrization.quantized:
        parametrization = discrete(alphas, parametrization.prediction, quantized=quantized)
    return consistency(parametrization) if sampler.family == "lcm" else parametrization


def sigmas_for(
    sampler: Sampler, schedule: Schedule, steps: int, parametrization: Parametrization, knobs: Knobs
) -> Sigmas:
    """The noise levels of a run [steps + 1] on the CPU; `parametrization` is the model's.

    The timestep family has its own grid, whose last level is above 0, and so has the span family; of the latter's
    levels the solver heeds the ends and the number. With KL Optimal any sampler stops above 0.
    """
    parametrization = parametrization_for(sampler, parametrization, knobs)
    discards = sampler.discard_next_to_last_sigma or knobs.always_discard_next_to_last_sigma
    n = steps + 1 if discards else steps
    if sampler.family == "timestep":
        return timestep_grid(n, parametrization)
    if sampler.family == "unipc":
        # A1111's UniPC takes the length of DDIM's list, then spaces its own.
        return unipc_grid(len(timestep_grid(n, parametrization)), parametrization, knobs.uni_pc_skip_type)
    if sampler.family == "span":
        return exponential(steps + 1, parametrization.sigma_min, parametrization.sigma_max)[:-1]
    sigmas = _scheduled(effective(sampler, schedule), n, parametrization, knobs)
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if discards else sigmas


def _scheduled(schedule: Schedule, n: int, parametrization: Parametrization, knobs: Knobs) -> Sigmas:
    least, greatest = parametrization.sigma_min, parametrization.sigma_max
    if not schedule.path:
        return uniform(n, least, greatest, parametrization=parametrization)
    if knobs.old_karras_sigmas:
        # Named for Karras, but A1111 applies it to every schedule that is a function.
        least, greatest = 0.1, 10.0
    least, greatest = knobs.sigma_min or least, knobs.sigma_max or greatest
    if not 0 < least < greatest:
        raise UserError(
            f"The schedule cannot run from sigma {greatest:g} down to {least:g}: "
            "'Schedule min sigma' must be above 0 and below 'Schedule max sigma'."
        )
    arguments: dict[str, Any] = {}
    if schedule.default_rho != -1 and knobs.rho:
        arguments["rho"] = knobs.rho
    if schedule.need_inner_model:
        arguments["parametrization"] = parametrization
    if schedule.name == "beta":
        arguments |= {"alpha": knobs.beta_dist_alpha, "beta": knobs.beta_dist_beta}
    return schedule.function()(n, least, greatest, **arguments)


def start_scale(sampler: Sampler, sigmas: Sigmas, knobs: Knobs) -> float:
    """What unit noise is multiplied by to be x at the first noise level."""
    sigma = float(sigmas[0])
    as_trained = sampler.family in ("timestep", "unipc") or knobs.sgm_noise_multiplier
    return (1 + sigma**2) ** 0.5 if as_trained else sigma


def end_scale(sampler: Sampler, sigmas: Sigmas) -> float:
    """What x at the last level is multiplied by to be a latent.

    The timestep family stops just above 0 and hands out its own x, which is shorter than ours there.
    """
    return (1 + float(sigmas[-1]) ** 2) ** -0.5 if sampler.family in ("timestep", "unipc") else 1.0
