"""Order, failures, waiting and watching."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.foundation.errors import NotFound, UserError
from modules.jobs import queue as queues
from modules.jobs.job import Job
from modules.jobs.queue import Queue
from modules.jobs.worker import Worker
from tests.unit.jobs.errand import Errand, Runner, history_at, queue_in_memory


@pytest.fixture
def queue() -> Iterator[Queue]:
    queue = queue_in_memory()
    queue.register("errand", Errand)
    worker = Worker(queue)
    worker.start()
    yield queue
    assert worker.stop()


def test_first_in_first_out_once_there_is_a_runner(queue: Queue) -> None:
    jobs = [queue.submit("errand", Errand(name=name)) for name in "abc"]
    assert [queue.position(job) for job in jobs] == [1, 2, 3]
    assert not jobs[0].wait(0.05), "nothing runs without a runner"
    runner = Runner()
    queue.register("errand", Errand, runner)
    assert all(job.wait(10) for job in jobs)
    assert runner.ran == ["a", "b", "c"]
    assert [job.outcome for job in jobs] == [["0 whole"]] * 3
    assert queue.recent() == tuple(reversed(jobs))
    assert queue.current is None and queue.position(jobs[0]) is None


def test_a_kind_without_a_runner_does_not_hold_up_the_others(queue: Queue) -> None:
    queue.register("other", Errand, Runner())
    waiting, other = queue.submit("errand", Errand()), queue.submit("other", Errand())
    assert other.wait(10)
    assert waiting.status == "queued"


def test_ids_are_as_a1111_makes_them_or_the_callers(queue: Queue) -> None:
    job = queue.submit("errand", Errand())
    assert re.fullmatch(r"task\(errand-[A-Z0-9]{7}\)", job.id)
    mine = queue.submit("errand", Errand(), id="any text")
    assert queue.get("any text") is mine and queue.get(job.id) is job
    newer = queue.submit("errand", Errand(), id="any text")
    assert queue.get("any text") is newer
    assert queue.get("nothing") is None


def test_a_failure_ends_the_job_and_not_the_worker(queue: Queue) -> None:
    def run(job: Job) -> str:
        if job.request == Errand(name="bad"):
            raise UserError("Width 0 is too small.")
        if job.request == Errand(name="worse"):
            raise ZeroDivisionError("division by zero")
        return "fine"

    queue.register("errand", Errand, run)
    bad, worse, good = (queue.submit("errand", Errand(name=name)) for name in ("bad", "worse", "good"))
    assert good.wait(10)
    assert (bad.status, bad.error) == ("failed", "Width 0 is too small.")
    assert (worse.status, worse.error) == ("failed", "ZeroDivisionError: division by zero")
    assert (good.status, good.outcome) == ("done", "fine")
    with pytest.raises(ZeroDivisionError):
        worse.outcome_or_raise()


def test_a_failed_job_does_not_hold_what_its_frames_held(queue: Queue) -> None:
    def run(job: Job) -> None:
        try:
            raise ValueError("inner")
        except ValueError as error:
            raise UserError("outer") from error

    queue.register("errand", Errand, run)
    job = queue.submit("errand", Errand())
    assert job.wait(10)
    assert job.exception is not None and job.exception.__traceback__ is None
    assert job.exception.__cause__ is not None and job.exception.__cause__.__traceback__ is None


def test_unknown_kinds_and_a_full_queue_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "LONGEST", 2)
    queue = queue_in_memory()
    queue.register("errand", Errand)
    with pytest.raises(NotFound, match="'knit'"):
        queue.submit("knit", Errand())
    for _ in range(2):
        queue.submit("errand", Errand())
    with pytest.raises(UserError, match="2 jobs are waiting"):
        queue.submit("errand", Errand())


def test_events_are_the_same_for_early_and_late_listeners(queue: Queue) -> None:
    queue.register("errand", Errand)
    job = queue.submit("errand", Errand(batches=2))
    early: list[Any] = []
    listener = threading.Thread(target=lambda: early.extend(job.subscribe()))
    listener.start()
    queue.register("errand", Errand, Runner())
    listener.join(10)
    late = list(job.subscribe())
    kept = [event for event in early if event.name != "progress"]
    assert kept == late
    assert [event.name for event in late] == ["started", "image", "image", "finished"]
    assert [event.number for event in late] == [1, 2, 3, 4]
    assert job.images == ("0 whole", "1 whole")


def test_awaiting_a_job_from_several_tasks(queue: Queue) -> None:
    job = queue.submit("errand", Errand())

    async def follow() -> list[str]:
        return [event.name async for event in job.subscribe()]

    async def everything() -> tuple[Any, Any, list[str]]:
        tasks = job.result(), job.result(), follow()
        gathered = asyncio.gather(*tasks)
        await asyncio.sleep(0.02)
        queue.register("errand", Errand, Runner())
        first, second, names = await asyncio.wait_for(gathered, 10)
        return first, second, names

    first, second, names = asyncio.run(everything())
    assert first == second == ["0 whole"]
    assert names[-1] == "finished" and names[0] == "started"


def test_giving_up_waiting_does_not_cancel(queue: Queue) -> None:
    job = queue.submit("errand", Errand())

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job.result(), 0.02)

    asyncio.run(impatient())
    assert job._subscriptions == [], "nobody listens any more"
    queue.register("errand", Errand, Runner())
    assert job.wait(10)
    assert job.status == "done"


def test_a_slow_listener_sees_the_latest_progress_only(queue: Queue) -> None:
    job = queue.submit("errand", Errand(steps=50))
    subscription = job.subscribe()
    queue.register("errand", Errand, Runner())
    assert job.wait(10)
    progress = [event.data for event in subscription if event.name == "progress"]
    assert [value.step for value in progress] == [50]


class Heavy:
    """An outcome that can be slimmed."""

    def __init__(self, weight: int) -> None:
        self.weight = weight

    def slim(self) -> Heavy:
        return Heavy(0)


def test_only_the_newest_jobs_keep_their_pictures(queue: Queue) -> None:
    def run(job: Job) -> Heavy:
        job.announce("image", Heavy(1))
        return Heavy(1)

    queue.register("errand", Errand, run)
    jobs = [queue.submit("errand", Errand()) for _ in range(queues.KEPT + 3)]
    assert jobs[-1].wait(10)
    assert [job.outcome.weight for job in jobs[-4:]] == [0, 0, 1, 1]
    assert [job.images[0].weight for job in jobs[-4:]] == [0, 0, 1, 1]
    assert queue.recent() == tuple(reversed(jobs[-queues.KEPT :]))


def test_who_listens_keeps_the_pictures(queue: Queue) -> None:
    queue.register("errand", Errand, lambda job: Heavy(1))
    first = queue.submit("errand", Errand())
    listener = first.subscribe()
    for _ in range(4):
        assert queue.submit("errand", Errand()).wait(10)
    assert first.outcome.weight == 1
    listener.close()
    assert queue.submit("errand", Errand()).wait(10)
    assert first.outcome.weight == 0


def test_jobs_go_on_when_the_history_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    history = history_at(tmp_path / "studio.sqlite")
    queue = Queue(history)
    queue.register("errand", Errand, Runner())
    history._database.close()
    worker = Worker(queue)
    worker.start()
    job = queue.submit("errand", Errand())
    assert job.wait(10)
    assert job.status == "done" and queue.get(job.id) is job
    assert worker.stop()
    assert "could not be written" in caplog.text
