"""POST /sdapi/v1/img2img: what A1111's clients send, what they read, and what is refused."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modules.engine.request import Img2Img, SoftInpainting

SMALL = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, "seed": 5}


def encoded(image: Image.Image, format: str = "PNG", **how: Any) -> str:
    out = io.BytesIO()
    image.save(out, format, **how)
    return base64.b64encode(out.getvalue()).decode()


PICTURE = encoded(Image.new("RGB", (32, 48), (200, 30, 10)))
MASK = encoded(Image.new("L", (32, 48), 255))


def post(api: Any, **fields: Any) -> Any:
    answer = api.client.post("/sdapi/v1/img2img", json={**SMALL, "init_images": [PICTURE], **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api: Any, **fields: Any) -> Any:
    answer = api.client.post("/sdapi/v1/img2img", json={**SMALL, "init_images": [PICTURE], **fields})
    assert answer.status_code >= 400, answer.text
    assert answer.json()["detail"], answer.text
    return answer


def last_request(api: Any) -> Img2Img:
    request = api.studio.jobs.recent()[0].request
    assert isinstance(request, Img2Img)
    return request


def test_a_picture_and_a_mask_are_kept_for_the_job(api):
    reply = post(api, mask=MASK, denoising_strength=0.4, mask_blur=7, inpainting_fill=1, inpaint_full_res=False)
    assert len(reply["images"]) == 1
    request = last_request(api)
    assert api.studio.inputs.read(request.init_images[0]) == base64.b64decode(PICTURE)
    assert request.mask and api.studio.inputs.read(request.mask) == base64.b64decode(MASK)
    assert (request.denoising_strength, request.mask_blur_x, request.mask_blur_y) == (0.4, 7, 7)
    assert (request.inpainting_fill, request.inpaint_full_res) == (1, False)


def test_defaults_are_a1111s(api):
    parameters = api.client.post("/sdapi/v1/img2img", json={"init_images": [PICTURE]}).json()["parameters"]
    expected = {
        "prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_h": -1,
        "seed_resize_from_w": -1, "sampler_name": None, "scheduler": None, "batch_size": 1, "n_iter": 1, "steps": 50,
        "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": None, "tiling": None, "eta": None,
        "denoising_strength": 0.75, "s_min_uncond": None, "s_churn": None, "s_tmax": None, "s_tmin": None,
        "s_noise": None, "override_settings": {}, "override_settings_restore_afterwards": True,
        "refiner_checkpoint": None, "refiner_switch_at": None, "disable_extra_networks": False,
        "firstpass_image": None, "comments": None, "init_images": None, "resize_mode": 0, "image_cfg_scale": None,
        "mask": None, "mask_blur_x": 4, "mask_blur_y": 4, "mask_blur": None, "mask_round": True, "inpainting_fill": 0,
        "inpaint_full_res": True, "inpaint_full_res_padding": 0, "inpainting_mask_invert": 0,
        "initial_noise_multiplier": None, "latent_mask": None, "force_task_id": None, "sampler_index": "Euler",
        "script_name": None, "script_args": [], "send_images": True, "save_images": False, "alwayson_scripts": {},
        "infotext": None, "do_not_save_samples": False, "do_not_save_grid": False, "negative_prompt": "",
    }  # fmt: skip
    assert parameters == expected


def test_pictures_are_repeated_only_if_that_is_asked_for(api):
    assert post(api, mask=MASK)["parameters"]["init_images"] is None
    parameters = post(api, mask=MASK, include_init_images=True)["parameters"]
    assert (parameters["init_images"], parameters["mask"]) == ([PICTURE], MASK)
    assert "include_init_images" not in parameters


def test_null_for_every_field_is_its_default(api):
    fields = post(api)["parameters"]
    reply = post(api, **{**dict.fromkeys(fields), "init_images": [PICTURE], "width": 64, "height": 64, "steps": 1})
    assert reply["parameters"]["denoising_strength"] == 0.75


def test_what_clients_send_for_booleans_and_data_uris(api):
    uri = f"data:image/png;base64,{PICTURE}"
    post(api, init_images=[uri], inpainting_mask_invert=True, inpaint_full_res=0, mask=None)
    request = last_request(api)
    assert (request.inpainting_mask_invert, request.inpaint_full_res, request.mask) == (1, False, None)


def test_several_pictures_are_one_batch(api):
    other = encoded(Image.new("RGB", (32, 32)))
    post(api, init_images=[PICTURE, other], batch_size=2)
    assert len(last_request(api).init_images) == 2
    answer = refused(api, init_images=[PICTURE, other])
    assert answer.status_code == 500 and "bad number of images passed: 2; expecting 1 or less" in answer.text


@pytest.mark.parametrize("images", [None, []])
def test_without_a_picture_it_is_404(api, images: Any):
    answer = refused(api, init_images=images)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Init image not found")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"init_images": ["not base64!"]}, "Invalid encoded image"),
        ({"init_images": [base64.b64encode(b"hello").decode()]}, "not a picture"),
        ({"init_images": [PICTURE[: len(PICTURE) // 2 // 4 * 4]]}, "damaged"),
        ({"init_images": ["http://example.org/a.png"]}, "Requests not allowed"),
        ({"mask": "AAAA"}, "The mask"),
    ],
)
def test_what_is_no_picture_is_named(api, fields: dict[str, Any], said: str):
    answer = refused(api, **fields)
    assert answer.status_code == 500 and said in answer.json()["detail"]


@pytest.mark.parametrize(
    "fields",
    [{"resize_mode": 4}, {"denoising_strength": 1.5}, {"inpainting_fill": -1}, {"mask_blur": -1}, {"width": 0}],
)
def test_values_out_of_range_are_refused(api, fields: dict[str, Any]):
    assert refused(api, **fields).status_code == 422


@pytest.mark.parametrize("kind", ["cmyk", "16-bit", "animated", "palette", "alpha"])
def test_pictures_of_every_kind_are_taken(api, kind: str):
    image = Image.new("RGB", (32, 32), (9, 99, 199))
    sent = {
        "cmyk": lambda: encoded(image.convert("CMYK"), "JPEG"),
        "16-bit": lambda: encoded(Image.fromarray(np.zeros((32, 32), np.uint16))),
        "animated": lambda: encoded(image, "GIF", save_all=True, append_images=[Image.new("RGB", (32, 32))]),
        "palette": lambda: encoded(image.quantize(4)),
        "alpha": lambda: encoded(Image.new("RGBA", (32, 32))),
    }[kind]()
    assert len(post(api, init_images=[sent])["images"]) == 1


def test_soft_inpainting_is_read_from_its_scripts_arguments(api):
    post(api, mask=MASK, alwayson_scripts={"soft inpainting": {"args": [True, 2.0, 0.25]}})
    request = last_request(api)
    assert request.soft_inpainting == SoftInpainting(schedule_bias=2.0, preservation_strength=0.25)
    post(api, mask=MASK, alwayson_scripts={"Soft Inpainting": {"args": [False, 2.0]}})
    assert last_request(api).soft_inpainting is None
    post(api, mask=MASK, alwayson_scripts={"Soft inpainting": {}})
    assert last_request(api).soft_inpainting is None


def test_of_an_infotext_only_what_a1111_takes_is_taken(api):
    text = (
        "a dog\nSteps: 3, Sampler: Euler a, Schedule type: Automatic, CFG scale: 2.0, Seed: 9, Size: 128x128, ENSD: 5"
    )
    answer = api.client.post(
        "/sdapi/v1/img2img", json={"init_images": [PICTURE], "width": 64, "height": 64, "infotext": text}
    )
    parameters = answer.json()["parameters"]
    assert (parameters["steps"], parameters["sampler_name"], parameters["seed"]) == (3, "Euler a", 9)
    assert (parameters["prompt"], parameters["cfg_scale"], parameters["width"]) == ("", 7.0, 64)
    assert parameters["override_settings"]["eta_noise_seed_delta"] == 5


def test_it_is_saved_among_the_pictures_from_pictures(api):
    post(api, save_images=True)
    path = api.studio.jobs.recent()[0].images[0].path
    assert path is not None and "img2img-images" in path.parts


def test_the_info_tells_the_strength(api):
    info = json.loads(post(api, denoising_strength=0.3)["info"])
    assert info["denoising_strength"] == 0.3 and info["is_using_inpainting_conditioning"] is False
