"""Names of samplers and schedules, and what they come down to."""

from __future__ import annotations

import inspect

import pytest

from modules.foundation.errors import NotFound
from modules.sampling.catalog import SAMPLERS, SCHEDULES, Sampler, Schedule, effective, resolve

RESOLVED = [
    # sampler_name, scheduler -> sampler, schedule
    ("DPM++ 2M", "", "DPM++ 2M", "Automatic"),
    ("DPM++ 2M", "Automatic", "DPM++ 2M", "Automatic"),
    ("DPM++ 2M", "Karras", "DPM++ 2M", "Automatic"),
    ("DPM++ 2M", "karras", "DPM++ 2M", "Automatic"),
    ("DPM++ 2M", "Exponential", "DPM++ 2M", "Exponential"),
    ("DPM++ 2M Karras", "", "DPM++ 2M", "Automatic"),
    ("DPM++ 2M Karras", "Exponential", "DPM++ 2M", "Automatic"),
    ("DPM++ 2M SDE Karras", "", "DPM++ 2M SDE", "Karras"),
    ("DPM++ 2M SDE Exponential", "Karras", "DPM++ 2M SDE", "Automatic"),
    ("DPM++ SDE Karras", "", "DPM++ SDE", "Automatic"),
    ("Euler SGMUniform", "", "Euler", "SGM Uniform"),
    ("Euler SGM Uniform", "", "Euler", "SGM Uniform"),
    ("Euler a", "normal", "Euler a", "Normal"),
    ("Euler", "KARRAS", "Euler", "Automatic"),
    ("Euler", "no such schedule", "Euler", "Automatic"),
    ("k_euler_a", "", "Euler a", "Automatic"),
    ("euler a", "", "Euler a", "Automatic"),
    ("", "", "DPM++ 2M", "Automatic"),
    ("DDIM", "Karras", "DDIM", "Karras"),
    ("DPM2 Karras", "", "DPM2", "Automatic"),
    ("DPM2 a Karras", "", "DPM2 a", "Automatic"),
    ("LMS Karras", "", "LMS", "Karras"),
    ("DPM++ 2S a Karras", "", "DPM++ 2S a", "Automatic"),
    ("DPM++ 2M SDE Heun Karras", "", "DPM++ 2M SDE Heun", "Karras"),
    ("DPM++ 2M SDE Heun Exponential", "", "DPM++ 2M SDE Heun", "Automatic"),
    ("DPM++ 3M SDE Exponential", "", "DPM++ 3M SDE", "Automatic"),
    ("Euler DDIM", "", "Euler", "DDIM"),
    ("Euler align_your_steps", "", "Euler", "Align Your Steps"),
    ("k_dpm_ad", "beta", "DPM adaptive", "Beta"),
    ("ddim_cfgpp", "", "DDIM CFG++", "Automatic"),
]


def test_order_is_a1111s() -> None:
    assert ", ".join(sampler.name for sampler in SAMPLERS) == (
        "DPM++ 2M, DPM++ SDE, DPM++ 2M SDE, DPM++ 2M SDE Heun, DPM++ 2S a, DPM++ 3M SDE, Euler a, Euler, LMS, Heun, "
        "DPM2, DPM2 a, DPM fast, DPM adaptive, Restart, DDIM, DDIM CFG++, PLMS, UniPC, LCM"
    )
    assert ", ".join(schedule.label for schedule in SCHEDULES) == (
        "Automatic, Uniform, Karras, Exponential, Polyexponential, SGM Uniform, KL Optimal, Align Your Steps, Simple, "
        "Normal, DDIM, Beta, Turbo"
    )


@pytest.mark.parametrize(("name", "scheduler", "sampler", "schedule"), RESOLVED)
def test_names_resolve_as_in_a1111(name: str, scheduler: str, sampler: str, schedule: str) -> None:
    found = resolve(name, scheduler)
    assert (found[0].name, found[1].label) == (sampler, schedule)


@pytest.mark.parametrize("name", ["Eulerr", "Karras", "DPM++ 2M  Karras", "Euler a b"])
def test_an_unknown_sampler_is_named(name: str) -> None:
    with pytest.raises(NotFound, match="Sampler not found"):
        resolve(name, "")


EFFECTIVE = [
    ("DPM++ 2M", "Automatic", "Karras"),
    ("DPM++ 2M SDE", "Automatic", "Exponential"),
    ("Euler", "Automatic", "Automatic"),
    ("Euler", "Karras", "Karras"),
    ("LCM", "Karras", "Karras"),
    ("DDIM", "Karras", "Automatic"),
    ("UniPC", "Karras", "Automatic"),
]


@pytest.mark.parametrize(("sampler", "schedule", "label"), EFFECTIVE)
def test_automatic_is_the_samplers_own(sampler: str, schedule: str, label: str) -> None:
    assert effective(*resolve(sampler, schedule)).label == label


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_solvers_exist_and_know_their_knobs(sampler: Sampler) -> None:
    parameters = inspect.signature(sampler.solver()).parameters
    assert {"model", "x", "sigmas", "noise", "on_step", *sampler.knobs} <= set(parameters)
    assert sampler.default_schedule in {"", *(schedule.name for schedule in SCHEDULES)}


@pytest.mark.parametrize("schedule", SCHEDULES[1:], ids=lambda schedule: schedule.name)
def test_schedule_functions_exist_and_take_what_they_are_said_to(schedule: Schedule) -> None:
    parameters = inspect.signature(schedule.function()).parameters
    assert list(parameters)[:3] == ["n", "sigma_min", "sigma_max"]
    assert ("parametrization" in parameters) == schedule.need_inner_model
    assert ("rho" in parameters) == (schedule.default_rho != -1)
    if schedule.default_rho != -1:
        assert parameters["rho"].default == schedule.default_rho


def test_the_api_sees_a1111s_options() -> None:
    options = {sampler.name: sampler.options for sampler in SAMPLERS}
    assert options["DPM++ 2M"] == {"scheduler": "karras"}
    assert options["DPM++ SDE"] == {"scheduler": "karras", "second_order": "True", "brownian_noise": "True"}
    assert options["Euler a"] == {"uses_ensd": "True"}
    assert options["DDIM"] == {}
    assert options["DPM++ 2M SDE Heun"] == {
        "scheduler": "exponential",
        "brownian_noise": "True",
        "solver_type": "heun",
    }
    assert options["DPM2 a"] == {
        "scheduler": "karras",
        "second_order": "True",
        "uses_ensd": "True",
        "discard_next_to_last_sigma": "True",
    }
    assert options["Restart"] == {"scheduler": "karras", "second_order": "True"}


def test_names_are_told_apart() -> None:
    names = [
        name.lower()
        for sampler in SAMPLERS
        for name in (sampler.name, *sampler.aliases)
        if name != sampler.name.lower()
    ]
    assert len(names) == len(set(names))
