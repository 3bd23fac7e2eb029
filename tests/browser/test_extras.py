"""The Extras tab as a user finds it: a picture in, a larger one out; several, one of them broken; wrong values told."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from tests.browser.acts import said

GALLERY = "#extras_gallery .gallery"
PICTURE = f"{GALLERY} .stage-picture img"
IDLE = "#extras_generate_box:not([data-state=running]):not([data-state=stopping])"


def opened(page: Any) -> None:
    page.get_by_role("tab", name="Extras", exact=True).click()
    page.wait_for_function("document.documentElement.dataset.extras === 'ready'")


def file(name: str, size: tuple[int, int] = (48, 32), cut: int | None = None) -> dict[str, Any]:
    out = BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()[:cut]}


def choose(page: Any, control: str, name: str) -> None:
    page.click(f"#extras_{control} input")
    page.get_by_role("option", name=name, exact=True).click()


def generate(page: Any) -> None:
    before = page.locator(GALLERY).get_attribute("data-job") or ""
    page.click("#extras_generate")
    page.wait_for_function(f"(document.querySelector('{GALLERY}').dataset.job ?? '') !== {before!r}")
    page.wait_for_selector(IDLE)


def size(page: Any) -> list[int]:
    page.wait_for_function(f"document.querySelector('{PICTURE}').naturalWidth > 0")
    return page.eval_on_selector(PICTURE, "image => [image.naturalWidth, image.naturalHeight]")


def test_a_picture_is_enlarged_and_says_how(page: Any) -> None:
    opened(page)
    page.set_input_files("#extras_image input[type=file]", file("cat.png"))
    page.wait_for_selector("#extras_image img")
    choose(page, "upscaler_1", "Atelier 2x")
    page.locator("#extras_upscaling_resize input[type=number]").fill("2")
    page.locator("#extras_upscaling_resize input[type=number]").press("Tab")
    generate(page)
    assert size(page) == [96, 64]
    told = page.inner_text("#html_info_extras")
    assert "Postprocess upscale by: 2" in told and "Postprocess upscaler: Atelier 2x" in told


def test_scaling_to_a_size_crops(page: Any) -> None:
    opened(page)
    page.set_input_files("#extras_image input[type=file]", file("cat.png"))
    page.wait_for_selector("#extras_image img")
    choose(page, "upscaler_1", "Nearest")
    page.get_by_role("tab", name="Scale to").click()
    for side in ("w", "h"):
        box = page.locator(f"#extras_upscaling_resize_{side} input[type=number]")
        box.fill("72")
        box.press("Tab")
    generate(page)
    assert size(page) == [72, 72]


def test_of_several_pictures_a_broken_one_is_named(page: Any) -> None:
    opened(page)
    page.get_by_role("tab", name="Batch Process").click()
    page.set_input_files("#extras_image_batch input[type=file]", [file("one.png"), file("two.png", cut=150)])
    page.wait_for_function(
        "document.querySelectorAll('#extras_image_batch tr.file, #extras_image_batch .file').length > 1"
    )
    choose(page, "upscaler_1", "Lanczos")
    generate(page)
    assert size(page) == [192, 128]
    assert "two.png was passed over" in page.inner_text("#html_log_extras")


def test_without_a_picture_the_page_says_what_to_do(page: Any) -> None:
    opened(page)
    page.click("#extras_generate")
    assert "There is no picture to work on" in said(page)
    page.wait_for_selector(IDLE)
