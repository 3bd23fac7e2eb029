"""The entry: knobs, noise levels and whole runs of every sampler."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.foundation.errors import Interrupted, UserError
from modules.foundation.settings import Settings, Snapshot
from modules.sampling.catalog import SAMPLERS, Sampler, resolve
from modules.sampling.guidance import CfgDenoiser
from modules.sampling.knobs import Knobs, knobs_for, recorded
from modules.sampling.noise import ImageNoise
from modules.sampling.options import GuidanceOptions, NoiseOptions, SamplerOptions, ScheduleCompatibility
from modules.sampling.parametrization import discrete, flow, scaled_linear
from modules.sampling.sample import sigmas_for, txt2img
from modules.sampling.types import Conditioning, Step

EPS = discrete(scaled_linear(), "epsilon")
SHAPE = (4, 8, 8)
BY_NAME = {sampler.name: sampler for sampler in SAMPLERS}


@pytest.fixture
def settings(tmp_path: Path) -> Snapshot:
    groups = (SamplerOptions, GuidanceOptions, NoiseOptions, ScheduleCompatibility)
    return Settings(groups, tmp_path / "config.json").snapshot


def network(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
    return x * 0.9 + conditioning.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1) * 0.1


def run(sampler: Sampler, seeds: list[int], steps: int = 6, source: Any = "CPU", **knobs: Any) -> Tensor:
    positive = Conditioning(torch.stack([torch.full((77, 8), seed / 10) for seed in seeds]))
    model = CfgDenoiser(EPS, network, positive, Conditioning(torch.zeros(len(seeds), 77, 8)), 5.0)
    noise = ImageNoise(seeds, SHAPE, "cpu", source)
    return txt2img(sampler, resolve(sampler.name)[1], model, noise, steps, Knobs(**knobs))


# A batch shares DPM adaptive's steps, as in A1111; a recorded picture holds us to that.
APART = [sampler for sampler in SAMPLERS if sampler.name != "DPM adaptive"]


@pytest.mark.parametrize("source", ["CPU", "NV"])
@pytest.mark.parametrize("sampler", APART, ids=lambda sampler: sampler.name)
def test_an_image_does_not_depend_on_its_batch(sampler: Sampler, source: str) -> None:
    together = run(sampler, [3, 4, 5], source=source, s_churn=2.0)
    assert together.dtype == torch.float32
    for i, seed in enumerate([3, 4, 5]):
        torch.testing.assert_close(run(sampler, [seed], source=source, s_churn=2.0)[0], together[i])


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
@pytest.mark.parametrize("steps", [1, 2, 3, 150])
def test_any_number_of_steps_gives_numbers(sampler: Sampler, steps: int) -> None:
    assert run(sampler, [1], steps).isfinite().all()


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_steps_are_told_and_may_interrupt(sampler: Sampler) -> None:
    told: list[Step] = []

    def stop(step: Step) -> None:
        told.append(step)
        if step.index == 2:
            raise Interrupted

    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 5.0)
    with pytest.raises(Interrupted):
        txt2img(sampler, resolve("")[1], model, ImageNoise([1], SHAPE, "cpu", "CPU"), 10, Knobs(), stop)
    assert [step.index for step in told] == [0, 1, 2]


def test_the_tally_is_the_callers() -> None:
    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 5.0, s_min_uncond=5.0, s_min_uncond_all=True)
    txt2img(BY_NAME["LCM"], resolve("")[1], model, ImageNoise([1], SHAPE, "cpu", "CPU"), 8, Knobs())
    assert model.tally.evaluations == 8
    assert 0 < model.tally.skipped < 8


CALLS = [
    ("Euler", 20, 20),
    ("DPM++ SDE", 20, 39),
    ("LMS", 20, 20),
    ("Heun", 20, 39),
    ("DPM2", 20, 39),
    ("DPM2 a", 20, 39),
    ("DPM++ 2S a", 20, 39),
    ("DPM++ 3M SDE", 20, 20),
    ("DPM fast", 20, 20),
    ("DPM fast", 21, 21),
    ("Restart", 19, 37),
    ("Restart", 20, 39),
    ("Restart", 36, 71),
    ("DDIM", 20, 19),
    ("DDIM", 15, 15),
    ("DDIM CFG++", 20, 19),
    ("PLMS", 20, 20),
    ("UniPC", 20, 20),
    ("UniPC", 30, 31),
    ("LCM", 4, 4),
]


@pytest.mark.parametrize(("name", "steps", "calls"), CALLS)
def test_how_often_the_network_is_called(name: str, steps: int, calls: int) -> None:
    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 5.0)
    txt2img(BY_NAME[name], resolve("")[1], model, ImageNoise([1], SHAPE, "cpu", "CPU"), steps, Knobs())
    assert model.tally.evaluations == calls


def test_ddim_runs_over_every_nth_timestep_down_to_the_first() -> None:
    def timesteps(steps: int) -> list[int]:
        sigmas = sigmas_for(BY_NAME["DDIM"], resolve("")[1], steps, EPS, Knobs())
        return [round(float(t)) for t in EPS.to_t(sigmas)]

    assert timesteps(20) == list(range(951, 0, -50))
    assert timesteps(15)[:2] == [991, 925]
    assert len(timesteps(15)) == 16
    assert timesteps(1000)[:2] == [999, 999]


@pytest.mark.parametrize("skip_type", ["time_uniform", "time_quadratic", "logSNR"])
def test_unipc_spans_the_models_levels(skip_type: str) -> None:
    sigmas = sigmas_for(BY_NAME["UniPC"], resolve("")[1], 10, EPS, Knobs(uni_pc_skip_type=skip_type))
    assert float(sigmas[0]) == pytest.approx(EPS.sigma_max, rel=1e-5)
    assert float(sigmas[-1]) == pytest.approx(EPS.sigma_min, rel=1e-4)
    assert (sigmas.diff() < 0).all()
    assert len(sigmas) == 11


def test_unipc_spaces_time_as_asked() -> None:
    def timesteps(skip_type: str) -> Tensor:
        sigmas = sigmas_for(BY_NAME["UniPC"], resolve("")[1], 4, EPS, Knobs(uni_pc_skip_type=skip_type))
        return EPS.to_t(sigmas)

    torch.testing.assert_close(timesteps("time_uniform"), torch.linspace(999, 0, 5), atol=0.01, rtol=0)
    roots = ((timesteps("time_quadratic") + 1) / 1000).sqrt()
    torch.testing.assert_close(roots.diff(), roots.diff().mean().expand(4), atol=1e-3, rtol=0)


SCHEDULED = [
    # sampler, knobs, first and last level above 0
    ("Euler", {}, 14.614643, 0.029167),
    ("Euler", {"sigma_min": 0.1, "sigma_max": 10.0, "old_karras_sigmas": True}, 14.614643, 0.029167),
    ("Euler Karras", {"sigma_min": 0.1, "sigma_max": 10.0}, 10.0, 0.1),
    ("Euler Exponential", {"sigma_max": 100.0}, 100.0, 0.029167),
    ("Euler Karras", {"old_karras_sigmas": True}, 10.0, 0.1),
    ("Euler Normal", {"sigma_min": 0.1, "sigma_max": 10.0}, 10.0, 0.1),
    ("LCM", {}, 14.614643, 0.134451),
    ("LCM Karras", {}, 14.614643, 0.134451),
    ("Euler", {"always_discard_next_to_last_sigma": True}, 14.614643, 0.343705),
    ("Euler", {"zero_terminal_snr": True}, 4518.764, 0.029167),
    ("Euler Karras", {"zero_terminal_snr": True}, 4518.764, 0.029167),
    ("Euler", {"downcast_alphas": True}, 14.61234, 0.031265),
    ("DPM2", {}, 14.614643, 0.074364),
    ("DPM++ 3M SDE", {}, 14.614643, 0.054300),
]


@pytest.mark.parametrize(("name", "knobs", "first", "last"), SCHEDULED)
def test_limits_of_the_schedule(name: str, knobs: dict[str, Any], first: float, last: float) -> None:
    sigmas = sigmas_for(*resolve(name), 10, EPS, Knobs(**knobs))
    assert len(sigmas) == 11
    assert float(sigmas[-1]) == 0
    assert float(sigmas[0]) == pytest.approx(first, rel=1e-5)
    assert float(sigmas[-2]) == pytest.approx(last, rel=1e-3)


@pytest.mark.parametrize("knobs", [{"sigma_min": 20.0}, {"sigma_max": 0.01}, {"sigma_min": -1.0}])
def test_impossible_limits_are_refused(knobs: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="Schedule min sigma"):
        sigmas_for(*resolve("Euler Karras"), 10, EPS, Knobs(**knobs))


def test_a_request_beats_the_default_and_a_setting_beats_the_request(settings: Snapshot) -> None:
    euler = BY_NAME["Euler"]
    assert knobs_for(euler, settings).s_churn == 0
    assert knobs_for(euler, settings, s_churn=1.0).s_churn == 1.0
    changed = settings.overridden({"s_churn": 3.0, "s_tmax": 5.0})
    assert knobs_for(euler, changed, s_churn=1.0).s_churn == 3.0
    assert knobs_for(euler, changed).s_tmax == 5.0


def test_no_upper_limit_is_infinity(settings: Snapshot) -> None:
    assert knobs_for(BY_NAME["Euler"], settings).s_tmax == math.inf
    assert knobs_for(BY_NAME["Euler"], settings, s_tmax=0.0).s_tmax == math.inf


def test_each_family_has_its_own_eta(settings: Snapshot) -> None:
    changed = settings.overridden({"eta_ddim": 0.25, "eta_ancestral": 0.75})
    assert knobs_for(BY_NAME["DDIM"], changed).eta == 0.25
    assert knobs_for(BY_NAME["Euler a"], changed).eta == 0.75
    assert knobs_for(BY_NAME["Euler a"], changed, eta=0.0).eta == 0.0


def test_solvers_get_the_knobs_they_know(settings: Snapshot) -> None:
    knobs = knobs_for(BY_NAME["Euler"], settings, s_churn=2.0)
    assert knobs.for_solver(BY_NAME["Euler"]) == {"s_churn": 2.0, "s_tmin": 0.0, "s_tmax": math.inf, "s_noise": 1.0}
    assert knobs.for_solver(BY_NAME["Euler a"]) == {"eta": 1.0}
    assert knobs.for_solver(BY_NAME["DPM++ 2M"]) == {}
    assert knobs.for_solver(BY_NAME["DPM++ 2M SDE Heun"]) == {"eta": 1.0, "s_noise": 1.0, "solver_type": "heun"}


RECORDED = [
    ("Euler a", {}, {}, {}),
    ("Euler a", {}, {"eta": 0.5}, {"Eta": 0.5}),
    ("DDIM", {}, {"eta": 0.5}, {"Eta DDIM": 0.5}),
    ("DPM++ 2M", {}, {"eta": 0.5}, {}),
    ("Euler", {}, {"s_churn": 1.0}, {}),
    ("Euler", {"s_churn": 3.0, "s_noise": 1.05}, {}, {"Sigma churn": 3.0, "Sigma noise": 1.05}),
    ("DPM++ 2M", {"s_churn": 3.0}, {}, {}),
    ("Euler Karras", {"sigma_min": 0.1, "rho": 5.0}, {}, {"Schedule min sigma": 0.1, "Schedule rho": 5.0}),
    ("Euler Karras", {"rho": 7.0}, {}, {}),
    ("Euler Exponential", {"rho": 5.0}, {}, {}),
    ("Euler", {"sigma_min": 0.1}, {}, {}),
    ("Euler", {"always_discard_next_to_last_sigma": True}, {}, {"Discard penultimate sigma": True}),
    (
        "Euler",
        {"sd_noise_schedule": "Zero Terminal SNR", "use_downcasted_alpha_bar": True},
        {},
        {"Downcast alphas_cumprod": True, "Noise Schedule": "Zero Terminal SNR"},
    ),
    ("Euler", {"sgm_noise_multiplier": True}, {}, {"SGM noise multiplier": True}),
    ("Euler Beta", {"beta_dist_alpha": 0.5}, {}, {"Beta schedule alpha": 0.5, "Beta schedule beta": 0.6}),
    ("Euler Polyexponential", {"rho": 3.0}, {}, {"Schedule rho": 3.0}),
    ("DDIM CFG++", {}, {"eta": 0.5}, {"Eta DDIM": 0.5}),
    ("DPM adaptive", {"s_noise": 1.05}, {"eta": 0.5}, {"Eta": 0.5}),
    ("DPM2 a", {"s_noise": 1.05}, {}, {"Sigma noise": 1.05}),
]


@pytest.mark.parametrize(("name", "options", "asked", "expected"), RECORDED)
def test_the_infotext_tells_what_differs(
    settings: Snapshot, name: str, options: dict[str, Any], asked: dict[str, Any], expected: dict[str, Any]
) -> None:
    sampler, schedule = resolve(name)
    assert recorded(sampler, schedule, knobs_for(sampler, settings.overridden(options), **asked)) == expected


def test_stronger_start_noise_on_demand() -> None:
    euler, schedule = resolve("Euler")
    starts: list[Tensor] = []
    nothing = Conditioning(torch.zeros(1, 77, 8))

    def first(step: Step) -> None:
        starts.append(step.x)
        raise Interrupted

    for knobs in (Knobs(), Knobs(sgm_noise_multiplier=True)):
        noise = ImageNoise([1], SHAPE, "cpu", "CPU")
        with pytest.raises(Interrupted):
            txt2img(euler, schedule, CfgDenoiser(EPS, network, nothing, nothing, 1.0), noise, 4, knobs, first)
    ratio = math.hypot(1, EPS.sigma_max) / EPS.sigma_max
    torch.testing.assert_close(starts[1], starts[0] * ratio)


@pytest.mark.parametrize("name", ["DPM fast", "DPM adaptive"])
def test_a_span_goes_from_the_models_highest_level_to_its_lowest(name: str) -> None:
    for scheduler, knobs in (("", {}), ("Karras", {"sigma_max": 10.0, "always_discard_next_to_last_sigma": True})):
        sigmas = sigmas_for(*resolve(name, scheduler), 8, EPS, Knobs(**knobs))
        assert len(sigmas) == 9
        assert float(sigmas[0]) == pytest.approx(EPS.sigma_max, rel=1e-5)
        assert float(sigmas[-1]) == pytest.approx(EPS.sigma_min, rel=1e-5)


def test_dpm_adaptive_tells_how_far_it_is_in_steps() -> None:
    told: list[int] = []
    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 5.0)
    noise = ImageNoise([1], SHAPE, "cpu", "CPU")
    txt2img(BY_NAME["DPM adaptive"], resolve("")[1], model, noise, 20, Knobs(), lambda step: told.append(step.index))
    assert told == sorted(set(told))
    assert told[0] == 0
    assert 10 < told[-1] < 20


def test_cfgpp_weakens_guidance_to_a_twelfth_and_a_half() -> None:
    sampler, schedule = resolve("DDIM CFG++")
    positive, negative = Conditioning(torch.ones(1, 77, 8)), Conditioning(torch.zeros(1, 77, 8))
    ends: list[Tensor] = []
    for name, scale in (("DDIM CFG++", 12.5), ("DDIM", 1.0)):
        model = CfgDenoiser(EPS, network, positive, negative, scale)
        told: list[Step] = []
        txt2img(BY_NAME[name], schedule, model, ImageNoise([1], SHAPE, "cpu", "CPU"), 4, Knobs(), told.append)
        ends.append(told[0].denoised)
    torch.testing.assert_close(*ends)
    assert sampler.name == "DDIM CFG++"


def test_kl_optimal_ends_above_zero_and_is_not_rescaled() -> None:
    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 1.0)
    told: list[Step] = []
    end = txt2img(
        *resolve("Euler", "KL Optimal"), model, ImageNoise([1], SHAPE, "cpu", "CPU"), 10, Knobs(), told.append
    )
    last = told[-1]
    torch.testing.assert_close(end, torch.lerp(last.denoised, last.x, EPS.sigma_min / float(last.sigma)))


def test_the_share_of_steps_without_negative_prompt_counts_calls() -> None:
    nothing = Conditioning(torch.zeros(1, 77, 8))
    for name, skipped in (("Euler", 6), ("Heun", 11)):
        model = CfgDenoiser(EPS, network, nothing, nothing, 5.0, skip_early_cond=0.5)
        txt2img(BY_NAME[name], resolve("")[1], model, ImageNoise([1], SHAPE, "cpu", "CPU"), 10, Knobs())
        assert model.tally.skipped_early == skipped


def test_denoiser_is_left_as_it_was() -> None:
    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, network, nothing, nothing, 5.0)
    before = replace(model)
    txt2img(BY_NAME["LCM"], resolve("")[1], model, ImageNoise([1], SHAPE, "cpu", "CPU"), 2, Knobs())
    assert model.parametrization is before.parametrization


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_given_levels_are_the_ones_walked(sampler: Sampler) -> None:
    given = (9.0, 4.0, 1.5, 0.5)
    sigmas = sigmas_for(sampler, resolve(sampler.name)[1], 4, EPS, Knobs(sigmas=given))
    ends_above_zero = sampler.family in ("timestep", "unipc", "span")
    assert sigmas[0] == 9.0
    assert float(sigmas[-1]) == (pytest.approx(EPS.sigma_min) if ends_above_zero else 0.0)
    if sampler.family != "span":
        assert sigmas[:4].tolist() == list(given)
    assert run(sampler, [1], 4, sigmas=given).isfinite().all()


def test_given_levels_decide_the_picture() -> None:
    euler = BY_NAME["Euler"]
    seen: list[float] = []

    def watching(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        seen.append(float(t[0]))
        return network(x, t, conditioning)

    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(EPS, watching, nothing, nothing, 1.0)
    noise = ImageNoise([1], SHAPE, "cpu", "CPU")
    txt2img(euler, resolve("")[1], model, noise, 3, Knobs(sigmas=(8.0, 2.0, 0.5)))
    torch.testing.assert_close(torch.tensor(seen), EPS.to_t(torch.tensor([8.0, 2.0, 0.5])))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
@pytest.mark.parametrize("schedule", ["", "Karras", "Simple", "SGM Uniform"])
def test_a_range_of_timesteps_bounds_every_schedule(sampler: Sampler, schedule: str) -> None:
    knobs = Knobs(timestep_start=800, timestep_end=200)
    sigmas = sigmas_for(sampler, resolve(sampler.name, schedule)[1], 8, EPS, knobs)
    timesteps = EPS.to_t(sigmas[sigmas > 0])
    assert 800 - 20 <= float(timesteps[0]) <= 800.01
    assert float(timesteps.min()) >= 199.99
    assert run(sampler, [1], 8, timestep_start=800, timestep_end=200).isfinite().all()


def test_a_range_without_levels_is_refused() -> None:
    with pytest.raises(UserError, match="timestep range 500 to 500"):
        sigmas_for(BY_NAME["Euler"], resolve("")[1], 8, EPS, Knobs(timestep_start=500, timestep_end=500))


def test_levels_and_ranges_are_recorded() -> None:
    told = recorded(BY_NAME["Euler"], resolve("")[1], Knobs(sigmas=(14.5, 3.0), timestep_start=900))
    assert told == {"Sigmas": "14.5, 3", "Timestep start": 900}


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_every_sampler_walks_a_flow(sampler: Sampler) -> None:
    """A network that knows the one clean latent there is leads every sampler to it."""
    clean = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(9))

    def knowing(x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        time = t.reshape(-1, 1, 1, 1) / 1000
        return (x - clean) / time

    nothing = Conditioning(torch.zeros(1, 77, 8))
    model = CfgDenoiser(flow(3.0), knowing, nothing, nothing, 1.0)
    found = txt2img(
        sampler, resolve("")[1], model, ImageNoise([1], SHAPE, "cpu", "CPU"), 12, Knobs(downcast_alphas=True)
    )
    torch.testing.assert_close(found, clean, rtol=0, atol=0.05)
