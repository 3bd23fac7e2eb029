"""Pictures and requests give A1111's pictures: img2img, inpainting and inpainting models, in float32 on the CPU."""

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
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.foundation import torchvision_ops
from modules.foundation.flags import parse
from modules.prompting import infotext
from modules.studio.context import Studio
from tests.runs import made

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "img2img.json").read_text(encoding="utf-8"))
EQUAL = 45.0
"""dB over 8-bit RGB; from here on two pictures count as equal."""
NOT_COMPARED = ("Version", "Sampler", "Schedule type", "Model hash")
"""Labels that later versions write otherwise, and the hash of the file, which is put together here."""
INPAINTING = "tiny-sd15-inpaint"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    torchvision_ops.declare()
    folder = tmp_path_factory.mktemp("data")
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    for path in (HERE / "checkpoints").iterdir():
        (models / path.name).symlink_to(path)
    _put_together(models)
    studio = assemble(parse(["--data-dir", str(folder)]))
    studio.settings.update({"float32": True, "randn_source": "CPU", "sd_checkpoints_limit": 2})
    yield studio
    studio.history.close()


def _put_together(models: Path) -> None:
    """The inpainting model: text encoder and VAE are those of the other one."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(HERE / "checkpoints" / "tiny-sd15.safetensors")
    tensors = {key: value for key, value in tensors.items() if not key.startswith("model.diffusion_model.")}
    save_file(
        tensors | load_file(HERE / "parts" / f"{INPAINTING}.unet.safetensors"), models / f"{INPAINTING}.safetensors"
    )
    shutil.copy(HERE / "parts" / f"{INPAINTING}.yaml", models)


def requested(case: dict[str, Any], studio: Studio) -> Request:
    payload = {**case["payload"]}
    payload["override_settings"] = {
        **payload.get("override_settings", {}),
        "sd_model_checkpoint": case["checkpoint"],
    }
    if "init_images" not in payload:
        return Txt2Img(**payload)

    def kept(name: str) -> str:
        return studio.inputs.keep((HERE / "inputs" / name).read_bytes())

    payload["init_images"] = [kept(name) for name in payload["init_images"]]
    return Img2Img(**payload | ({"mask": kept(payload["mask"])} if "mask" in payload else {}))


def psnr(ours: Image.Image, theirs: Image.Image) -> float:
    error = np.mean((np.asarray(ours.convert("RGB"), float) - np.asarray(theirs.convert("RGB"), float)) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf


def told(text: str) -> dict[str, Any]:
    labels = infotext.parse(text, backcompat=False)
    return {label: value for label, value in labels.items() if label not in NOT_COMPARED}


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["name"])
def test_recorded_picture(case: dict[str, Any], studio: Studio) -> None:
    results = made(studio, requested(case, studio))
    theirs = [Image.open(HERE / "images" / name) for name in case["images"]]
    assert [one.image.size for one in results] == [image.size for image in theirs]
    assert min(psnr(one.image, their) for one, their in zip(results, theirs, strict=True)) >= EQUAL
    assert told(results[0].infotext) == told(case["infotexts"][0])
