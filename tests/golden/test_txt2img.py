"""The same request gives A1111's picture: every recorded case of the first slice, in float32 on the CPU."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modules.boot import assemble
from modules.engine.request import Txt2Img
from modules.foundation import torchvision_ops
from modules.foundation.flags import parse
from modules.studio.context import Studio
from modules.web.api.generation import checked, with_infotext
from modules.web.api.schemas import Txt2ImgBody
from tests.runs import made

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
EQUAL = 45.0
"""dB over 8-bit RGB; from here on two pictures count as equal."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    torchvision_ops.declare()
    files = ["--ckpt-dir", str(HERE / "checkpoints"), "--styles-file", str(HERE / "inputs" / "styles.csv")]
    for kind in ("lora", "hypernetwork", "embeddings"):
        files += [f"--{kind}-dir", str(HERE / "networks")]
    flags = parse(["--data-dir", str(tmp_path_factory.mktemp("data")), *files])
    studio = assemble(flags)
    studio.settings.update({"float32": True, "randn_source": "CPU", "sd_model_checkpoint": "tiny-sd15"})
    yield studio
    studio.history.close()


def psnr(ours: Image.Image, theirs: Image.Image) -> float:
    error = np.mean((np.asarray(ours.convert("RGB"), float) - np.asarray(theirs.convert("RGB"), float)) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_picture(case: dict[str, Any], studio: Studio) -> None:
    payload = case["payload"]
    asked = (
        checked(with_infotext(Txt2ImgBody(**payload), studio), studio) if "infotext" in payload else Txt2Img(**payload)
    )
    ours = [one.image for one in made(studio, asked)]
    theirs = [Image.open(HERE / "images" / name) for name in case["images"]]
    assert [image.size for image in ours] == [image.size for image in theirs]
    assert min(psnr(a, b) for a, b in zip(ours, theirs, strict=True)) >= EQUAL
