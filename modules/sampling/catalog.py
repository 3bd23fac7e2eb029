"""The samplers and schedules a user can choose, in A1111's order. Start with `resolve`.

Nothing here imports torch: the page lists samplers before torch is loaded. Solvers and schedule
functions are named by path and imported when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from modules.foundation.errors import NotFound

if TYPE_CHECKING:
    from modules.sampling.types import Sigmas, Solver


@dataclass(frozen=True, slots=True)
class Sampler:
    """One entry of the sampler list.

    `solver_path` is "module:function" within this package. `knobs` are the values of a request the
    solver listens to. `family` says how sigmas are laid out: "sigma" by a schedule, "timestep" and
    "unipc" by the sampler itself on the model's timesteps (schedules are ignored), "lcm" by a schedule
    over the 50 levels that latent consistency models know, "span" by the solver itself between the ends of
    the model's table. `solver_type` tells apart what one solver does two ways. `always_noisy` samplers draw
    noise without being asked by a knob.
    """

    name: str
    aliases: tuple[str, ...]
    solver_path: str
    default_schedule: str = ""
    knobs: tuple[str, ...] = ()
    family: Literal["sigma", "timestep", "unipc", "lcm", "span"] = "sigma"
    second_order: bool = False
    uses_ensd: bool = False
    discard_next_to_last_sigma: bool = False
    brownian_noise: bool = False
    solver_type: str = ""
    always_noisy: bool = False

    def solver(self) -> Solver:
        return cast("Solver", _at(self.solver_path))

    @property
    def options(self) -> dict[str, str]:
        """What A1111's API lists: the default schedule and every flag that is set."""
        flags = ("second_order", "uses_ensd", "discard_next_to_last_sigma", "brownian_noise")
        schedule = {"scheduler": self.default_schedule} if self.default_schedule else {}
        solver_type = {"solver_type": self.solver_type} if self.solver_type else {}
        return schedule | {flag: "True" for flag in flags if getattr(self, flag)} | solver_type


@dataclass(frozen=True, slots=True)
class Schedule:
    """One entry of the schedule list. `default_rho` is -1 for schedules without one, as in A1111's API."""

    name: str
    label: str
    path: str = ""
    aliases: tuple[str, ...] = ()
    default_rho: float = -1.0
    need_inner_model: bool = False

    def function(self) -> Callable[..., Sigmas]:
        """`f(n, sigma_min, sigma_max, ...)`; `automatic` has none."""
        return cast("Callable[..., Sigmas]", _at(self.path))


def _at(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(f"modules.sampling.{module}"), name)


_CHURN = ("s_churn", "s_tmin", "s_tmax", "s_noise")

SAMPLERS: tuple[Sampler, ...] = (
    Sampler("DPM++ 2M", ("k_dpmpp_2m",), "dpmpp:dpmpp_2m", "karras"),
    Sampler(
        "DPM++ SDE",
        ("k_dpmpp_sde",),
        "dpmpp:dpmpp_sde",
        "karras",
        knobs=("eta", "s_noise"),
        second_order=True,
        brownian_noise=True,
    ),
    Sampler(
        "DPM++ 2M SDE",
        ("k_dpmpp_2m_sde",),
        "dpmpp:dpmpp_2m_sde",
        "exponential",
        knobs=("eta", "s_noise"),
        brownian_noise=True,
    ),
    Sampler(
        "DPM++ 2M SDE Heun",
        ("k_dpmpp_2m_sde_heun",),
        "dpmpp:dpmpp_2m_sde",
        "exponential",
        knobs=("eta", "s_noise"),
        brownian_noise=True,
        solver_type="heun",
    ),
    Sampler(
        "DPM++ 2S a",
        ("k_dpmpp_2s_a",),
        "dpmpp:dpmpp_2s_ancestral",
        "karras",
        knobs=("eta", "s_noise"),
        second_order=True,
        uses_ensd=True,
    ),
    Sampler(
        "DPM++ 3M SDE",
        ("k_dpmpp_3m_sde",),
        "dpmpp:dpmpp_3m_sde",
        "exponential",
        knobs=("eta", "s_noise"),
        discard_next_to_last_sigma=True,
        brownian_noise=True,
    ),
    Sampler("Euler a", ("k_euler_a", "k_euler_ancestral"), "solvers:euler_ancestral", knobs=("eta",), uses_ensd=True),
    Sampler("Euler", ("k_euler",), "solvers:euler", knobs=_CHURN),
    Sampler("LMS", ("k_lms",), "solvers:lms"),
    Sampler("Heun", ("k_heun",), "solvers:heun", knobs=_CHURN, second_order=True),
    Sampler(
        "DPM2",
        ("k_dpm_2",),
        "solvers:dpm2",
        "karras",
        knobs=_CHURN,
        second_order=True,
        discard_next_to_last_sigma=True,
    ),
    Sampler(
        "DPM2 a",
        ("k_dpm_2_a",),
        "solvers:dpm2_ancestral",
        "karras",
        knobs=("eta", "s_noise"),
        second_order=True,
        uses_ensd=True,
        discard_next_to_last_sigma=True,
    ),
    Sampler(
        "DPM fast",
        ("k_dpm_fast",),
        "dpm_solver:dpm_fast",
        knobs=("eta", "s_noise"),
        family="span",
        uses_ensd=True,
    ),
    Sampler(
        "DPM adaptive",
        ("k_dpm_ad",),
        "dpm_solver:dpm_adaptive",
        knobs=("eta",),
        family="span",
        uses_ensd=True,
    ),
    Sampler("Restart", ("restart",), "solvers:restart", "karras", second_order=True, always_noisy=True),
    Sampler("DDIM", ("ddim",), "timestep_solvers:ddim", knobs=("eta",), family="timestep"),
    Sampler("DDIM CFG++", ("ddim_cfgpp",), "timestep_solvers:ddim_cfgpp", knobs=("eta",), family="timestep"),
    Sampler("PLMS", ("plms",), "timestep_solvers:plms", family="timestep"),
    Sampler(
        "UniPC",
        ("unipc",),
        "timestep_solvers:unipc",
        knobs=("uni_pc_variant", "uni_pc_order", "uni_pc_lower_order_final"),
        family="unipc",
    ),
    Sampler("LCM", ("k_lcm",), "solvers:lcm", family="lcm", always_noisy=True),
)

SCHEDULES: tuple[Schedule, ...] = (
    Schedule("automatic", "Automatic"),
    Schedule("uniform", "Uniform", "schedules:uniform", need_inner_model=True),
    Schedule("karras", "Karras", "schedules:karras", default_rho=7.0),
    Schedule("exponential", "Exponential", "schedules:exponential"),
    Schedule("polyexponential", "Polyexponential", "schedules:polyexponential", default_rho=1.0),
    Schedule("sgm_uniform", "SGM Uniform", "schedules:sgm_uniform", ("SGMUniform",), need_inner_model=True),
    Schedule("kl_optimal", "KL Optimal", "schedules:kl_optimal"),
    Schedule("align_your_steps", "Align Your Steps", "schedules:align_your_steps"),
    Schedule("simple", "Simple", "schedules:simple", need_inner_model=True),
    Schedule("normal", "Normal", "schedules:normal", need_inner_model=True),
    Schedule("ddim", "DDIM", "schedules:ddim", need_inner_model=True),
    Schedule("beta", "Beta", "schedules:beta", need_inner_model=True),
    Schedule("turbo", "Turbo", "schedules:turbo", need_inner_model=True),
)

AUTOMATIC = SCHEDULES[0]


def resolve(sampler_name: str, scheduler: str = "") -> tuple[Sampler, Schedule]:
    """What is meant by a request's two names, which may be combined as before A1111 1.9.

    "DPM++ 2M Karras" is DPM++ 2M with Karras; a schedule in the sampler's name beats `scheduler`. A
    schedule nobody knows is Automatic, and so is the sampler's own default; "" is the first sampler.
    Raises NotFound naming the sampler.
    """
    schedule = next((s for s in SCHEDULES if scheduler in (s.name, s.label)), AUTOMATIC)
    name, combined = _split(sampler_name)
    schedule = combined or schedule
    sampler = _sampler(name)
    return sampler, AUTOMATIC if schedule.name == sampler.default_schedule else schedule


def effective(sampler: Sampler, schedule: Schedule) -> Schedule:
    """The schedule that is run: Automatic becomes the sampler's default, and stays where it has none."""
    if sampler.family in ("timestep", "unipc"):
        return AUTOMATIC
    if schedule is not AUTOMATIC:
        return schedule
    return next((s for s in SCHEDULES if s.name == sampler.default_schedule), AUTOMATIC)


def _split(name: str) -> tuple[str, Schedule | None]:
    """The name without a schedule at its end, and that schedule: the longest, for "SGM Uniform" ends in "Uniform"."""
    spellings = {spelling: s for s in SCHEDULES for spelling in (s.label, s.name, *s.aliases)}
    ending = max((spelling for spelling in spellings if name.endswith(f" {spelling}")), key=len, default="")
    return (name.removesuffix(f" {ending}"), spellings[ending]) if ending else (name, None)


def _sampler(name: str) -> Sampler:
    if not name:
        return SAMPLERS[0]
    for sampler in SAMPLERS:
        if name == sampler.name:
            return sampler
    for sampler in SAMPLERS:
        if name.lower() in (sampler.name.lower(), *sampler.aliases):
            return sampler
    known = ", ".join(sampler.name for sampler in SAMPLERS)
    raise NotFound(f"Sampler not found: '{name}'. Choose one of {known}.")
