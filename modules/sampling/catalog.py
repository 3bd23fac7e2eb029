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
    over the 50 levels that latent consistency models know.
    """

    name: str
    aliases: tuple[str, ...]
    solver_path: str
    default_schedule: str = ""
    knobs: tuple[str, ...] = ()
    family: Literal["sigma", "timestep", "unipc", "lcm"] = "sigma"
    second_order: bool = False
    uses_ensd: bool = False
    discard_next_to_last_sigma: bool = False
    brownian_noise: bool = False

    def solver(self) -> Solver:
        return cast("Solver", _at(self.solver_path))

    @property
    def options(self) -> dict[str, str]:
        """What A1111's API lists: the default schedule and every flag that is set."""
        flags = ("second_order", "uses_ensd", "discard_next_to_last_sigma", "brownian_noise")
        schedule = {"scheduler": self.default_schedule} if self.default_schedule else {}
        return schedule | {flag: "True" for flag in flags if getattr(self, flag)}


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
    Sampler("Euler a", ("k_euler_a", "k_euler_ancestral"), "solvers:euler_ancestral", knobs=("eta",), uses_ensd=True),
    Sampler("Euler", ("k_euler",), "solvers:euler", knobs=_CHURN),
    Sampler("DDIM", ("ddim",), "timestep_solvers:ddim", knobs=("eta",), family="timestep"),
    Sampler(
        "UniPC",
        ("unipc",),
        "timestep_solvers:unipc",
        knobs=("uni_pc_variant", "uni_pc_order", "uni_pc_lower_order_final"),
        family="unipc",
    ),
    Sampler("LCM", ("k_lcm",), "solvers:lcm", family="lcm"),
)

SCHEDULES: tuple[Schedule, ...] = (
    Schedule("automatic", "Automatic"),
    Schedule("uniform", "Uniform", "schedules:uniform", need_inner_model=True),
    Schedule("karras", "Karras", "schedules:karras", default_rho=7.0),
    Schedule("exponential", "Exponential", "schedules:exponential"),
    Schedule("sgm_uniform", "SGM Uniform", "schedules:sgm_uniform", ("SGMUniform",), need_inner_model=True),
    Schedule("normal", "Normal", "schedules:normal", need_inner_model=True),
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
