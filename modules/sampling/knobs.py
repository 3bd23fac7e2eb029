"""Knobs: what tunes a run, decided once from the settings and the request. Start with `knobs_for`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from modules.foundation.settings import Snapshot
from modules.sampling.catalog import Sampler, Schedule, effective
from modules.sampling.options import ZERO_TERMINAL_SNR, NoiseOptions, SamplerOptions, ScheduleCompatibility

_CHURN_DEFAULTS = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": 0.0, "s_noise": 1.0}


@dataclass(frozen=True, slots=True)
class Knobs:
    """Values for the solver, for the schedule, and what of them an infotext has to tell.

    `s_tmax` is infinite where nothing limits it; `sigma_min`, `sigma_max` and `rho` are None where
    model and schedule decide.
    """

    eta: float = 1.0
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0
    sigma_min: float | None = None
    sigma_max: float | None = None
    rho: float | None = None
    old_karras_sigmas: bool = False
    always_discard_next_to_last_sigma: bool = False
    sgm_noise_multiplier: bool = False
    uni_pc_variant: str = "bh1"
    uni_pc_skip_type: str = "time_uniform"
    uni_pc_order: int = 3
    uni_pc_lower_order_final: bool = True
    beta_dist_alpha: float = 0.6
    beta_dist_beta: float = 0.6
    quantized: bool = False
    downcast_alphas: bool = False
    zero_terminal_snr: bool = False
    sigmas: tuple[float, ...] = ()
    """The noise levels themselves, falling, without the closing 0; empty where a schedule makes them."""
    timestep_start: float | None = None
    timestep_end: float | None = None
    """Which of the model's timesteps a schedule may use, from noise to picture; None is without limit."""
    churn_options: tuple[str, ...] = ()
    """Which of the s_* come from the settings; only those are written into an infotext."""

    def for_solver(self, sampler: Sampler) -> dict[str, Any]:
        """The arguments its solver listens to."""
        solver_type = {"solver_type": sampler.solver_type} if sampler.solver_type else {}
        return {name: getattr(self, name) for name in sampler.knobs} | solver_type


def knobs_for(
    sampler: Sampler,
    settings: Snapshot,
    *,
    eta: float | None = None,
    s_churn: float | None = None,
    s_tmin: float | None = None,
    s_tmax: float | None = None,
    s_noise: float | None = None,
    sigmas: tuple[float, ...] = (),
    timestep_start: float | None = None,
    timestep_end: float | None = None,
) -> Knobs:
    """The knobs of a run; the arguments are the request's, None where it leaves the choice.

    As in A1111 a request's eta beats the setting, but a setting of the s_* that is not at its default
    beats the request.
    """
    options, old = settings[SamplerOptions], settings[ScheduleCompatibility]
    if eta is None:
        eta = options.eta_ddim if sampler.family in ("timestep", "unipc") else options.eta_ancestral
    asked = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    set_ = tuple(name for name, default in _CHURN_DEFAULTS.items() if getattr(options, name) != default)
    churn: dict[str, float] = {}
    for name, default in _CHURN_DEFAULTS.items():
        value = asked[name]
        churn[name] = getattr(options, name) if name in set_ else default if value is None else value
    return Knobs(
        eta=eta,
        s_churn=churn["s_churn"],
        s_tmin=churn["s_tmin"],
        s_tmax=churn["s_tmax"] or math.inf,
        s_noise=churn["s_noise"],
        sigma_min=options.sigma_min or None,
        sigma_max=options.sigma_max or None,
        rho=options.rho or None,
        old_karras_sigmas=old.use_old_karras_scheduler_sigmas,
        always_discard_next_to_last_sigma=options.always_discard_next_to_last_sigma,
        sgm_noise_multiplier=options.sgm_noise_multiplier,
        uni_pc_variant=options.uni_pc_variant,
        uni_pc_skip_type=options.uni_pc_skip_type,
        uni_pc_order=options.uni_pc_order,
        uni_pc_lower_order_final=options.uni_pc_lower_order_final,
        beta_dist_alpha=options.beta_dist_alpha,
        beta_dist_beta=options.beta_dist_beta,
        quantized=settings[NoiseOptions].enable_quantization,
        downcast_alphas=old.use_downcasted_alpha_bar,
        zero_terminal_snr=options.sd_noise_schedule == ZERO_TERMINAL_SNR,
        sigmas=sigmas,
        timestep_start=timestep_start,
        timestep_end=timestep_end,
        churn_options=set_,
    )


def recorded(sampler: Sampler, schedule: Schedule, knobs: Knobs) -> dict[str, Any]:
    """What an infotext says about sampling besides steps and names, in A1111's order of keys.

    The label for "Schedule type" is `effective(sampler, schedule).label`.
    """
    used = effective(sampler, schedule)
    found: dict[str, Any] = {}
    if knobs.downcast_alphas:
        found["Downcast alphas_cumprod"] = True
    if knobs.zero_terminal_snr:
        found["Noise Schedule"] = ZERO_TERMINAL_SNR
    if knobs.always_discard_next_to_last_sigma and not sampler.discard_next_to_last_sigma:
        found["Discard penultimate sigma"] = True
    if used.path:
        found["Schedule min sigma"] = knobs.sigma_min
        found["Schedule max sigma"] = knobs.sigma_max
        found["Schedule rho"] = knobs.rho if used.default_rho not in (-1.0, knobs.rho) else None
    if used.name == "beta":
        found["Beta schedule alpha"], found["Beta schedule beta"] = knobs.beta_dist_alpha, knobs.beta_dist_beta
    if knobs.sgm_noise_multiplier and sampler.family in ("sigma", "lcm", "span"):
        found["SGM noise multiplier"] = True
    if "eta" in sampler.knobs:
        label, default = ("Eta DDIM", 0.0) if sampler.family == "timestep" else ("Eta", 1.0)
        found[label] = knobs.eta if knobs.eta != default else None
    labels = {"s_churn": "Sigma churn", "s_tmin": "Sigma tmin", "s_tmax": "Sigma tmax", "s_noise": "Sigma noise"}
    for name, label in labels.items():
        if name in sampler.knobs and name in knobs.churn_options:
            found[label] = getattr(knobs, name)
    found["Sigmas"] = ", ".join(f"{sigma:.10g}" for sigma in knobs.sigmas) or None
    found["Timestep start"], found["Timestep end"] = knobs.timestep_start, knobs.timestep_end
    return {key: value for key, value in found.items() if value is not None}
