"""Replay through the API: the answer waits for the picture, and tells what came of it or why nothing can."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from modules.engine.plan import Made, plans
from modules.store import pnginfo
from modules.studio import replay
from tests.api.painter import _infotext, _picture

TOLD = "a cat\nSteps: 3, Sampler: Euler, CFG scale: 7.0, Seed: 5, Size: 64x64, Model hash: 0123456789, Model: one"


@pytest.fixture
def painting(api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine paints squares."""

    def generate(request: Any, _context: Any) -> Iterator[Made]:
        plan = next(plans(request))
        yield Made(_picture(plan, 0), _infotext(plan, 0), plan, 0)

    module = ModuleType("modules.engine.generate")
    module.__dict__["generate"] = generate
    monkeypatch.setitem(sys.modules, "modules.engine.generate", module)
    replay.register(api.studio, ready=True)
    yield api
    replay.register(api.studio, ready=False)


def sent(color: tuple[int, int, int], text: str | None = TOLD, **body: Any) -> dict[str, Any]:
    data = pnginfo.encode(Image.new("RGB", (64, 64), color), text, "PNG")
    return {"image": base64.b64encode(data).decode(), **body}


def test_the_same_picture(painting: Any) -> None:
    found = painting.client.post("/atelier/v1/replay", json=sent((5, 0, 3))).json()
    assert (found["status"], found["verdict"], found["psnr"], found["difference"]) == ("done", "identical", None, None)
    assert painting.client.get(found["image"]).headers["content-type"].startswith("image/")
    again = painting.client.get(f"/atelier/v1/replay/{found['job']}").json()
    assert again == found


def test_another_picture(painting: Any) -> None:
    found = painting.client.post("/atelier/v1/replay", json=sent((9, 0, 3))).json()
    assert (found["verdict"], found["largest"], found["share"]) == ("different", 4, 1.0)
    assert 40 < found["psnr"] < 42
    assert painting.client.get(found["difference"]).status_code == 200


def test_not_waiting(painting: Any) -> None:
    found = painting.client.post("/atelier/v1/replay", json=sent((5, 0, 3), wait=False)).json()
    assert found["status"] in ("queued", "running", "done")
    assert painting.studio.jobs.get(found["job"]).wait(10)
    assert painting.client.get(f"/atelier/v1/replay/{found['job']}").json()["verdict"] == "identical"


def test_what_cannot_be_made_again(painting: Any) -> None:
    for text, reason in ((None, "no generation parameters"), (f"{TOLD}, Mask blur: 4", "img2img")):
        answer = painting.client.post("/atelier/v1/replay", json=sent((5, 0, 3), text))
        assert answer.status_code == 422 and reason in str(answer.json())
    assert painting.client.get("/atelier/v1/replay/nonesuch").status_code == 404
