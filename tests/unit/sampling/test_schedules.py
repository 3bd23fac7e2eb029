"""Schedules against A1111's values to four decimals, and how they treat few and many steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from modules.sampling.catalog import SCHEDULES, Schedule, resolve
from modules.sampling.knobs import Knobs
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.sample import sigmas_for
from modules.sampling.schedules import SDXL_STEPS, align_your_steps

EPS = discrete(scaled_linear(), "epsilon")


def numbers(text: str) -> Tensor:
    return torch.tensor([float(number) for number in text.split()])


def scheduled(label: str, steps: int, **knobs: float) -> Tensor:
    return sigmas_for(*resolve("Euler", label), steps, EPS, Knobs(**knobs))  # type: ignore[arg-type]


A1111 = [
    ("Uniform", "14.6146 7.8399 4.6092 2.9183 1.9502 1.3449 0.9324 0.6250 0.3687 0.0292 0"),
    ("Normal", "14.6146 7.8399 4.6092 2.9183 1.9502 1.3449 0.9324 0.6250 0.3687 0.0292 0"),
    ("Karras", "14.6146 9.1029 5.4784 3.1686 1.7494 0.9141 0.4469 0.2014 0.0819 0.0292 0"),
    ("Exponential", "14.6146 7.3249 3.6712 1.8400 0.9222 0.4622 0.2317 0.1161 0.0582 0.0292 0"),
    ("Polyexponential", "14.6146 7.3249 3.6712 1.8400 0.9222 0.4622 0.2317 0.1161 0.0582 0.0292 0"),
    ("SGM Uniform", "14.6146 8.3072 5.0924 3.3251 2.2797 1.6156 1.1629 0.8319 0.5712 0.3437 0"),
    ("KL Optimal", "14.6146 4.5650 2.6329 1.7864 1.2948 0.9616 0.7116 0.5094 0.3356 0.1783 0.0292"),
    ("Align Your Steps", "14.6150 6.1135 3.5651 2.3939 1.6500 1.1358 0.7425 0.4450 0.1692 0.0290 0"),
    ("Simple", "14.6146 8.3028 5.0878 3.3211 2.2765 1.6129 1.1606 0.8299 0.5693 0.3417 0"),
    ("DDIM", "8.3907 5.1344 3.3478 2.2929 1.6237 1.1682 0.8357 0.5741 0.3462 0.0413 0"),
    ("Beta", "14.6146 13.9278 12.4910 10.5976 8.4424 6.2014 4.0462 2.1528 0.7160 0.0292 0"),
    (
        "Uniform",
        "14.6146 10.7468 8.0815 6.2049 4.8557 3.8654 3.1238 2.5572 2.1157 1.7648 1.4806 "
        "1.2458 1.0481 0.8784 0.7297 0.5964 0.4736 0.3555 0.2322 0.0292 0",
    ),
    (
        "Normal",
        "14.6146 10.7468 8.0815 6.2049 4.8557 3.8654 3.1238 2.5572 2.1157 1.7648 1.4806 "
        "1.2458 1.0481 0.8784 0.7297 0.5964 0.4736 0.3555 0.2322 0.0292 0",
    ),
    (
        "Karras",
        "14.6146 11.7254 9.3402 7.3836 5.7894 4.4998 3.4648 2.6408 1.9909 1.4832 1.0908 "
        "0.7909 0.5647 0.3964 0.2730 0.1842 0.1213 0.0779 0.0485 0.0292 0",
    ),
    (
        "Exponential",
        "14.6146 10.5363 7.5961 5.4763 3.9481 2.8464 2.0521 1.4794 1.0666 0.7689 0.5544 "
        "0.3997 0.2881 0.2077 0.1498 0.1080 0.0778 0.0561 0.0405 0.0292 0",
    ),
    (
        "SGM Uniform",
        "14.6146 10.9073 8.3072 6.4477 5.0924 4.0861 3.3251 2.7391 2.2797 1.9132 1.6156 "
        "1.3696 1.1629 0.9860 0.8319 0.6951 0.5712 0.4557 0.3437 0.2255 0",
    ),
    (
        "KL Optimal",
        "14.6146 6.9957 4.5650 3.3594 2.6329 2.1427 1.7864 1.5132 1.2948 1.1145 0.9616 "
        "0.8290 0.7116 0.6060 0.5094 0.4198 0.3356 0.2555 0.1783 0.1032 0.0292",
    ),
    (
        "Align Your Steps",
        "14.6150 9.5217 6.3012 4.8000 3.7179 3.0781 2.5489 2.1115 1.7703 1.5110 1.2660 "
        "1.0413 0.8514 0.6934 0.5441 0.4202 0.2658 0.1599 0.0694 0.0290 0",
    ),
    (
        "Simple",
        "14.6146 10.9042 8.3028 6.4430 5.0878 4.0817 3.3211 2.7355 2.2765 1.9103 1.6129 "
        "1.3672 1.1606 0.9838 0.8299 0.6932 0.5693 0.4538 0.3417 0.2230 0",
    ),
    (
        "DDIM",
        "11.0283 8.3907 6.5064 5.1344 4.1167 3.3478 2.7562 2.2929 1.9234 1.6237 1.3762 "
        "1.1682 0.9904 0.8357 0.6984 0.5741 0.4583 0.3462 0.2281 0.0413 0",
    ),
    (
        "Beta",
        "14.6146 14.4152 13.9863 13.3927 12.6674 11.8355 10.9186 9.9368 8.9091 7.8540 6.7898 "
        "5.7347 4.7070 3.7252 2.8083 1.9764 1.2511 0.6575 0.2286 0.0292 0",
    ),
]


@pytest.mark.parametrize(("label", "text"), A1111)
def test_levels_are_a1111s(label: str, text: str) -> None:
    expected = numbers(text)
    found = scheduled(label, 10 if len(expected) < 15 else 20)
    torch.testing.assert_close(found, expected, atol=6e-5, rtol=0)


def test_sdxl_has_steps_of_its_own() -> None:
    found = align_your_steps(10, 0.03, 14.6, steps=SDXL_STEPS)
    expected = "14.6150 5.9634 3.3390 1.8550 1.1023 0.6750 0.4311 0.2606 0.1225 0.0290 0"
    torch.testing.assert_close(found, numbers(expected), atol=6e-5, rtol=0)


def test_eleven_steps_are_aligned_as_published() -> None:
    assert scheduled("Align Your Steps", 11).tolist()[:3] == pytest.approx([14.615, 6.475, 3.861])
    assert len(scheduled("Align Your Steps", 11)) == 12


def test_polyexponential_bends_by_rho() -> None:
    ramp = (torch.linspace(1, 0, 5) ** 3 * (torch.tensor(20.0) / 0.05).log()).exp() * 0.05
    found = scheduled("Polyexponential", 5, sigma_min=0.05, sigma_max=20.0, rho=3.0)
    torch.testing.assert_close(found[:-1], ramp)


def test_turbo_takes_whole_timesteps() -> None:
    assert [round(float(t)) for t in EPS.to_t(scheduled("Turbo", 4)[:-1])] == [999, 749, 499, 249]
    assert float(EPS.to_t(scheduled("Turbo", 1)[0])) == 999


def test_beta_is_shaped_by_its_settings() -> None:
    even = scheduled("Beta", 6, beta_dist_alpha=1.0, beta_dist_beta=1.0)[:-1]
    torch.testing.assert_close(even, torch.linspace(EPS.sigma_max, EPS.sigma_min, 6))
    lower = scheduled("Beta", 6, beta_dist_alpha=0.3, beta_dist_beta=1.0)[:-1]
    assert (lower[1:-1] < even[1:-1]).all()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("steps", [1, 2, 11, 150, 999])
def test_levels_fall_and_stay_within_the_model(schedule: Schedule, steps: int) -> None:
    sigmas = scheduled(schedule.label, steps)
    assert sigmas.isfinite().all()
    assert (sigmas.diff() <= 0).all()
    assert float(sigmas[0]) <= 14.6151
    assert float(sigmas[-1]) == (pytest.approx(EPS.sigma_min, rel=1e-5) if schedule.name == "kl_optimal" else 0)
    if schedule.name == "ddim":
        assert len(sigmas) >= steps + 1
    else:
        assert len(sigmas) == steps + 1
