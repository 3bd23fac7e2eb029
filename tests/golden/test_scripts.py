"""The same script with the same arguments gives A1111's pictures, through the queue and the names extensions use."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modules import boot
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.foundation.flags import parse
from modules.foundation.log import StartTimes
from modules.host import start
from modules.host.dispatch import Troubles
from modules.jobs.worker import Worker
from modules.prompting import infotext
from modules.studio.context import Studio
from tests.api.serving import in_a_thread

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "scripts.json").read_text(encoding="utf-8"))
EQUAL = 45.0
"""dB over 8-bit RGB; from here on two pictures count as equal."""
NOT_COMPARED = ("Version", "Sampler", "Schedule type", "Model hash")
"""Labels that later versions write otherwise, and the hash of the file, which is put together here."""
LATER = {"script/poor_mans_outpainting": {"Masked content"}}
"""Labels that later versions write, too."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    flags = parse(["--data-dir", str(tmp_path_factory.mktemp("data")), "--ckpt-dir", str(HERE / "checkpoints")])
    studio = boot.assemble(flags)
    studio.settings.update({"float32": True, "randn_source": "CPU", "sd_model_checkpoint": "tiny-sd15"})
    host = start.find(studio.paths, flags, studio.settings.snapshot, argparse.Namespace(), Troubles())
    in_a_thread(lambda: boot.open_scripts(studio, host)).join()
    boot.prepare(studio, StartTimes(None))
    worker = Worker(studio.jobs)
    worker.start()
    yield studio
    assert worker.stop()
    studio.catalog.close()
    studio.history.close()


def requested(case: dict[str, Any], studio: Studio) -> Request:
    payload = {**case["payload"], "do_not_save_samples": True, "do_not_save_grid": True}
    if "init_images" not in payload:
        return Txt2Img(**payload)
    kept = [studio.inputs.keep((HERE / "inputs" / name).read_bytes()) for name in payload["init_images"]]
    return Img2Img(**{**payload, "init_images": kept})


def psnr(ours: Image.Image, theirs: Image.Image) -> float:
    error = np.mean((np.asarray(ours.convert("RGB"), float) - np.asarray(theirs.convert("RGB"), float)) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_pictures(case: dict[str, Any], studio: Studio) -> None:
    request = requested(case, studio)
    job = studio.jobs.submit("img2img" if isinstance(request, Img2Img) else "txt2img", request)
    assert job.wait(240)
    assert job.status == "done", job.error
    made = job.outcome.images
    assert len(made) == len(case["images"])
    for ours, name in zip(made, case["images"], strict=True):
        if name is None:
            assert ours.grid
            continue
        with Image.open(HERE / "images" / name) as theirs:
            assert ours.open().size == theirs.size
            assert psnr(ours.open(), theirs) >= EQUAL
    ours, theirs = (infotext.parse(text, backcompat=False) for text in (made[0].infotext, case["infotexts"][0]))
    skipped = {*NOT_COMPARED, *LATER.get(case["name"], ())}
    assert {k: v for k, v in ours.items() if k not in skipped} == {k: v for k, v in theirs.items() if k not in skipped}
