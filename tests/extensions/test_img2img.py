"""Scripts of img2img through the API: what A1111's recordings do not show."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.extensions.conftest import Scripted

Images = Callable[[httpx.Response], list[Any]]


def picture(width: int = 64, height: int = 64) -> str:
    across = np.linspace(0, 255, width).astype(np.uint8)[None, :, None].repeat(height, 0).repeat(3, 2)
    out = BytesIO()
    Image.fromarray(across).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def post(scripted: Scripted, **fields: Any) -> httpx.Response:
    return scripted.post("img2img", **{"init_images": [picture()], "denoising_strength": 0.5, "steps": 2, **fields})


def told(reply: httpx.Response) -> dict[str, Any]:
    return json.loads(reply.json()["info"])


def test_a_run_begins_with_the_noise_that_is_found(scripted: Scripted, images_of: Images) -> None:
    args = ["", True, True, "a cat", "", True, 4, True, 1, 0.0, False]
    asked = {"script_name": "img2img alternative test", "script_args": args}
    found = post(scripted, **asked)
    infotext = told(found)["infotexts"][0]
    assert all(part in infotext for part in ("Steps: 4", "Decode prompt: a cat", "Decode steps: 4", "Randomness: 0.0"))
    plain = images_of(post(scripted, steps=4, denoising_strength=1.0, cfg_scale=7.0))[0]
    assert images_of(found)[0].tobytes() not in (
        plain.tobytes(),
        images_of(post(scripted, **asked, seed=6))[0].tobytes(),
    )
    assert images_of(found)[0].tobytes() == images_of(post(scripted, **asked))[0].tobytes()
    mixed = post(scripted, **asked | {"script_args": [*args[:9], 1.0, False]})
    assert images_of(mixed)[0].tobytes() != images_of(found)[0].tobytes()


def test_loopback_starts_each_batch_from_the_given_picture(scripted: Scripted, images_of: Images) -> None:
    reply = post(scripted, script_name="loopback", script_args=[2, 0.2, "Lazy", "None"], n_iter=2)
    assert len(images_of(reply)) == 3, "a grid, and the last of each batch"
    assert [text.partition("Seed: ")[2][0] for text in told(reply)["infotexts"][1:]] == ["6", "8"]


def test_poor_mans_outpainting_keeps_the_picture_away_from_the_border(scripted: Scripted, images_of: Images) -> None:
    made = images_of(post(scripted, script_name="poor man's outpainting", script_args=[32, 2, 1, ["right"]]))[0]
    before = Image.open(BytesIO(base64.b64decode(picture()))).convert("RGB")
    assert made.size == (128, 64)
    assert made.crop((0, 0, 24, 64)).tobytes() == before.crop((0, 0, 24, 64)).tobytes()


@pytest.mark.parametrize(
    ("script", "args", "words"),
    [
        ("outpainting mk2", ["", 64, 8, [], 1.0, 0.05], "The direction cannot be []"),
        ("loopback", [2, 0.5, "Steep", "None"], "The curve cannot be 'Steep'"),
        ("loopback", [2, 0.5, "Linear", "CLIP"], "BLIP"),
        ("sd upscale", ["", 8, "Nobody", 2.0], "There is no upscaler 'Nobody'"),
        ("sd upscale", ["", 64, "Nearest", 2.0], "cannot overlap by 64"),
    ],
)
def test_wrong_arguments_are_named(scripted: Scripted, script: str, args: list[Any], words: str) -> None:
    reply = post(scripted, script_name=script, script_args=args)
    assert reply.status_code >= 400 and words in reply.text


def test_soft_inpainting_is_told_of(scripted: Scripted, images_of: Images) -> None:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (16, 16, 48, 48))
    out = BytesIO()
    mask.save(out, "PNG")
    asked = {"mask": base64.b64encode(out.getvalue()).decode(), "inpaint_full_res": False, "inpainting_fill": 1}
    plain = post(scripted, **asked)
    soft = post(scripted, **asked, alwayson_scripts={"soft inpainting": {"args": [True, 2, 0.5, 4, 0, 0.5, 2]}})
    assert images_of(plain)[0].tobytes() != images_of(soft)[0].tobytes()
    infotext = told(soft)["infotexts"][0]
    assert "Soft inpainting enabled: True, Soft inpainting schedule bias: 2" in infotext
    assert "Soft inpainting" not in told(plain)["infotexts"][0]


def test_pictures_that_no_script_changed_keep_their_names(scripted: Scripted) -> None:
    from modules import _pictures, processing

    inputs = scripted.studio.inputs
    name = inputs.keep(base64.b64decode(picture()))
    p = processing.StableDiffusionProcessingImg2Img(init_images=[_pictures.opened(name, inputs)])
    assert _pictures.held(p, inputs)[0]["init_images"] == (name,)
    p.init_images[0].paste(0, (0, 0, 8, 8))
    changed, held = _pictures.held(p, inputs)
    assert changed["init_images"] != (name,) and held.read(changed["init_images"][0])
    with pytest.raises(Exception, match="Picture 1"):
        _pictures.opened(inputs.keep(b"no picture"), inputs, "Picture 1")
