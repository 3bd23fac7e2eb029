"""A1111's own pictures are made again from nothing but their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.boot import assemble
from modules.foundation.flags import parse
from modules.jobs.worker import Worker
from modules.studio import replay
from modules.studio.context import Studio

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))["cases"]
NAMES = ("sampler/dpmpp_2m_karras", "steps/euler_a-05", "prompt/clip_skip2", "rng/nv-ddim", "infotext/old_version")
EQUAL = 45.0


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    flags = parse(["--data-dir", str(tmp_path_factory.mktemp("data")), "--ckpt-dir", str(HERE / "checkpoints")])
    studio = assemble(flags)
    studio.settings.update({"float32": True, "sd_model_checkpoint": "tiny-sd15"})
    replay.register(studio, ready=True)
    yield studio
    studio.catalog.close()
    studio.history.close()


@pytest.mark.parametrize("name", [case["name"] for case in CASES if case["name"] in NAMES])
def test_a_recorded_picture_is_made_again(name: str, studio: Studio) -> None:
    case = next(case for case in CASES if case["name"] == name)
    job = replay.submit(studio, (HERE / "images" / case["images"][0]).read_bytes(), None)
    worker = Worker(studio.jobs)
    worker.start()
    assert job.wait(120)
    assert worker.stop()
    found = job.outcome_or_raise()
    assert found.psnr is None or found.psnr >= EQUAL, found.remarks
    # The recorded checkpoint's weights are stored in fewer bits here.
    assert any("is another file here" in remark for remark in found.remarks)
