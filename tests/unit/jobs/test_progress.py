"""Progress as A1111 counts it, and an ETA that comes true."""

from __future__ import annotations

from typing import Any

import pytest

from modules.jobs import job as jobs
from modules.jobs.job import Job
from modules.jobs.progress import Pace, Paces, Progress
from tests.unit.jobs.errand import Errand


class Clock:
    """Stands in for time.monotonic; every job of a test sees it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1.8e9 + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(jobs, "time", clock)
    return clock


LATENT: Any = object()


def known(pace: Pace) -> Paces:
    paces = Paces()
    paces.remember("model/Euler", 100.0, pace)
    return paces


def run(
    job: Job, clock: Clock, batches: int, steps: int, pace: Pace, *, load: float = 0.0, paces: Paces | None = None
) -> list[tuple[float, float | None]]:
    """Play a job at a steady pace; (time, ETA) after the plan and after every step."""
    seen: list[tuple[float, float | None]] = []
    paces = paces or Paces()
    job.begin()
    job.expect(paces, "model/Euler", 100.0)
    clock.now += load
    job.planned(batches, steps)
    seen.append((clock.now, job.eta()))
    for batch in range(batches):
        job.batch(batch)
        clock.now += pace.head
        for step in range(steps):
            clock.now += pace.step
            job.step(step, LATENT)
            seen.append((clock.now, job.eta()))
        job.phase("Decoding")
        clock.now += pace.tail
    job.end("done")
    return seen


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [
        (Progress(), 0.0),
        (Progress(batches=4, steps=20), 0.0),
        (Progress(batches=4, steps=20, batch=1, step=5), 0.3125),
        (Progress(batches=1, steps=0), 0.0),
        (Progress(batches=1, steps=20, step=21), 1.0),
        (Progress(batches=2, steps=20, batch=2), 1.0),
    ],
)
def test_fraction_counts_steps(progress: Progress, fraction: float) -> None:
    assert progress.fraction == fraction


def test_eta_is_exact_at_a_known_steady_pace(clock: Clock) -> None:
    job, pace = Job("a", "errand", Errand()), Pace(step=2.0, head=1.0, tail=5.0)
    seen = run(job, clock, batches=3, steps=4, pace=pace, paces=known(pace))
    end = clock.now
    assert [now + (eta or 0) for now, eta in seen] == pytest.approx([end] * len(seen))
    assert job.eta() is None


def test_eta_of_an_unknown_job_converges(clock: Clock) -> None:
    """Nothing is told before the first step; from the second batch on all prices were seen."""
    job = Job("a", "errand", Errand())
    seen = run(job, clock, batches=3, steps=4, pace=Pace(step=2.0, head=1.0, tail=5.0), load=30.0)
    assert seen[0][1] is None
    assert all(eta is not None for _, eta in seen[1:])
    later = [now + (eta or 0) for now, eta in seen[5:]]
    assert later == pytest.approx([clock.now] * len(later))


def test_eta_does_not_freeze_between_steps_nor_fall_below_nothing(clock: Clock) -> None:
    job = Job("a", "errand", Errand())
    job.begin()
    job.expect(known(Pace(step=2.0, tail=1.0)), "model/Euler", 100.0)
    job.planned(1, 3)
    job.batch(0)
    assert job.eta() == pytest.approx(7.0)
    clock.now += 1.5
    assert job.eta() == pytest.approx(5.5)
    clock.now += 100
    assert job.eta() == 0


@pytest.mark.parametrize("batches", [1, 3])
def test_the_next_job_profits_from_the_last(clock: Clock, batches: int) -> None:
    paces, pace = Paces(), Pace(step=2.0, head=1.0, tail=5.0)
    run(Job("a", "errand", Errand()), clock, batches, 4, pace, paces=paces)
    assert paces.watch("model/Euler", 100.0).pace == pace
    assert paces.watch("model/Heun", 100.0).pace is None


def test_a_job_of_another_size_is_estimated_from_its_own_first_step(clock: Clock) -> None:
    """What steps of other pictures took says little; what decoding took beside them does."""
    job = Job("a", "errand", Errand())
    job.begin()
    job.expect(known(Pace(step=2.0, head=1.0, tail=6.0)), "model/Euler", 200.0)
    job.planned(1, 3)
    job.batch(0)
    assert job.eta() is None
    clock.now += 4.0
    job.step(0, LATENT)
    assert job.eta() == pytest.approx(2 * 4.0 + 12.0)


def test_a_step_cannot_take_longer_than_the_first(clock: Clock) -> None:
    """The job remembered was the first of the process and slow."""
    job = Job("a", "errand", Errand())
    job.begin()
    job.expect(known(Pace(step=50.0)), "model/Euler", 100.0)
    job.planned(1, 11)
    job.batch(0)
    clock.now += 1.0
    job.step(0, LATENT)
    assert job.eta() == pytest.approx(10.0)


def test_a_hiccup_does_not_change_the_estimate(clock: Clock) -> None:
    job = Job("a", "errand", Errand())
    job.begin()
    job.planned(1, 20)
    job.batch(0)
    for step in range(10):
        clock.now += 30.0 if step in (1, 5) else 1.0
        job.step(step, LATENT)
    assert job.eta() == pytest.approx(10.0)


def test_a_slow_start_is_not_taken_for_slow_steps(clock: Clock) -> None:
    """The first step of a process compiles and warms up; from the second on the steps are timed alone."""
    job = Job("a", "errand", Errand())
    job.begin()
    job.planned(1, 11)
    job.batch(0)
    clock.now += 10.0
    job.step(0, LATENT)
    assert job.eta() == pytest.approx(100.0)
    clock.now += 1.0
    job.step(1, LATENT)
    assert job.eta() == pytest.approx(9.0)


def test_decoding_is_scaled_with_steps_that_turn_out_dearer(clock: Clock) -> None:
    job = Job("a", "errand", Errand())
    job.begin()
    job.expect(known(Pace(step=1.0, tail=3.0)), "model/Euler", 100.0)
    job.planned(1, 3)
    job.batch(0)
    for step in range(3):
        clock.now += 2.0
        job.step(step, LATENT)
    assert job.eta() == pytest.approx(6.0)


def test_the_latent_is_let_go_at_the_end(clock: Clock) -> None:
    job = Job("a", "errand", Errand())
    run(job, clock, 1, 2, Pace(1.0))
    assert job.progress.latent is None and job.progress.fraction == 1.0


def test_comments_are_said_once() -> None:
    job = Job("a", "errand", Errand())
    for text in ("one", "two", "one"):
        job.comment(text)
    assert job.comments == ("one", "two")
