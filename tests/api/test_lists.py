"""What there is: lists, memory, flags, png-info and the description of the API itself."""

from __future__ import annotations

import base64

import pytest
from PIL import Image

from modules.sampling.catalog import SAMPLERS, SCHEDULES
from modules.store import pnginfo

TEXT = "a cat, (dog:1.2)\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.0, Seed: 1, Size: 512x768"


def get(api, path):
    answer = api.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_samplers(api):
    got = get(api, "/sdapi/v1/samplers")
    assert [one["name"] for one in got] == [sampler.name for sampler in SAMPLERS]
    assert all(set(one) == {"name", "aliases", "options"} for one in got)
    assert got[0] == {"name": "DPM++ 2M", "aliases": ["k_dpmpp_2m"], "options": {"scheduler": "karras"}}


def test_schedulers(api):
    got = get(api, "/sdapi/v1/schedulers")
    assert [one["label"] for one in got] == [schedule.label for schedule in SCHEDULES]
    karras = next(one for one in got if one["name"] == "karras")
    assert karras == {
        "name": "karras",
        "label": "Karras",
        "aliases": None,
        "default_rho": 7.0,
        "need_inner_model": False,
    }
    assert got[0]["default_rho"] == -1.0


def test_checkpoints_and_what_is_dropped_in(api):
    got = get(api, "/sdapi/v1/sd-models")
    assert [model["model_name"] for model in got] == ["broken", "one", "sub_two"]
    assert set(got[0]) == {"title", "model_name", "hash", "sha256", "filename", "config"}
    new = api.studio.paths.folder("Stable-diffusion") / "new.safetensors"
    new.write_bytes(b"new")
    new.with_suffix(".yaml").write_text("model: {}")
    try:
        answer = api.client.post("/sdapi/v1/refresh-checkpoints")
        assert (answer.status_code, answer.json()) == (200, None)
        found = next(one for one in get(api, "/sdapi/v1/sd-models") if one["model_name"] == "new")
        assert found["filename"] == str(new) and found["config"] == str(new.with_suffix(".yaml"))
    finally:
        new.unlink()
        new.with_suffix(".yaml").unlink()
        api.client.post("/sdapi/v1/refresh-checkpoints")


def test_vaes_and_what_is_dropped_in(api):
    assert get(api, "/sdapi/v1/sd-vae") == []
    new = api.studio.paths.folder("VAE") / "fine.vae.pt"
    new.parent.mkdir(exist_ok=True)
    new.write_bytes(b"new")
    try:
        assert api.client.post("/sdapi/v1/refresh-vae").json() is None
        assert get(api, "/sdapi/v1/sd-vae") == [{"model_name": "fine.vae.pt", "filename": str(new)}]
    finally:
        new.unlink()
        api.client.post("/sdapi/v1/refresh-vae")


@pytest.mark.parametrize("kind", ["hypernetworks", "loras"])
def test_kinds_of_which_there_is_nothing(api, kind):
    assert get(api, f"/sdapi/v1/{kind}") == []


def test_other_kinds_clients_ask_for(api):
    assert get(api, "/sdapi/v1/embeddings") == {"loaded": {}, "skipped": {}}
    assert get(api, "/sdapi/v1/scripts") == {"txt2img": [], "img2img": []}
    assert get(api, "/sdapi/v1/upscalers")[0]["name"] == "None"


def test_memory(api):
    got = get(api, "/sdapi/v1/memory")
    assert got["ram"]["total"] == got["ram"]["free"] + got["ram"]["used"]
    assert got["ram"]["used"] > 2**20
    assert "cuda" in got


def test_flags_without_their_passwords(started):
    api = started("--api-auth", "me:secret1", "--port", "7999")
    answer = api.client.get("/sdapi/v1/cmd-flags", auth=("me", "secret1"))
    assert answer.json()["port"] == 7999
    assert answer.json()["api_auth"] == "<hidden>"
    assert answer.json()["data_dir"] == str(api.studio.paths.data)
    assert "secret1" not in answer.text


def test_routes_that_do_not_exist(api):
    answer = api.client.get("/sdapi/v1/nothing")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    answer = api.client.get("/sdapi/v1/txt2img")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "  "])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_png_info(api, prefix, format):
    file = pnginfo.encode(Image.new("RGB", (8, 8)), TEXT, format)
    body = {"image": prefix + base64.b64encode(file).decode()}
    answer = api.client.post("/sdapi/v1/png-info", json=body).json()
    assert answer["info"] == TEXT
    assert answer["parameters"]["Seed"] == "1" and answer["parameters"]["Size-2"] == "768"
    assert answer["parameters"]["Prompt"] == "a cat, (dog:1.2)"
    assert "parameters" not in answer["items"]


def test_png_info_without_parameters(api):
    file = pnginfo.encode(Image.new("RGB", (8, 8)), None, "PNG")
    answer = api.client.post("/sdapi/v1/png-info", json={"image": base64.b64encode(file).decode()}).json()
    assert answer["info"] == ""
    assert answer["parameters"]["Clip skip"] == "1", "defaults are filled in"


@pytest.mark.parametrize("image", ["", "no base64!", base64.b64encode(b"no picture").decode(), "data:,x"])
def test_png_info_of_something_else(api, image):
    answer = api.client.post("/sdapi/v1/png-info", json={"image": image})
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "detail", "body", "errors"}
    assert answer.json()["detail"]


def test_png_info_needs_an_image(api):
    answer = api.client.post("/sdapi/v1/png-info", json={})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "image"]


def test_the_api_is_documented_without_another_host(api):
    page = api.client.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text
    assert len(api.client.get("/docs/swagger-ui-bundle.js").content) > 10**6
    assert api.client.get("/docs/swagger-ui.css").status_code == 200
    assert api.client.get("/redoc").status_code == 200
    assert api.client.get("/docs/__init__.py").status_code == 404
    paths = get(api, "/openapi.json")["paths"]
    for path in (
        "txt2img", "progress", "interrupt", "skip", "options", "sd-models", "samplers", "schedulers", "png-info",
        "memory", "refresh-checkpoints", "cmd-flags",
    ):  # fmt: skip
        assert f"/sdapi/v1/{path}" in paths


def test_long_answers_are_compressed(api):
    answer = api.client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in api.client.get("/internal/ping").headers


def test_token_count(api):
    answer = api.client.post("/atelier/v1/token-count", json={"prompt": "a cat, (dog:1.2)", "negative_prompt": ""})
    nothing = {"limit": 75, "ends": [], "remarks": []}
    assert answer.json() == {"prompt": {"tokens": 4, **nothing}, "negative_prompt": {"tokens": 0, **nothing}}
    long = api.client.post("/atelier/v1/token-count", json={"prompt": "cat " * 80}).json()
    assert long["prompt"] == {"tokens": 80, "limit": 150, "ends": ["cat cat cat cat cat"], "remarks": []}
    edited = {"prompt": "[cat:a dog:10]", "negative_prompt": "a AND b"}
    for steps, tokens in ((10, 1), (20, 2)):
        found = api.client.post("/atelier/v1/token-count", json={**edited, "steps": steps}).json()
        assert (found["prompt"]["tokens"], found["negative_prompt"]["tokens"]) == (tokens, 3)
