"""Sampling against arrays recorded inside A1111: noise and schedules to the bit, solvers call by call.

`data/noise.npz`, `data/sigmas.npz` and `data/traces.npz` hold what the tests name. The recording version
(1.7) had the schedule in the sampler's name and no default other than the model's table, but for Restart.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from modules.sampling.catalog import SAMPLERS, SCHEDULES, Sampler, Schedule
from modules.sampling.knobs import Knobs
from modules.sampling.noise import ImageNoise
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.sample import end_scale, sigmas_for, start_scale
from modules.sampling.types import Sigma

DATA = Path(__file__).parent / "data"
EPS = discrete(scaled_linear(), "epsilon")
SCHEDULE = {schedule.name: schedule for schedule in SCHEDULES}


@pytest.fixture(scope="module")
def noise_data() -> dict[str, Any]:
    return _load("noise")


@pytest.fixture(scope="module")
def sigma_data() -> dict[str, Any]:
    return _load("sigmas")


@pytest.fixture(scope="module")
def trace_data() -> dict[str, Any]:
    return _load("traces")


def _load(name: str) -> dict[str, Any]:
    with np.load(DATA / f"{name}.npz") as found:
        return {key: found[key] for key in found.files}


def _names(name: str, pattern: str) -> list[str]:
    with np.load(DATA / f"{name}.npz") as found:
        return [key for key in found.files if re.search(pattern, key)]


def _named_in_1_7(name: str) -> tuple[Sampler, Schedule]:
    """A name as the recording version spells it: without a schedule it means the model's table, but for Restart."""
    for label in ("Karras", "Exponential"):
        if name.endswith(f" {label}"):
            return _sampler(name.removesuffix(f" {label}")), SCHEDULE[label.lower()]
    return _sampler(name), SCHEDULE["karras" if name == "Restart" else "uniform"]


def _sampler(name: str) -> Sampler:
    return next(sampler for sampler in SAMPLERS if sampler.name == name)


def _image_noise(key: str, shape: tuple[int, ...]) -> tuple[ImageNoise, int]:
    """The noise a key describes, and how many draws precede the one it holds."""
    source, what, _, *which = key.split("|")
    numbers = dict(re.findall(r"(seed|sub|strength|ensd)(\d+(?:\.\d+)?)", what))
    resize = re.search(r"resize_from(\d+)x(\d+)", what)
    noise = ImageNoise(
        [int(numbers.get("seed", what if what.isdigit() else 0))],
        shape,
        "cpu",
        source,  # type: ignore[arg-type]
        subseeds=[int(numbers.get("sub", 0))],
        subseed_strength=float(numbers.get("strength", 0)),
        seed_resize_from=(int(resize[1]), int(resize[2])) if resize else (0, 0),
        eta_noise_seed_delta=int(numbers.get("ensd", 0)),
    )
    return noise, ["first", "second", "third"].index(which[0]) if which else 0


@pytest.mark.parametrize("key", _names("noise", r"^((?!brownian).)*$"))
def test_noise_is_a1111s_to_the_bit(key: str, noise_data: dict[str, Any]) -> None:
    expected = torch.from_numpy(noise_data[key])
    noise, before = _image_noise(key, tuple(expected.shape))
    found = noise.first()
    for _ in range(before):
        found = noise.next()
    assert torch.equal(found[0], expected)


@pytest.mark.parametrize("key", _names("noise", "brownian"))
def test_brownian_noise_is_a1111s(key: str, noise_data: dict[str, Any]) -> None:
    sigma, sigma_next = map(float, key.split("|")[-1].split("->"))
    path = ImageNoise([1000, 1001], (4, 8, 8), "cpu", key.split("|")[0]).brownian(0.0292, 14.6146)  # type: ignore[arg-type]
    torch.testing.assert_close(path(sigma, sigma_next), torch.from_numpy(noise_data[key]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("key", _names("sigmas", r"\|"))
def test_schedules_are_a1111s_to_the_bit(key: str, sigma_data: dict[str, Any]) -> None:
    name, steps = key.split("|")
    name, *changes = name.removeprefix("type:").split(",")
    sampler, schedule = (_sampler("Euler"), SCHEDULE[name]) if key.startswith("type:") else _named_in_1_7(name)
    knobs = Knobs()
    for change in changes:
        if change == "discard_penultimate":
            knobs = replace(knobs, always_discard_next_to_last_sigma=True)
        elif change == "old_karras":
            knobs = replace(knobs, old_karras_sigmas=True)
        else:
            label, value = re.fullmatch(r"(\D+)([\d.]+)", change).groups()  # type: ignore[union-attr]
            knobs = replace(knobs, **{{"rho": "rho", "min": "sigma_min", "max": "sigma_max"}[label]: float(value)})
    expected = sigma_data[key]
    found = sigmas_for(_sampler("DDIM") if name == "UniPC" else sampler, schedule, int(steps), EPS, knobs)
    if expected.dtype == np.int64:
        expected = EPS.sigmas.numpy()[expected][::-1]
    np.testing.assert_array_equal(found.numpy(), expected)


def test_the_models_table_is_a1111s(sigma_data: dict[str, Any]) -> None:
    np.testing.assert_array_equal(scaled_linear().numpy(), sigma_data["alphas_cumprod"])
    np.testing.assert_array_equal(EPS.sigmas.numpy(), sigma_data["model_sigmas"])
    found = EPS.to_t(torch.from_numpy(sigma_data["sigma_to_t_in"]))
    np.testing.assert_allclose(found.numpy(), sigma_data["sigma_to_t"], rtol=1e-6, atol=1e-6)
    found = discrete(scaled_linear(), "epsilon", quantized=True).to_t(torch.from_numpy(sigma_data["sigma_to_t_in"]))
    np.testing.assert_array_equal(found.numpy(), sigma_data["sigma_to_t_quantized"])
    found = EPS.to_sigma(torch.from_numpy(sigma_data["t_to_sigma_in"]))
    np.testing.assert_allclose(found.numpy(), sigma_data["t_to_sigma"], rtol=1e-6)


class Replay:
    """A model that answers what A1111's answered, and measures how far x was from A1111's.

    The timestep samplers' arrays are in their own scale, and hold the noise instead of the clean latent.
    """

    def __init__(self, sampler: Sampler, data: dict[str, Any], name: str) -> None:
        self._x, self._out = torch.from_numpy(data[f"{name}|x"]), torch.from_numpy(data[f"{name}|out"])
        self._levels = data[f"{name}|level"]
        self._by_timestep = sampler.family in ("timestep", "unipc")
        # DPM fast and adaptive compute their levels by logarithms, which leaves more of A1111's rounding in x.
        self.tolerance = {"atol": 5e-5 if sampler.family == "span" else 2e-5, "rtol": 1e-5}
        self.calls = 0

    def __call__(self, x: Tensor, sigma: Sigma) -> Tensor:
        recorded, out, level = self._x[self.calls], self._out[self.calls], float(self._levels[self.calls])
        self.calls += 1
        if not self._by_timestep:
            torch.testing.assert_close(x, recorded, **self.tolerance)
            # Levels between those of the schedule go through float32 logarithms in A1111.
            assert float(sigma) == pytest.approx(level, rel=1e-5)
            return out
        scale = (1 + float(sigma) ** 2) ** 0.5
        torch.testing.assert_close(x / scale, recorded, atol=2e-5, rtol=1e-5)
        assert float(EPS.to_t(sigma)) == pytest.approx(level, abs=1e-3)
        return recorded * scale - sigma * out


@pytest.mark.parametrize("name", [key.removesuffix("|x") for key in _names("traces", r"\|x$")])
def test_solvers_take_a1111s_path(name: str, trace_data: dict[str, Any]) -> None:
    request = json.loads(str(trace_data[f"{name}|request"]))
    sampler, schedule = _named_in_1_7(request["sampler_name"])
    knobs = Knobs(eta=0.0 if sampler.name == "DDIM" else 1.0, s_churn=request.get("s_churn", 0.0))
    sigmas = sigmas_for(sampler, schedule, request["steps"], EPS, knobs)
    noise = ImageNoise([request["seed"]], (4, 8, 8), "cpu", "CPU")
    x = noise.first() * start_scale(sampler, sigmas, knobs)
    path = noise.brownian(float(sigmas[-2]), float(sigmas[0])) if sampler.brownian_noise else noise
    model = Replay(sampler, trace_data, name)
    x = sampler.solver()(model, x, sigmas, noise=path, **knobs.for_solver(sampler))
    x = x * end_scale(sampler, sigmas)
    torch.testing.assert_close(x, torch.from_numpy(trace_data[f"{name}|final"]), **model.tolerance)
    assert model.calls == len(trace_data[f"{name}|x"])
