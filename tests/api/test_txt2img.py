"""POST /sdapi/v1/txt2img: what A1111's clients send, what they read, and what is refused."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from modules.store import pnginfo

SMALL = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, "seed": 5}


def post(api: Any, **fields: Any) -> Any:
    answer = api.client.post("/sdapi/v1/txt2img", json={**SMALL, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api: Any, **fields: Any) -> Any:
    answer = api.client.post("/sdapi/v1/txt2img", json={**SMALL, **fields})
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    return answer


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


def test_a_prompt_becomes_a_png_with_its_infotext(api):
    reply = post(api, negative_prompt="dogs", sampler_name="Euler a")
    assert list(reply) == ["images", "parameters", "info"]
    image = opened(reply["images"][0])
    assert (image.format, image.size) == ("PNG", (64, 64))
    text, _ = pnginfo.read(image)
    assert text is not None and text.startswith("a cat\nNegative prompt: dogs\nSteps: 2, Sampler: Euler a")
    assert json.loads(reply["info"])["infotexts"] == [text]


def test_defaults_are_a1111s(api):
    reply = api.client.post("/sdapi/v1/txt2img", json={}).json()["parameters"]
    expected = {
        "prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0, "seed_resize_from_h": -1,
        "seed_resize_from_w": -1, "sampler_name": None, "scheduler": None, "batch_size": 1, "n_iter": 1, "steps": 50,
        "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": None, "tiling": None, "eta": None,
        "denoising_strength": None, "s_min_uncond": None, "s_churn": None, "s_tmax": None, "s_tmin": None,
        "s_noise": None, "override_settings": {}, "override_settings_restore_afterwards": True,
        "refiner_checkpoint": None, "refiner_switch_at": None, "disable_extra_networks": False,
        "firstpass_image": None, "comments": None, "enable_hr": False, "firstphase_width": 0, "firstphase_height": 0,
        "hr_scale": 2.0, "hr_upscaler": None, "hr_second_pass_steps": 0, "hr_resize_x": 0, "hr_resize_y": 0,
        "hr_checkpoint_name": None, "hr_sampler_name": None, "hr_scheduler": None, "hr_prompt": "",
        "hr_negative_prompt": "", "force_task_id": None, "sampler_index": "Euler", "script_name": None,
        "script_args": [], "send_images": True, "save_images": False, "alwayson_scripts": {}, "infotext": None,
        "do_not_save_samples": False, "do_not_save_grid": False, "negative_prompt": "",
    }  # fmt: skip
    assert reply == expected
    assert isinstance(reply["subseed_strength"], int), "strictly typed clients read an integer"


def test_null_for_every_field_is_its_default(api):
    fields = post(api)["parameters"]
    reply = api.client.post("/sdapi/v1/txt2img", json={**dict.fromkeys(fields), "width": 64, "height": 64, "steps": 1})
    assert reply.status_code == 200, reply.text
    assert reply.json()["parameters"]["cfg_scale"] == 7.0
    assert reply.json()["parameters"]["n_iter"] == 1


@pytest.mark.parametrize(
    ("field", "sent", "echoed"),
    [
        ("width", "64", 64),
        ("height", 64.0, 64),
        ("steps", 2.7, 2),
        ("steps", "3", 3),
        ("seed", 7.0, 7),
        ("seed", "8", 8),
        ("batch_size", True, 1),
        ("hr_scale", "1.0", 1.0),
        ("hr_second_pass_steps", 7.5, 7),
        ("prompt", 5, "5"),
        ("prompt", 1.5, "1.5"),
        ("save_images", 0, False),
        ("send_images", 1, True),
        ("subseed_strength", 0, 0),
        ("cfg_scale", "3.5", 3.5),
        ("denoising_strength", 0, 0),
        ("s_tmax", 0, 0),
        ("eta", 0, 0),
        ("sampler_index", "LMS", "LMS"),
        ("seed_resize_from_w", 0, 0),
        ("firstphase_width", 0, 0),
        ("styles", ["None"], ["None"]),
        ("styles", [""], [""]),
    ],
)
def test_coercions(api, field, sent, echoed):
    fields = {field: sent, **({"sampler_name": "Euler"} if field == "sampler_index" else {})}
    assert post(api, **fields)["parameters"][field] == echoed


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("width", 0),
        ("width", 100_000),
        ("height", -8),
        ("steps", -1),
        ("steps", 0),
        ("steps", "many"),
        ("batch_size", 1000),
        ("cfg_scale", "much"),
        ("cfg_scale", "NaN"),
        ("prompt", "x" * 5_000_000),
        ("negative_prompt", "x" * 5_000_000),
        ("prompt", ["a", "b"]),
        ("seed", 2**64),
        ("subseed_strength", 2),
        ("s_churn", -1),
        ("force_task_id", "x" * 2000),
        ("override_settings", "x"),
        ("alwayson_scripts", []),
    ],
)
def test_what_is_no_value_is_refused_readably(api, field, sent):
    answer = refused(api, **{field: sent})
    assert answer.status_code == 422
    first = answer.json()["detail"][0]
    assert first["loc"][:2] == ["body", field]
    assert first["msg"] and first["type"]
    assert len(answer.content) < 2000, "the input is not sent back"


def test_a_body_that_is_not_json_is_refused(api):
    answer = api.client.post("/sdapi/v1/txt2img", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"]
    assert api.client.post("/sdapi/v1/txt2img", json=[1]).status_code == 422


def test_unknown_fields_are_ignored(api):
    post(api, clip_skip=2, mask="", init_images=[], nobody={"knows": "this"}, kind="img2img")


@pytest.mark.parametrize(
    ("name", "scheduler", "sampler", "schedule"),
    [
        ("DPM++ 2M", None, "DPM++ 2M", "Karras"),
        ("DPM++ 2M Karras", None, "DPM++ 2M", "Karras"),
        ("DPM++ 2M SDE Exponential", "", "DPM++ 2M SDE", "Exponential"),
        ("Euler", "karras", "Euler", "Karras"),
        ("Euler", "Karras", "Euler", "Karras"),
        ("Euler", "automatic", "Euler", "Automatic"),
        ("Euler", "Automatic", "Euler", "Automatic"),
        ("Euler Karras", "Exponential", "Euler", "Karras"),
        ("k_euler_a", None, "Euler a", "Automatic"),
    ],
)
def test_samplers_old_and_new_names(api, name, scheduler, sampler, schedule):
    reply = post(api, sampler_name=name, scheduler=scheduler)
    info = json.loads(reply["info"])
    assert info["sampler_name"] == sampler
    assert f"Sampler: {sampler}, Schedule type: {schedule}," in info["infotexts"][0]
    assert reply["parameters"]["sampler_name"] == name, "the echo is as sent"


def test_sampler_index_stands_in_for_sampler_name(api):
    assert json.loads(post(api, sampler_index="DDIM")["info"])["sampler_name"] == "DDIM"
    assert json.loads(post(api, sampler_index="DDIM", sampler_name="")["info"])["sampler_name"] == "DDIM"
    assert json.loads(post(api, sampler_index="DDIM", sampler_name="UniPC")["info"])["sampler_name"] == "UniPC"


def test_an_unknown_sampler_is_400(api):
    answer = refused(api, sampler_name="Nobody")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "HTTPException",
        "detail": "Sampler not found",
        "body": "",
        "errors": "400: Sampler not found",
    }


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"enable_hr": True, "hr_upscaler": "ESRGAN_9x"}, "could not find upscaler named ESRGAN_9x"),
        ({"enable_hr": True, "hr_sampler_name": "Eulerish"}, "Sampler not found: 'Eulerish'"),
        ({"enable_hr": True, "hr_checkpoint_name": "nowhere"}, "nowhere"),
        ({"enable_hr": True, "width": 1024, "hr_scale": 9}, "would make 1024x64 a picture 9216 pixels wide"),
        ({"enable_hr": True, "width": 64, "hr_scale": 0.1}, "a picture 6 pixels wide"),
        ({"refiner_checkpoint": "nowhere"}, "nowhere"),
        ({"script_name": "x/y/z plot"}, "Script 'x/y/z plot' not found"),
        ({"alwayson_scripts": {"ControlNet": {"args": []}}}, "Script 'ControlNet' not found"),
        ({"alwayson_scripts": {"": {}}}, "always on script  not found"),
    ],
)
def test_what_there_is_not_is_said(api, fields, detail):
    answer = refused(api, **fields)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]
    assert set(answer.json()) == {"error", "detail", "body", "errors"}


def test_fields_that_ask_for_nothing(api):
    post(
        api, enable_hr=False, tiling=False, restore_faces=False, refiner_checkpoint="None", refiner_switch_at=0.8,
        hr_upscaler="Latent", hr_resize_x=128, script_name="", alwayson_scripts={}, denoising_strength=0.7,
        hr_scheduler=None, hr_sampler_name=None, firstpass_image=None,
    )  # fmt: skip


def test_a_second_pass_as_a1111s_clients_ask_for_it(api):
    """Numbers as text, fractions of steps, zeros of older versions, labels of the page's lists."""
    reply = post(
        api, enable_hr=1, hr_scale="2.0", hr_second_pass_steps=1.5, hr_resize_x=0, hr_resize_y=0, firstphase_width=0,
        firstphase_height=0, denoising_strength=0, hr_sampler_name="Use same sampler", hr_upscaler="",
        hr_scheduler="Use same scheduler", hr_checkpoint_name="Use same checkpoint",
    )  # fmt: skip
    assert (reply["parameters"]["hr_scale"], reply["parameters"]["hr_second_pass_steps"]) == (2.0, 1)


@pytest.mark.parametrize("fields", [{"denoising_strength": 1.2}, {"denoising_strength": -1}, {"hr_scale": 0}])
def test_a_second_pass_out_of_range_is_a_bad_body(api, fields):
    answer = refused(api, enable_hr=True, **fields)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] in fields


def test_the_picture_of_a_first_pass_is_base64(api):
    answer = api.client.post("/sdapi/v1/txt2img", json={**SMALL, "enable_hr": True, "firstpass_image": "no picture"})
    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("Invalid encoded image")


def test_info_is_a_text_with_a1111s_keys_in_order(api):
    reply = post(api, n_iter=2, batch_size=2, seed=100, subseed=7)
    assert isinstance(reply["info"], str)
    info = json.loads(reply["info"])
    assert list(info) == [
        "prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed", "all_seeds", "subseed",
        "all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps", "batch_size",
        "restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash", "sd_vae_name", "sd_vae_hash",
        "seed_resize_from_w", "seed_resize_from_h", "denoising_strength", "extra_generation_params",
        "index_of_first_image", "infotexts", "styles", "job_timestamp", "clip_skip",
        "is_using_inpainting_conditioning", "version",
    ]  # fmt: skip
    assert info["all_seeds"] == [100, 101, 102, 103]
    assert info["all_subseeds"] == [7, 8, 9, 10]
    assert info["all_prompts"] == ["a cat"] * 4
    assert len(info["infotexts"]) == len(reply["images"]) == 4
    assert (info["sd_model_name"], info["sd_model_hash"], info["clip_skip"]) == ("one", "0123456789", 1)
    assert info["extra_generation_params"] == {}
    assert len(info["job_timestamp"]) == 14 and info["job_timestamp"].isdecimal()


def test_random_seeds_are_resolved_to_integers(api):
    info = json.loads(post(api, seed=-1)["info"])
    assert isinstance(info["seed"], int) and info["seed"] >= 0
    assert isinstance(info["subseed"], int) and info["subseed"] >= 0


def test_the_largest_seed_survives(api):
    assert json.loads(post(api, seed=2**64 - 1)["info"])["all_seeds"] == [2**64 - 1]


def test_nothing_is_saved_unless_asked(api):
    folder = api.studio.paths.outputs / "txt2img-images"
    before = set(folder.rglob("*.png"))
    post(api, batch_size=2)
    assert set(folder.rglob("*.png")) == before
    reply = post(api, batch_size=2, save_images=True)
    saved = sorted(set(folder.rglob("*.png")) - before)
    assert len(saved) == 2
    sent = [base64.b64decode(image) for image in reply["images"]]
    assert sorted(path.read_bytes() for path in saved) == sorted(sent[1:]), (
        "the files and the answer are the same bytes"
    )
    info = json.loads(reply["info"])
    assert (len(sent), info["index_of_first_image"], len(info["all_seeds"])) == (3, 1, 2), "the grid comes first"


def test_send_images_false_sends_none(api):
    reply = post(api, send_images=False)
    assert reply["images"] == []
    assert json.loads(reply["info"])["all_seeds"] == [5]


@pytest.mark.parametrize(("format", "kind"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_the_format_follows_the_setting(api, format, kind):
    reply = post(api, override_settings={"samples_format": format})
    image = opened(reply["images"][0])
    assert image.format == kind
    assert (pnginfo.read(image)[0] or "").startswith("a cat\nSteps: 2")


def test_infotext_can_be_left_out(api):
    reply = post(api, override_settings={"enable_pnginfo": False})
    assert pnginfo.read(opened(reply["images"][0]))[0] is None


def test_overrides_hold_for_one_request_and_may_be_unknown(api):
    before = api.client.get("/sdapi/v1/options").json()
    post(api, override_settings={"samples_format": "webp", "jpeg_quality": 70.0, "ddim_discretize": "uniform"})
    assert api.client.get("/sdapi/v1/options").json() == before


def test_an_override_that_does_not_fit_is_refused(api):
    answer = refused(api, override_settings={"jpeg_quality": 1000})
    assert answer.status_code == 422
    assert "jpeg_quality" in answer.json()["detail"]


def test_overrides_may_stay(api):
    post(api, override_settings={"samples_format": "webp", "nobody": 1}, override_settings_restore_afterwards=False)
    assert api.client.get("/sdapi/v1/options").json()["samples_format"] == "webp"


@pytest.mark.parametrize("name", ["sub/two.safetensors", "sub_two", "two", "two.safetensors"])
def test_a_checkpoint_is_overridden_by_any_of_its_names(api, name):
    post(api, override_settings={"sd_model_checkpoint": name})
    job = api.studio.jobs.recent()[0]
    assert job.request.override_settings["sd_model_checkpoint"].startswith("sub/two.safetensors")


def test_an_unknown_checkpoint_override_is_dropped(api):
    post(api, override_settings={"sd_model_checkpoint": "nobody.safetensors"})
    assert "sd_model_checkpoint" not in api.studio.jobs.recent()[0].request.override_settings


def test_infotext_fills_what_the_request_leaves_open(api):
    text = (
        "from the text\nNegative prompt: bad\nSteps: 3, Sampler: DDIM, Schedule type: Automatic, CFG scale: 4.5, "
        "Seed: 77, Size: 72x80, Model hash: 0123456789, Clip skip: 2"
    )
    answer = api.client.post("/sdapi/v1/txt2img", json={"infotext": text, "steps": 2, "prompt": "mine"}).json()
    got = answer["parameters"]
    assert (got["prompt"], got["negative_prompt"], got["steps"]) == ("mine", "bad", 2)
    assert (got["seed"], got["width"], got["height"], got["cfg_scale"]) == (77, 72, 80, 4.5)
    assert got["sampler_name"] == "DDIM"
    assert got["override_settings"].get("CLIP_stop_at_last_layers") == 2


def test_a_second_pass_is_read_from_an_infotext(api):
    text = (
        "x\nSteps: 3, Sampler: DDIM, CFG scale: 4.5, Seed: 77, Size: 64x64, Denoising strength: 0.5, Hires upscale: 1.5"
    )
    got = post(api, infotext=text)["parameters"]
    assert (got["enable_hr"], got["hr_scale"], got["denoising_strength"]) == (True, 1.5, 0.5)


def test_a_job_that_fails_says_why(api):
    answer = refused(api, prompt="fail")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "This prompt cannot be painted."
    assert answer.json()["error"] == "UserError"


def test_a_crash_is_500_with_the_exceptions_name(api):
    answer = api.client.post("/sdapi/v1/txt2img", json={**SMALL, "prompt": "crash"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "ZeroDivisionError", "detail": "", "body": "", "errors": "the painter fell"}
    post(api)


def test_every_answer_tells_its_time(api):
    for answer in (
        api.client.get("/sdapi/v1/samplers"),
        api.client.post("/sdapi/v1/txt2img", json={**SMALL, "prompt": "crash"}),
        api.client.get("/sdapi/v1/nothing"),
    ):
        seconds = answer.headers["x-process-time"]
        assert len(seconds.partition(".")[2]) == 4 and float(seconds) >= 0


@pytest.mark.parametrize(("number", "reason"), [(28, "full"), (30, "writ")])
def test_a_disk_that_is_full_or_closed_is_said_and_the_picture_kept(api, monkeypatch, number, reason):
    def fails(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(number, "refused")

    with monkeypatch.context() as broken:
        broken.setattr("modules.store.outputs.atomic.create", fails)
        answer = refused(api, save_images=True, force_task_id="kept")
        assert answer.status_code == 422
        assert reason in answer.json()["detail"] and str(api.studio.paths.outputs) in answer.json()["detail"]
        assert api.client.get("/atelier/v1/jobs/kept/images/0").headers["content-type"] == "image/png"
        post(api, save_images=False)
    post(api, save_images=True)
