"""The same API with the engine behind it: a tiny checkpoint, real sampling, real files."""

from __future__ import annotations

import base64
import io
import json
import re
import threading

import httpx
import pytest
from PIL import Image, ImageChops

from modules import boot
from modules.foundation.flags import parse
from modules.foundation.log import StartTimes
from modules.jobs.worker import Worker
from modules.store import pnginfo
from modules.web.app import create_app
from tests.api.serving import served
from tests.tiny import write_checkpoint

BODY = {"prompt": "a (red:1.2) circle", "negative_prompt": "blue", "width": 64, "height": 64, "steps": 3, "seed": 42}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A studio as `boot` makes it, in a folder of its own; it takes jobs before its libraries are there."""
    folder = tmp_path_factory.mktemp("real")
    write_checkpoint(folder / "models" / "Stable-diffusion", "tiny")
    write_checkpoint(folder / "models" / "Stable-diffusion", "other", seed=1)
    studio = boot.assemble(parse(["--data-dir", str(folder)]))
    worker = Worker(studio.jobs)
    with served(create_app(studio)) as url, httpx.Client(base_url=url, timeout=120) as client:
        early = threading.Thread(
            target=httpx.post, args=(f"{url}/sdapi/v1/txt2img",), kwargs={"json": BODY, "timeout": 120}
        )
        early.start()
        boot.prepare(studio, StartTimes())
        worker.start()
        early.join(120)
        assert studio.jobs.recent()[0].status == "done", "a call made while starting was answered"
        yield client
    assert worker.stop()
    studio.catalog.close()
    studio.history.close()


def generate(client, **fields):
    answer = client.post("/sdapi/v1/txt2img", json={**BODY, **fields})
    assert answer.status_code == 200, answer.text
    reply = answer.json()
    images = [Image.open(io.BytesIO(base64.b64decode(image))) for image in reply["images"]]
    return images, json.loads(reply["info"])


def same(one, other):
    return one.size == other.size and ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None


def test_a_picture_makes_itself_again_from_its_own_infotext(client):
    (first,), info = generate(client, sampler_name="Euler a", cfg_scale=4.5)
    text, _ = pnginfo.read(first)
    assert text == info["infotexts"][0]
    (by_field,), _ = generate(client, **{"prompt": "", **dict.fromkeys(BODY), "infotext": text})
    assert same(first, by_field)
    (other,), _ = generate(client, sampler_name="Euler a", cfg_scale=4.5, seed=43)
    assert not same(first, other)


def test_seeds_do_not_depend_on_the_batch(client):
    batch, info = generate(client, batch_size=3)
    assert info["all_seeds"] == [42, 43, 44]
    (alone,), _ = generate(client, seed=44)
    difference = ImageChops.difference(batch[2].convert("RGB"), alone.convert("RGB")).getextrema()
    assert max(high for _, high in difference) <= 2


def test_info_names_the_model(client):
    _, info = generate(client, override_settings={"sd_model_checkpoint": "tiny"})
    assert info["sd_model_name"] == "tiny"
    assert re.fullmatch(r"[0-9a-f]{10}", info["sd_model_hash"])
    assert "Model: tiny" in info["infotexts"][0]
    _, info = generate(client, override_settings={"CLIP_stop_at_last_layers": 2})
    assert info["sd_model_name"] == "other", "the override held for one request; this is the first there is"
    assert info["clip_skip"] == 2


def test_switching_checkpoints_loads_them(client):
    for wanted in ("tiny", "other"):
        assert client.post("/sdapi/v1/options", json={"sd_model_checkpoint": wanted}).status_code == 200
        assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith(wanted)
        progress = client.get("/sdapi/v1/progress").json()
        assert (progress["progress"], progress["state"]["job_count"]) == (0, 0)
        assert generate(client)[1]["sd_model_name"] == wanted


def test_a_damaged_checkpoint_leaves_the_studio_working(client, tmp_path):
    models = client.get("/sdapi/v1/sd-models").json()
    path = tmp_path / models[0]["filename"]
    bad = path.with_name("bad.safetensors")
    bad.write_bytes(path.read_bytes()[:5000])
    client.post("/sdapi/v1/refresh-checkpoints")
    before = client.get("/sdapi/v1/options").json()["sd_model_checkpoint"]
    answer = client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "bad"})
    assert answer.status_code == 422
    assert "bad.safetensors" in answer.json()["detail"]
    assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == before
    assert generate(client)[0]


def test_unload_and_reload(client):
    assert client.post("/sdapi/v1/unload-checkpoint").json() == {}
    (one,), _ = generate(client)
    assert client.post("/sdapi/v1/reload-checkpoint").json() == {}
    (other,), _ = generate(client)
    assert same(one, other)


def test_a_preview_forms_while_the_call_blocks(client):
    """Steps of the tiny model take milliseconds, so this one is long and interrupted once it was seen."""
    call = threading.Thread(target=generate, args=(client,), kwargs={"steps": 1000, "force_task_id": "long"})
    call.start()
    seen = None
    while call.is_alive() and not seen:
        reply = client.post("/internal/progress", json={"id_task": "long"}).json()
        seen = reply["live_preview"]
    client.post("/sdapi/v1/interrupt")
    call.join(60)
    assert not call.is_alive()
    assert seen is not None
    picture = Image.open(io.BytesIO(base64.b64decode(seen.partition(",")[2])))
    assert picture.size == (8, 8)
    job = client.get("/atelier/v1/jobs/long").json()
    assert job["status"] == "interrupted" and len(job["images"]) == 1


def paint(client, image, mask, **fields):
    def sent(picture):
        out = io.BytesIO()
        picture.save(out, "PNG")
        return base64.b64encode(out.getvalue()).decode()

    body = {**BODY, "init_images": [sent(image)], "mask": sent(mask), "mask_blur": 0, **fields}
    answer = client.post("/sdapi/v1/img2img", json=body)
    assert answer.status_code == 200, answer.text
    reply = answer.json()
    return [Image.open(io.BytesIO(base64.b64decode(image))) for image in reply["images"]], json.loads(reply["info"])


def test_only_what_is_masked_is_painted_and_the_mask_comes_beside(client):
    picture = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (16, 16, 48, 48))
    (painted, shown), info = paint(
        client, picture, mask, inpaint_full_res=False, override_settings={"return_mask": True}
    )
    changed = ImageChops.difference(painted.convert("RGB"), picture).getbbox()
    assert changed == (16, 16, 48, 48)
    assert same(shown, mask.convert("RGB"))
    assert len(info["infotexts"]) == len(info["all_seeds"]) == 1
    assert "Masked content: fill" in info["infotexts"][0] and "Denoising strength: 0.75" in info["infotexts"][0]


def test_soft_inpainting_goes_through_its_script(client):
    picture, mask = Image.radial_gradient("L").resize((64, 64)).convert("RGB"), Image.new("L", (64, 64), 255)
    arguments = {"soft inpainting": {"args": [True, 1.5]}}
    _, info = paint(client, picture, mask, alwayson_scripts=arguments)
    assert "Soft inpainting schedule bias: 1.5" in info["infotexts"][0]
