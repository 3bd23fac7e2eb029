"""Watching and stopping a job while txt2img blocks, A1111's way and the page's own."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from typing import Any

import httpx
import pytest
from PIL import Image

WAITING = {"prompt": "wait", "width": 64, "height": 64, "steps": 4, "seed": 9}


class Call(threading.Thread):
    """A blocking txt2img in a thread."""

    def __init__(self, api: Any, **fields: Any) -> None:
        super().__init__(daemon=True)
        self._url = f"{api.url}/sdapi/v1/txt2img"
        self._body = {**WAITING, **fields}
        self.start()

    def run(self) -> None:
        self.answer = httpx.post(self._url, json=self._body, timeout=30)

    def result(self) -> Any:
        self.join(20)
        assert not self.is_alive()
        assert self.answer.status_code == 200, self.answer.text
        return self.answer.json()


@pytest.fixture
def call(api):
    """A call that has begun and waits at its first step."""
    begun = Call(api, n_iter=2, force_task_id="task(mine)")
    assert api.painter.waiting.wait(10)
    yield begun
    api.painter.go.set()
    begun.join(20)


def progress(api: Any, **query: Any) -> Any:
    return api.client.get("/sdapi/v1/progress", params=query).json()


def task(api: Any, id: str, **fields: Any) -> Any:
    return api.client.post("/internal/progress", json={"id_task": id, **fields}).json()


IDLE = {
    "skipped": False, "interrupted": False, "stopping_generation": False, "job": "", "job_count": 0,
    "job_timestamp": "0", "job_no": 0, "sampling_step": 0, "sampling_steps": 0,
}  # fmt: skip


def test_idle(api):
    got = progress(api)
    assert got["state"] == IDLE
    assert (got["progress"], got["eta_relative"], got["current_image"]) == (0, 0, None)
    assert (got["textinfo"], got["current_task"]) == (None, None)


def test_progress_answers_while_txt2img_blocks(api, call):
    got = progress(api)
    assert got["progress"] == pytest.approx(0.01 + 1 / 8)
    assert got["eta_relative"] >= 0
    state = got["state"]
    assert (state["job_count"], state["job_no"], state["sampling_step"], state["sampling_steps"]) == (2, 0, 1, 4)
    assert len(state["job_timestamp"]) == 14
    assert state["job"] == "Batch 1 out of 2"
    assert progress(api, skip_current_image=True)["current_image"] is None
    api.painter.go.set()
    call.result()
    assert progress(api)["state"]["job_count"] == 0


def test_interrupt_answers_with_what_there_is(api, call):
    answer = api.client.post("/sdapi/v1/interrupt")
    assert (answer.status_code, answer.json()) == (200, {})
    reply = call.result()
    assert len(reply["images"]) == 1, "the batch that was running, not the next"
    assert json.loads(reply["info"])["all_seeds"] == [9]
    assert progress(api)["state"]["interrupted"] is False


def test_skip_goes_on_with_the_next_batch(api, call):
    api.painter.waiting.clear()
    answer = api.client.post("/sdapi/v1/skip")
    assert (answer.status_code, answer.json()) == (200, None)
    assert api.painter.waiting.wait(10), "the second batch runs"
    assert progress(api)["state"]["job_no"] == 1
    api.painter.go.set()
    assert len(call.result()["images"]) == 2


def test_loading_a_checkpoint_is_no_job_to_clients(api):
    """One of them waits after a switch until job_count is 0, not -1."""
    holding = threading.Event()
    api.painter.hold = holding
    switch = threading.Thread(target=api.client.post, args=("/sdapi/v1/reload-checkpoint",))
    switch.start()
    _wait_for(lambda: api.studio.jobs.current is not None)
    got = progress(api)
    assert (got["progress"], got["state"]) == (0, IDLE)
    assert api.client.post("/sdapi/v1/interrupt").json() == {}, "a load is not cut short"
    holding.set()
    switch.join(10)
    assert api.painter.loaded == ["reload"]


def test_interrupting_nothing_is_fine(api):
    assert api.client.post("/sdapi/v1/interrupt").json() == {}
    assert api.client.post("/sdapi/v1/skip").json() is None
    assert Call(api, prompt="next").result()["images"]


def test_a_job_interrupted_before_it_starts_answers_empty(api, call):
    waiting = Call(api, prompt="second", force_task_id="second")
    _wait_for(lambda: api.client.get("/internal/pending-tasks").json()["size"] == 1)
    assert api.client.get("/internal/pending-tasks").json()["tasks"] == ["second"]
    assert task(api, "second")["textinfo"] == "In queue: 1/1"
    assert api.client.post("/atelier/v1/jobs/second/interrupt").status_code == 200
    reply = waiting.result()
    assert reply["images"] == []
    assert json.loads(reply["info"])["all_seeds"] == []


def test_the_pages_progress(api, call):
    got = task(api, "task(mine)")
    assert (got["active"], got["queued"], got["completed"]) == (True, False, False)
    assert got["progress"] == pytest.approx(1 / 8)
    assert (got["live_preview"], got["id_live_preview"]) == (None, -1)
    api.painter.go.set()
    call.result()
    assert task(api, "task(mine)")["completed"] is True
    unknown = task(api, "task(nobody)")
    assert (unknown["active"], unknown["queued"], unknown["completed"]) == (False, False, False)


def test_previews_are_sent_once(api, call, monkeypatch):
    """Decoding a latent is tested where it is done; here, that a picture travels, and travels once."""
    from modules.studio.preview import Preview, Previews

    monkeypatch.setattr(Previews, "latest", lambda *_: Preview(Image.new("RGB", (8, 8), "red"), 3))
    got = task(api, "task(mine)")
    head, _, data = got["live_preview"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (8, 8)
    assert got["id_live_preview"] == 3
    again = task(api, "task(mine)", id_live_preview=3)
    assert (again["live_preview"], again["id_live_preview"]) == (None, 3)
    assert task(api, "task(mine)", live_preview=False)["live_preview"] is None
    bare = progress(api)["current_image"]
    assert Image.open(io.BytesIO(base64.b64decode(bare))).format == "PNG"
    assert progress(api, skip_current_image=True)["current_image"] is None


def test_a_job_and_its_pictures_by_id(api, call):
    listed = api.client.get("/atelier/v1/jobs").json()
    assert [job["id"] for job in listed["running"]] == ["task(mine)"]
    path = "/atelier/v1/jobs/task(mine)"
    running = api.client.get(path).json()
    assert (running["status"], running["progress"]["step"], running["progress"]["steps"]) == ("running", 1, 4)
    assert running["request"]["prompt"] == "wait" and running["images"] == []
    api.painter.go.set()
    call.result()
    done = api.client.get(path).json()
    assert done["status"] == "done" and done["error"] is None
    assert [image["seed"] for image in done["images"]] == [9, 10]
    assert done["images"][0]["infotext"].startswith("wait\nSteps: 4")
    assert api.client.get("/atelier/v1/jobs").json()["recent"][0]["id"] == "task(mine)"


def test_saved_pictures_are_served_from_where_they_lie(api):
    Call(api, prompt="kept", save_images=True, force_task_id="a/b c").result()
    job = api.client.get("/atelier/v1/jobs/a%2Fb%20c").json()
    image = job["images"][0]
    path = next(api.studio.paths.outputs.rglob(image["name"]))
    answer = api.client.get(image["url"])
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"].startswith("inline")
    assert api.client.get(image["url"] + "&download=1").headers["content-disposition"].startswith("attachment")
    path.unlink()
    assert api.client.get(image["url"]).status_code == 200, "still in memory"
    assert api.client.get("/atelier/v1/jobs/a%2Fb%20c/images/7").status_code == 404
    assert api.client.get("/atelier/v1/jobs/a%2Fb%20c/images/-1").status_code == 404


def test_pictures_that_were_not_saved_are_served_too(api):
    Call(api, prompt="loose", force_task_id="loose").result()
    image = api.client.get("/atelier/v1/jobs/loose").json()["images"][0]
    assert image["name"] is None
    answer = api.client.get(image["url"])
    assert Image.open(io.BytesIO(answer.content)).size == (64, 64)


def test_a_reused_id_is_the_newest_job_under_another_address(api):
    Call(api, prompt="first", force_task_id="again").result()
    first = api.client.get("/atelier/v1/jobs/again").json()["images"][0]["url"]
    Call(api, prompt="second", force_task_id="again").result()
    second = api.client.get("/atelier/v1/jobs/again").json()
    assert second["request"]["prompt"] == "second"
    assert second["images"][0]["url"] != first


def test_jobs_that_do_not_exist(api):
    assert api.client.get("/atelier/v1/jobs/nobody").status_code == 404
    assert api.client.get("/atelier/v1/jobs/nobody/images/0").status_code == 404
    assert api.client.post("/atelier/v1/jobs/nobody/interrupt").status_code == 404


def test_ping_and_ready(api):
    assert api.client.get("/internal/ping").json() == {}
    assert api.client.get("/atelier/v1/ready").json() == {"page": False, "engine": True}


def _wait_for(true: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
