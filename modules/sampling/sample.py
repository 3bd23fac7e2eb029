"""The entry: from a sampler, a denoiser and noise to a latent. `txt2img` starts from noise, `img2img` from a latent."""

from __future__ import annotations

from typing import Any, Final

import torch

from modules.foundation.errors import UserError
from modules.sampling.catalog import Sampler, Schedule, effective
from modules.sampling.knobs import Knobs
from modules.sampling.noise import ImageNoise
from modules.sampling.parametrization import Flow, Parametrization, consistency, discrete, within, zero_terminal_snr
from modules.sampling.relay import Prepared
from modules.sampling.schedules import exponential, timestep_grid, uniform, unipc_grid, unipc_grid_from
from modules.sampling.types import Latent, OnStep, Sigmas, StepNoise, ignore

STRONGEST: Final = 0.999
"""The greatest denoising strength: 1 would leave nothing of the latent, and A1111 takes it for this."""


def txt2img(
    sampler: Sampler,
    schedule: Schedule,
    denoiser: Prepared,
    noise: ImageNoise,
    steps: int,
    knobs: Knobs,
    on_step: OnStep = ignore,
) -> Latent:
    """From pure noise to a latent [B, C, h, w], float32 on the noise's device.

    `denoiser` carries the model's own parametrization. What `on_step` or the denoiser's hooks raise passes
    through. DDIM makes one update less than `steps`, or more where `steps` does not divide 1000.
    """
    sigmas = sigmas_for(sampler, schedule, steps, denoiser.parametrization, knobs)
    x = noise.first() * start_scale(sampler, sigmas, knobs)
    return _walked(sampler, denoiser, x, sigmas, _step_noise(sampler, sigmas, noise), steps, knobs, on_step)


def img2img(
    sampler: Sampler,
    schedule: Schedule,
    denoiser: Prepared,
    noise: ImageNoise,
    init: Latent,
    steps: int,
    denoising_strength: float,
    knobs: Knobs,
    on_step: OnStep = ignore,
    *,
    exact_steps: bool = False,
    noise_multiplier: float = 1.0,
    extra_noise: float = 0.0,
) -> Latent:
    """From a clean latent `init` [B, C, h, w], noised by the share `denoising_strength` (0..1), to another.

    The last part of a schedule of `steps` is walked, or with `exact_steps` all of `steps` as the last part of a
    longer one (see `part_of_schedule`). `noise_multiplier` weakens or strengthens the noise; `extra_noise` is
    added beyond what the schedule expects, for detail.
    """
    if knobs.sigmas:
        steps, exact_steps = len(knobs.sigmas), False  # of a list that is given only a part can be walked
    length, last = part_of_schedule(steps, denoising_strength, exact=exact_steps)
    if length == 0:
        return init
    whole = whole_sigmas(sampler, schedule, length, denoiser.parametrization, knobs)
    sigmas = part_sigmas(sampler, whole, length, last, denoiser.parametrization, knobs)
    # The timestep family begins a timestep below that of its noise, as in A1111.
    at = whole[len(whole) - 1 - last] if _by_timestep(sampler) else sigmas[0]
    x = init + noise.first() * noise_multiplier * (float(at) + extra_noise)
    if _by_timestep(sampler):
        if len(sigmas) == 0:
            return x / (1 + float(at) ** 2) ** 0.5
        x = x * ((1 + float(sigmas[0]) ** 2) / (1 + float(at) ** 2)) ** 0.5
    return _walked(sampler, denoiser, x, sigmas, _step_noise(sampler, whole, noise), last + 1, knobs, on_step)


def part_of_schedule(steps: int, denoising_strength: float, *, exact: bool = False) -> tuple[int, int]:
    """(length of the whole schedule, t) such that its last t + 1 steps are walked, by A1111's rule.

    20 steps at 0.75 walk 16 of 20, and with `exact` 20 of 26. Exact at strength 0 nothing is walked: (0, t).
    """
    strength = min(denoising_strength, STRONGEST)
    if not exact:
        return steps, int(strength * steps)
    return (int(steps / strength) if strength > 0 else 0), steps - 1


def _walked(
    sampler: Sampler,
    denoiser: Prepared,
    x: Latent,
    sigmas: Sigmas,
    step_noise: StepNoise,
    steps: int,
    knobs: Knobs,
    on_step: OnStep,
) -> Latent:
    model = denoiser.for_run(
        lambda parametrization: parametrization_for(sampler, parametrization, knobs),
        levels_are_timesteps=_by_timestep(sampler),
        planned=steps * (2 if sampler.second_order else 1),
    )
    x = sampler.solver()(model, x, sigmas, noise=step_noise, on_step=on_step, **knobs.for_solver(sampler))
    return x * end_scale(sampler, sigmas)


def _step_noise(sampler: Sampler, whole: Sigmas, noise: ImageNoise) -> StepNoise:
    """What steps draw from. A Brownian path spans the whole schedule, of which a run may walk a part."""
    if not sampler.brownian_noise:
        return noise
    return noise.brownian(float(whole[whole > 0].min()), float(whole.max()))


def _by_timestep(sampler: Sampler) -> bool:
    return sampler.family in ("timestep", "unipc")


def parametrization_for(sampler: Sampler, parametrization: Parametrization, knobs: Knobs) -> Parametrization:
    """How the run reads the model: by another noise table if asked to; LCM knows fewer levels."""
    if isinstance(parametrization, Flow):
        return parametrization  # Neither its table nor its times are of the kind that can be exchanged.
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
    levels the solver heeds the ends and the number. With KL Optimal any sampler stops above 0. Levels given by
    `knobs.sigmas` beat every schedule; the families that stop above 0 then end at the model's lowest.
    """
    parametrization = _read_for_levels(sampler, parametrization, knobs)
    if knobs.sigmas:
        return _given(sampler, parametrization, knobs)
    if sampler.family == "timestep":
        return timestep_grid(_planned_length(sampler, steps, knobs), parametrization)
    if sampler.family == "unipc":
        return unipc_grid(_planned_length(sampler, steps, knobs), parametrization, knobs.uni_pc_skip_type)
    if sampler.family == "span":
        return exponential(steps + 1, parametrization.sigma_min, parametrization.sigma_max)[:-1]
    return _stepped(sampler, schedule, steps, parametrization, knobs)


def whole_sigmas(
    sampler: Sampler, schedule: Schedule, length: int, parametrization: Parametrization, knobs: Knobs
) -> Sigmas:
    """The levels of a whole schedule, for `part_sigmas` to cut: as `sigmas_for`, but the span family heeds the
    schedule and UniPC DDIM's levels.
    """
    read = _read_for_levels(sampler, parametrization, knobs)
    if sampler.family == "span" and not knobs.sigmas:
        return _stepped(sampler, schedule, length, read, knobs)
    if sampler.family == "unipc" and not knobs.sigmas:
        return timestep_grid(_planned_length(sampler, length, knobs), read)
    return sigmas_for(sampler, schedule, length, parametrization, knobs)


def part_sigmas(
    sampler: Sampler, whole: Sigmas, length: int, last: int, parametrization: Parametrization, knobs: Knobs
) -> Sigmas:
    """The levels of the last `last` + 1 steps of a schedule. The timestep family takes one level fewer, maybe none."""
    if _by_timestep(sampler):
        if sampler.family == "unipc" and last and not knobs.sigmas:
            read = _read_for_levels(sampler, parametrization, knobs)
            return unipc_grid_from(last, _planned_length(sampler, length, knobs), read, knobs.uni_pc_skip_type)
        return whole[len(whole) - last :]
    sigmas = whole[length - last - 1 :]
    if sampler.family == "span" and not knobs.sigmas:
        # The last level is 0, which DPM-Solver cannot reach.
        return exponential(len(sigmas), float(sigmas[-2]), float(sigmas[0]))[:-1]
    return sigmas


def _read_for_levels(sampler: Sampler, parametrization: Parametrization, knobs: Knobs) -> Parametrization:
    parametrization = parametrization_for(sampler, parametrization, knobs)
    if knobs.sigmas or (knobs.timestep_start is None and knobs.timestep_end is None):
        return parametrization
    return _between(parametrization, knobs)


def _stepped(
    sampler: Sampler, schedule: Schedule, steps: int, parametrization: Parametrization, knobs: Knobs
) -> Sigmas:
    """A schedule's levels [steps + 1], the last but one left out of one step more where that is wanted."""
    planned = _planned_length(sampler, steps, knobs)
    sigmas = _scheduled(effective(sampler, schedule), planned, parametrization, knobs)
    return torch.cat([sigmas[:-2], sigmas[-1:]]) if planned > steps else sigmas


def _planned_length(sampler: Sampler, steps: int, knobs: Knobs) -> int:
    return steps + (sampler.discard_next_to_last_sigma or knobs.always_discard_next_to_last_sigma)


def _given(sampler: Sampler, parametrization: Parametrization, knobs: Knobs) -> Sigmas:
    sigmas = torch.tensor(knobs.sigmas)
    if sampler.family not in ("timestep", "unipc", "span"):
        return torch.cat([sigmas, sigmas.new_zeros(1)])
    lowest = sigmas.new_tensor([parametrization.sigma_min])
    if sampler.family == "span":
        # As for its own levels: as many as steps, of which the solver reads the ends.
        return torch.cat([sigmas[:-1], lowest])
    return torch.cat([sigmas, lowest]) if sigmas[-1] > lowest else sigmas


def _between(parametrization: Parametrization, knobs: Knobs) -> Parametrization:
    first, last = parametrization.t_range
    start = last if knobs.timestep_start is None else knobs.timestep_start
    end = first if knobs.timestep_end is None else knobs.timestep_end
    return within(parametrization, min(max(end, first), last), max(min(start, last), first))


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
    as_trained = _by_timestep(sampler) or knobs.sgm_noise_multiplier
    return (1 + sigma**2) ** 0.5 if as_trained else sigma


def end_scale(sampler: Sampler, sigmas: Sigmas) -> float:
    """What x at the last level is multiplied by to be a latent.

    The timestep family stops just above 0 and hands out its own x, which is shorter than ours there.
    """
    return (1 + float(sigmas[-1]) ** 2) ** -0.5 if _by_timestep(sampler) else 1.0
