"""Interrupt, skip and stop, as A1111 means them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from modules.foundation.errors import Interrupted
from modules.jobs.job import Job
from modules.jobs.queue import Queue
from modules.jobs.worker import Worker
from tests.unit.jobs.errand import Errand, Runner, queue_in_memory


@pytest.fixture
def permits() -> threading.Semaphore:
    return threading.Semaphore(0)


@pytest.fixture
def queue(permits: threading.Semaphore) -> Iterator[Queue]:
    queue = queue_in_memory()
    queue.register("errand", Errand, Runner(permits))
    worker = Worker(queue)
    worker.start()
    yield queue
    permits.release(1000)
    assert worker.stop()


def running(queue: Queue, errand: Errand, batch: int = 0, step: int = 1) -> Job:
    job = queue.submit("errand", errand)
    until(lambda: (job.progress.batch, job.progress.step) == (batch, step))
    return job


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def test_interrupt_ends_the_run_at_its_next_step(queue: Queue, permits: threading.Semaphore) -> None:
    job = running(queue, Errand(batches=3, steps=5))
    job.cancel.interrupt()
    permits.release()
    assert job.wait(10)
    assert (job.status, job.outcome) == ("interrupted", ["0 cut at 1"])


def test_skip_ends_the_batch_and_goes_on_with_the_next(queue: Queue, permits: threading.Semaphore) -> None:
    job = running(queue, Errand(batches=2, steps=5))
    job.cancel.skip()
    permits.release(100)
    assert job.wait(10)
    assert (job.status, job.outcome) == ("done", ["0 cut at 1", "1 whole"])


def test_stop_lets_the_batch_finish_and_starts_no_other(queue: Queue, permits: threading.Semaphore) -> None:
    job = running(queue, Errand(batches=3, steps=2))
    job.cancel.stop_after_current()
    permits.release(100)
    assert job.wait(10)
    assert (job.status, job.outcome) == ("done", ["0 whole"])


def test_a_waiting_job_is_interrupted_at_once_and_never_runs(queue: Queue, permits: threading.Semaphore) -> None:
    first = running(queue, Errand(name="first"))
    second = queue.submit("errand", Errand(name="second"))
    second.cancel.interrupt()
    assert second.wait(0)
    assert second.status == "interrupted"
    with pytest.raises(Interrupted):
        second.outcome_or_raise()
    assert queue.pending() == ()
    permits.release(100)
    assert first.wait(10)
    assert first.status == "done"
    assert second.started_at == 0


def test_stopping_the_worker_interrupts_and_leaves_the_rest_waiting(permits: threading.Semaphore) -> None:
    queue = queue_in_memory()
    queue.register("errand", Errand, Runner(permits))
    worker = Worker(queue)
    worker.start()
    first = running(queue, Errand(steps=50))
    second = queue.submit("errand", Errand())
    permits.release(1000)
    assert worker.stop()
    assert first.finished
    assert second.status == "queued"
    worker.start()
    assert second.wait(10)
    assert second.status == "done"
    assert worker.stop()
