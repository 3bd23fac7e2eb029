"""What outlives the process: kill -9 in the middle of a job, then start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modules.foundation.errors import UserError
from modules.jobs.job import Job
from modules.jobs.queue import Queue
from modules.jobs.worker import Worker
from tests.unit.jobs.errand import Errand, Runner, history_at

ROOT = Path(__file__).resolve().parents[3]
VICTIM = """
import sys, threading
from pathlib import Path
from modules.jobs.queue import Queue
from modules.jobs.worker import Worker
from tests.unit.jobs.errand import Errand, Runner, history_at

permits = threading.Semaphore(3)
queue = Queue(history_at(Path(sys.argv[1])))
queue.register("errand", Errand, Runner(permits))
queue.submit("errand", Errand(name="finished", steps=2), owner="ann", id="task(finished)")
queue.submit("errand", Errand(name="running", steps=5), id="task(running)")
queue.submit("errand", Errand(name="second", steps=1), owner="bob", id="task(second)")
queue.submit("errand", Errand(name="third", steps=1), id="task(third)")
Worker(queue).start()
job = queue.get("task(running)")
while job.progress.step < 1:
    pass
print("running", flush=True)
threading.Event().wait()
"""


def test_after_kill_9_queued_jobs_go_on_and_the_running_one_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite"
    command = [sys.executable, "-c", VICTIM, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "running\n"
        os.kill(victim.pid, signal.SIGKILL)
    assert victim.returncode == -signal.SIGKILL

    history = history_at(path)
    assert history.notices == ()
    queue, runner = Queue(history), Runner()
    queue.register("errand", Errand)
    assert queue.recover() == 2
    assert [(job.id, job.owner) for job in queue.pending()] == [("task(second)", "bob"), ("task(third)", None)]

    queue.register("errand", Errand, runner)
    worker = Worker(queue)
    worker.start()
    last = queue.get("task(third)")
    assert last is not None and last.wait(10)
    assert worker.stop()
    assert runner.ran == ["second", "third"]
    found = {id: row.status for id in ("finished", "running", "second", "third") if (row := history.job(f"task({id})"))}
    assert found == {"finished": "done", "running": "interrupted", "second": "done", "third": "done"}
    stopped = queue.get("task(running)")
    assert stopped is not None and stopped.error == "The studio was stopped while this job ran."
    assert queue.recover() == 0


def test_a_finished_job_is_rebuilt_from_history(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite"
    before = Queue(history_at(path))

    def run(job: Job) -> str:
        job.comment("The VAE was run again in 32 bits.")
        before._history.add_image(job.row, tmp_path / "a.png", "a cat", 2**64 - 1, 7, (512, 768), False)
        return "outcome"

    before.register("errand", Errand, run)
    worker = Worker(before)
    worker.start()
    job = before.submit("errand", Errand(name="kept"), owner="ann")
    assert job.wait(10) and worker.stop()
    before._history._database.close()

    after = Queue(history_at(path))
    after.register("errand", Errand, restore=lambda request, row, images: ((request, row.owner), images))
    again = after.get(job.id)
    assert again is not None
    assert (again.status, again.owner, again.comments) == ("done", "ann", job.comments)
    assert again.outcome_or_raise() == (Errand(name="kept"), "ann")
    (image,) = again.images
    assert (image.path, image.infotext, image.seed) == (tmp_path / "a.png", "a cat", 2**64 - 1)
    assert again.started_at == job.started_at
    assert again.finished_at == pytest.approx(job.finished_at, abs=1)
    assert [event.name for event in again.subscribe()] == ["comment", "image", "finished"]


def test_a_failed_job_still_says_why_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite"
    history = history_at(path)
    row = history.add_job("task(x)", "errand", Errand().model_dump_json(), None, 1.0)
    history.finished(row, "failed", "Width 0 is too small.", (), 2.0)
    queue = Queue(history)
    queue.register("errand", Errand)
    job = queue.get("task(x)")
    assert job is not None
    with pytest.raises(UserError, match="Width 0 is too small"):
        job.outcome_or_raise()


def test_rows_that_cannot_be_taken_up_are_left_or_marked(tmp_path: Path) -> None:
    history = history_at(tmp_path / "studio.sqlite")
    history.add_job("task(strange)", "knit", "{}", None, 1.0)
    history.add_job("task(broken)", "errand", '{"steps": "many"}', None, 1.0)
    queue = Queue(history)
    queue.register("errand", Errand)
    assert queue.recover() == 0
    strange, broken = history.job("task(strange)"), history.job("task(broken)")
    assert strange and broken
    assert (strange.status, broken.status) == ("queued", "failed")
    assert "cannot be read any more" in (broken.error or "")


def test_jobs_submitted_before_recovery_are_not_taken_twice(tmp_path: Path) -> None:
    """The page is open before the queue is taken up again."""
    history = history_at(tmp_path / "studio.sqlite")
    history.add_job("task(old)", "errand", Errand(name="old").model_dump_json(), None, 1.0)
    queue, runner = Queue(history), Runner()
    queue.register("errand", Errand)
    queue.submit("errand", Errand(name="new"), id="task(new)")
    assert queue.recover() == 1
    assert [job.id for job in queue.pending()] == ["task(old)", "task(new)"]
    queue.register("errand", Errand, runner)
    worker = Worker(queue)
    worker.start()
    new = queue.get("task(new)")
    assert new is not None and new.wait(10) and worker.stop()
    assert runner.ran == ["old", "new"]


def test_a_resumed_job_goes_on_as_long_as_it_gets_further(tmp_path: Path) -> None:
    """It runs again from its beginning; one that makes nothing more before the end comes is given up."""
    history = history_at(tmp_path / "studio.sqlite")
    row = history.add_job("task(grid)", "errand", Errand(name="grid").model_dump_json(), None, 1.0)
    history.started(row, 2.0)

    def recovered() -> list[str]:
        queue = Queue(history)
        queue.register("errand", Errand, resumes=lambda request: isinstance(request, Errand) and request.name == "grid")
        queue.recover()
        return [job.id for job in queue.pending()]

    assert recovered() == ["task(grid)"]
    history.started(row, 3.0)
    history.add_image(row, tmp_path / "a.png", "", 1, 1, (8, 8), False, "digest")
    assert recovered() == ["task(grid)"]
    history.started(row, 4.0)
    assert recovered() == []
    found = history.job("task(grid)")
    assert found is not None and found.status == "interrupted"


def test_stopping_the_studio_leaves_a_resumed_job_to_the_next_start(tmp_path: Path) -> None:
    history = history_at(tmp_path / "studio.sqlite")
    queue = Queue(history)
    started = threading.Event()

    def run(job: Job) -> None:
        started.set()
        while not job.cancel.interrupted:
            job.wait(0.01)

    queue.register("errand", Errand, run, resumes=lambda request: True)
    worker = Worker(queue)
    worker.start()
    job = queue.submit("errand", Errand(), id="task(grid)")
    assert started.wait(10)
    assert worker.stop() and job.status == "interrupted"
    found = history.job("task(grid)")
    assert found is not None and found.status == "running"


def test_pictures_are_found_by_what_made_them(tmp_path: Path) -> None:
    history = history_at(tmp_path / "studio.sqlite")
    first, second = (history.add_job(f"task({n})", "errand", "{}", None, 1.0) for n in range(2))
    for row, name in ((first, "a"), (first, "b"), (second, "c")):
        history.add_image(row, tmp_path / f"{name}.png", "", 1, 1, (8, 8), False, "digest")
    history.add_image(second, tmp_path / "grid.png", "", 1, 1, (8, 8), True, "digest")
    assert [image.path.name for image in history.made_by("digest")] == ["c.png"]
    assert [image.path.name for image in history.made_by("digest", first)] == ["a.png", "b.png"]
    assert history.made_by("other") == []
