"""Pictures of the canvas over HTTP: kept once, handed out again, refused when they are none."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def png(image: Image.Image, kind: str = "PNG", **more) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def test_a_layer_comes_back_to_the_bit(api):
    data = png(Image.new("L", (40, 24), 7))
    kept = api.client.post("/atelier/v1/layers", content=data).raise_for_status().json()
    assert (kept["width"], kept["height"]) == (40, 24) and kept["id"].startswith("sha256:")
    again = api.client.post("/atelier/v1/layers", content=data).json()
    assert again == kept
    reply = api.client.get(f"/atelier/v1/layers/{kept['id']}")
    assert reply.content == data and reply.headers["content-type"] == "image/png"
    assert "immutable" in reply.headers["cache-control"]


def test_what_browsers_do_not_show_is_made_a_png(api):
    deep = Image.fromarray(np.full((24, 40), 0x8080, np.uint16))
    kept = api.client.post("/atelier/v1/layers", content=png(deep, "TIFF")).raise_for_status().json()
    assert api.client.get(f"/atelier/v1/layers/{kept['id']}").headers["content-type"] == "application/octet-stream"
    plain = Image.open(io.BytesIO(api.client.get(f"/atelier/v1/layers/{kept['id']}?plain=true").content))
    assert (plain.format, plain.mode, plain.getpixel((3, 3))) == ("PNG", "L", 128)


def test_sizes_are_those_of_the_upright_picture(api):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = png(Image.new("RGB", (24, 40)), "JPEG", exif=exif)
    kept = api.client.post("/atelier/v1/layers", content=turned).json()
    assert (kept["width"], kept["height"]) == (40, 24)


def test_what_is_no_picture_is_refused_by_name(api):
    for data, words in (
        (b"", "not a picture"),
        (b"<svg onload=alert(1)>", "not a picture"),
        (png(Image.new("L", (64, 64)))[:50], "damaged"),
    ):
        reply = api.client.post("/atelier/v1/layers", content=data)
        assert reply.status_code == 422 and words in reply.json()["detail"]


def test_names_lead_nowhere_else(api):
    for name in ("sha256:" + "0" * 64, "..%2f..%2fconfig.json", "config.json"):
        assert api.client.get(f"/atelier/v1/layers/{name}").status_code in (404, 422)


def test_no_loaded_model_has_no_controls_of_its_own(api):
    assert api.client.get("/atelier/v1/model").json() == {"image_cfg": False}
