"""Extras and interrogate over HTTP: A1111's shapes, several pictures, names, refusals in words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from modules.store import pnginfo
from modules.studio import describing, extras


@pytest.fixture
def api(api) -> Iterator:
    """The shared studio, which also runs extras: Lanczos needs no torch."""
    extras.register(api.studio, ready=True)
    describing.register(api.studio, ready=True)
    yield api


def sent(image: Image.Image, format: str = "PNG", **options) -> str:
    out = BytesIO()
    image.save(out, format, **options)
    return base64.b64encode(out.getvalue()).decode()


def received(text: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(text)))


def post(api, path: str, **body):
    return api.client.post(f"/sdapi/v1/{path}", json=body)


PICTURE = sent(Image.effect_noise((40, 24), 60).convert("RGB"))


def test_a_single_picture(api):
    answer = post(api, "extra-single-image", image=PICTURE, upscaler_1="Lanczos", upscaling_resize=2)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"html_info", "image"}
    assert answer.json()["html_info"] == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos</p>"
    image = received(answer.json()["image"])
    assert image.size == (80, 48)
    assert image.info["postprocessing"] == "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos"


def test_nothing_asked_for_gives_the_picture_back(api):
    answer = post(api, "extra-single-image", image=f"data:image/png;base64,{PICTURE}").json()
    assert answer["html_info"] == "<p></p>"
    assert received(answer["image"]).tobytes() == received(PICTURE).tobytes()


def test_a_pictures_own_parameters_stay(api):
    source = pnginfo.encode(Image.new("RGB", (16, 16)), "a cat\nSteps: 1", "PNG")
    image = base64.b64encode(source).decode()
    got = received(post(api, "extra-single-image", image=image, upscaler_1="Nearest").json()["image"])
    assert got.info["parameters"] == "a cat\nSteps: 1"
    assert got.info["postprocessing"].endswith("Postprocess upscaler: Nearest")


def test_two_upscalers_are_mixed(api):
    mixed = {"upscaler_1": "Nearest", "upscaler_2": "Lanczos", "extras_upscaler_2_visibility": 0.5}
    answer = post(api, "extra-single-image", image=PICTURE, **mixed).json()
    nearest = received(PICTURE).resize((80, 48), Image.Resampling.NEAREST)
    lanczos = received(PICTURE).resize((80, 48), Image.Resampling.LANCZOS)
    assert received(answer["image"]).tobytes() == Image.blend(nearest, lanczos, 0.5).tobytes()
    assert answer["html_info"].endswith("Postprocess upscaler: Nearest, Postprocess upscaler 2: Lanczos</p>")


def test_several_pictures(api):
    given = [{"data": PICTURE, "name": "a.png"}, {"data": PICTURE, "name": "b.png"}]
    answer = post(api, "extra-batch-images", imageList=given, upscaler_1="Nearest", upscaling_resize=4)
    assert set(answer.json()) == {"html_info", "images"}
    assert [received(image).size for image in answer.json()["images"]] == [(160, 96), (160, 96)]
    assert post(api, "extra-batch-images", imageList=[{"data": PICTURE}]).status_code == 422


@pytest.mark.parametrize(
    "picture",
    [
        sent(Image.new("CMYK", (16, 16), (0, 200, 200, 0)), "TIFF"),
        sent(Image.new("I;16", (16, 16), 40000), "PNG"),
        sent(Image.new("P", (16, 16), 3), "GIF", save_all=True, append_images=[Image.new("P", (16, 16), 5)]),
        sent(Image.new("LA", (16, 16), (9, 9)), "PNG"),
    ],
    ids=["cmyk", "16 bit", "animated", "grey with alpha"],
)
def test_pictures_of_other_kinds(api, picture):
    answer = post(api, "extra-single-image", image=picture, upscaler_1="Lanczos")
    assert answer.status_code == 200, answer.text
    assert received(answer.json()["image"]).size == (32, 32)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"upscaler_1": "4x-Nothing"}, 500, "could not find upscaler named 4x-Nothing"),
        ({"resize_mode": 2}, 422, "less than or equal to 1"),
        ({"upscaling_resize": 0}, 422, "greater than 0"),
        ({"resize_mode": 1, "upscaling_resize_w": 0}, 422, "greater than or equal to 1"),
        ({"gfpgan_visibility": 2}, 422, "less than or equal to 1"),
        (
            {"upscaler_1": "Lanczos", "resize_mode": 1, "upscaling_resize_w": 100000, "upscaling_resize_h": 100000},
            422,
            "more than can be kept",
        ),
        ({"image": base64.b64encode(base64.b64decode(PICTURE)[:1500]).decode()}, 500, "damaged"),
        ({"image": "no base64 at all!"}, 500, "Invalid encoded image"),
        ({"image": base64.b64encode(b"text").decode()}, 500, "not a picture"),
        ({"image": ""}, 500, "Invalid encoded image"),
        ({"gfpgan_visibility": 1}, 422, "models/GFPGAN"),
        ({"codeformer_visibility": 1}, 422, "models/Codeformer"),
    ],
)
def test_what_cannot_be_done_is_said(api, body, status, message):
    answer = post(api, "extra-single-image", **{"image": PICTURE, **body})
    assert answer.status_code == status, answer.text
    assert message in answer.text


def test_the_lists(api):
    upscalers = api.client.get("/sdapi/v1/upscalers").json()
    assert [one["name"] for one in upscalers[:3]] == ["None", "Lanczos", "Nearest"]
    assert upscalers[0] == {"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4}
    restorers = api.client.get("/sdapi/v1/face-restorers").json()
    assert [one["name"] for one in restorers] == ["CodeFormer", "GFPGAN"]
    assert restorers[0]["cmd_dir"].endswith("Codeformer")
    models = api.client.get("/sdapi/v1/realesrgan-models").json()
    assert {"name": "R-ESRGAN 2x+", "path": None, "scale": 2} in models


def test_interrogate_without_weights_says_where_they_belong(api):
    missing = post(api, "interrogate", image=PICTURE)
    assert missing.status_code == 422 and "models/BLIP" in missing.text
    tags = post(api, "interrogate", image=PICTURE, model="deepdanbooru")
    assert tags.status_code == 422 and "models/torch_deepdanbooru" in tags.text
    assert post(api, "interrogate").json()["detail"] == "Image not found"
    unknown = post(api, "interrogate", image=PICTURE, model="gpt")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "Model not found")
