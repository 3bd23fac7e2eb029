"""The same request gives A1111's picture: second passes, tiling, a refiner, a model that predicts velocity."""

from __future__ import annotations

import json
import math
import shutil
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
from modules.prompting import infotext
from modules.studio.context import Studio
from tests.golden.test_img2img import requested
from tests.runs import made

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "passes.json").read_text(encoding="utf-8"))
EQUAL = 45.0
"""dB over 8-bit RGB; from here on two pictures count as equal."""
NOT_COMPARED = ("Version", "Sampler", "Schedule type", "Model hash", "Refiner")
"""Labels that later versions write otherwise, or that have a file's hash: the files are smaller here."""
VELOCITY = "tiny-sd21-v"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    from safetensors.torch import load_file, save_file

    torchvision_ops.declare()
    folder = tmp_path_factory.mktemp("data")
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    for path in (HERE / "checkpoints").iterdir():
        (models / path.name).symlink_to(path)
    whole = load_file(HERE / "checkpoints" / "tiny-sd15.safetensors")
    for path in (HERE / "parts").glob("*.safetensors"):
        name, own = path.name.partition(".")[0], load_file(path)
        kinds = {key.partition(".")[0] for key in own}
        shared = {key: value for key, value in whole.items() if key.partition(".")[0] not in kinds}
        save_file(shared | own, models / f"{name}.safetensors")
        shutil.copy(HERE / "parts" / f"{name}.yaml", models)
    studio = assemble(parse(["--data-dir", str(folder)]))
    studio.settings.update({"float32": True, "randn_source": "CPU"})
    yield studio
    studio.history.close()


def psnr(ours: Image.Image, theirs: Image.Image) -> float:
    error = np.mean((np.asarray(ours.convert("RGB"), float) - np.asarray(theirs.convert("RGB"), float)) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf


def told(text: str) -> list[tuple[str, Any]]:
    """Labels and values in their order."""
    labels = infotext.parse(text, backcompat=False)
    return [(label, value) for label, value in labels.items() if label not in NOT_COMPARED]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_picture(case: dict[str, Any], studio: Studio) -> None:
    results = made(studio, requested(case, studio))
    theirs = [Image.open(HERE / "images" / name) for name in case["images"]]
    assert [one.image.size for one in results] == [image.size for image in theirs]
    assert min(psnr(one.image, image) for one, image in zip(results, theirs, strict=True)) >= EQUAL
    assert [told(one.infotext) for one in results] == [told(text) for text in case["infotexts"]]


def test_a_refiner_leaves_one_model_in_memory(studio: Studio) -> None:
    """Where one may be loaded, the refiner takes the first one's place; the next run begins with the first again."""
    asked = Txt2Img(
        prompt="a red circle", width=64, height=64, steps=4, seed=1, sampler_name="Euler", refiner_switch_at=0.5,
        refiner_checkpoint="tiny-sd15", override_settings={"sd_model_checkpoint": VELOCITY},
    )  # fmt: skip
    first = made(studio, asked.model_copy(update={"n_iter": 2}))
    assert studio.models.current is not None
    assert studio.models.current.ref.name == "tiny-sd15"
    again = made(studio, asked.model_copy(update={"seed": 2}))
    assert again[0].image.tobytes() == first[1].image.tobytes()
    assert "Model: tiny-sd21-v" in first[1].infotext
    assert "Refiner: tiny-sd15 [" in first[1].infotext
