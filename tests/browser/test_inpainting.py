"""img2img, inpainting and outpainting by mouse; pictures sent from tab to tab."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from modules.store import pnginfo
from tests.browser import acts
from tests.browser.acts import finish, holds, said, shows
from tests.browser.painting import SKY, fill, generate, kept, layer, load, open_tab, paint, results, sky

BLUR = 1
REACH = 3
"""Pixels a blur of one reaches."""


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_only_what_is_painted_over_changes(page, studio, tmp_path):
    """To the bit: what is farther from the mask than its blur reaches is the original."""
    canvas = open_tab(page)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    load(page, canvas, tmp_path / "noise.png")
    paint(page, canvas, (0.4, 0.4), (0.6, 0.6))
    fill(page, "inpaint_mask_blur", BLUR)
    page.fill("#inpaint_prompt textarea", "a yellow star")
    generate(page)
    painted = layer(page, studio, after=None)
    assert painted is not None
    reached = np.asarray(painted.filter(ImageFilter.MaxFilter(2 * REACH + 1))) > 0
    made = pixels(results(studio)[-1])
    assert (made[~reached] == noise[~reached]).all()
    inside = np.asarray(painted) == 255
    assert (made[inside] != noise[inside]).any(axis=-1).mean() > 0.9
    assert "a yellow star" in page.inner_text("#html_info_inpaint")
    page.wait_for_function(f"document.querySelector('{canvas}').isConnected")
    assert kept(page)["mask"], "the mask is still there for the next try"


def test_without_a_mask_it_is_said(page, tmp_path):
    canvas = open_tab(page)
    page.click("#inpaint_generate")
    assert "no picture yet" in said(page)
    load(page, canvas, sky(tmp_path / "sky.png"))
    page.click("#inpaint_generate")
    page.wait_for_function(
        "[...document.querySelectorAll('.toast')].some(it => it.innerText.includes('Nothing is masked'))"
    )


def test_the_frame_makes_room_to_paint(page, studio, tmp_path):
    canvas = open_tab(page)
    load(page, canvas, sky(tmp_path / "sky.png"))
    page.click(f"{canvas} .canvas-button.frame")
    page.focus(f"{canvas} [data-edge=e]")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.inner_text(f"{canvas} .frame-size") == "88 × 64"
    handle = page.locator(f"{canvas} [data-edge=w]").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y, steps=3)
    page.mouse.up()
    holds(page, "#inpaint_height input[type=number]", "64")
    wide = int(page.locator("#inpaint_width input[type=number]").first.input_value())
    assert wide > 88 and wide % 8 == 0
    page.select_option(f"{canvas} .canvas-fill", "edge")
    fill(page, "inpaint_mask_blur", BLUR)
    generate(page)
    made = pixels(results(studio)[-1])
    assert made.shape == (64, wide, 3)
    left = wide - 88
    inner = made[:, left + 2 * BLUR + REACH : left + 64 - 2 * BLUR - REACH]
    assert (inner == SKY).all(), "the picture itself stays as it was"
    assert (made[:, -16:] != SKY).any(axis=-1).mean() > 0.5
    page.click(f"{canvas} .unframe")
    holds(page, "#inpaint_width input[type=number]", "64")


def test_a_sketch_is_what_is_started_from(page, studio, tmp_path):
    canvas = open_tab(page, "img2img", "sketch")
    load(page, canvas, sky(tmp_path / "sky.png"))
    page.locator(f"{canvas} .canvas-color").fill("#cc2200")
    paint(page, canvas, (0.2, 0.5), (0.8, 0.5))
    fill(page, "img2img_denoising_strength", 0)
    generate(page, "img2img")
    assert "Denoising strength: 0" in page.inner_text("#html_info_img2img")
    color = layer(page, studio, "color", after=None, tab="img2img", mode="sketch")
    assert color is not None and color.getpixel((32, 32)) == (204, 34, 0, 255) and color.getpixel((32, 5))[3] == 0
    page.click("#img2img_copy_sketch_to_inpaint")
    page.wait_for_selector("#img2maskimg .canvas-stage.filled")
    assert page.locator("#img2maskimg .canvas-stage").get_attribute("data-mode") == "inpaint"


def test_uploaded_masks_and_batches(page, studio, tmp_path):
    mask = tmp_path / "mask.png"
    white = Image.new("L", (64, 64))
    white.paste(255, (0, 0, 32, 64))
    white.save(mask)
    open_tab(page)
    page.click("#inpaint_inpaint_upload_tab-button")
    for place, file in (("base", sky(tmp_path / "one.png")), ("mask", mask)):
        with page.expect_file_chooser() as chooser:
            page.click(f"#inpaint_img_inpaint_{place} .picture-choose")
        chooser.value.set_files(file)
        page.wait_for_selector(f"#inpaint_img_inpaint_{place} .picture-field.filled")
    fill(page, "inpaint_mask_blur", BLUR)
    generate(page)
    made = pixels(results(studio)[-1])
    assert (made[:, 32 + REACH :] == SKY).all() and (made[:, :28] != SKY).any()
    before = len(results(studio))
    page.click("#inpaint_batch_tab-button")
    files = [sky(tmp_path / "one.png"), sky(tmp_path / "two.png")]
    page.set_input_files("#inpaint_batch_upload input[type=file]", files)
    shows(page, "inpaint_batch_upload", "two")
    generate(page)
    assert len(results(studio)) == before + 2


def test_pictures_go_from_tab_to_tab(page, studio):
    acts.fill(page, "steps", 2)
    acts.fill(page, "seed", 4711)
    acts.generate(page, "a blue house")
    finish(page)
    page.click("#txt2img_send_to_inpaint")
    page.wait_for_selector("#inpaint_img2maskimg .canvas-stage.filled")
    holds(page, "#inpaint_prompt textarea", "a blue house")
    page.click("#tab_txt2img-button")
    page.click("#txt2img_send_to_img2img")
    page.wait_for_selector("#img2img_image .canvas-stage.filled")
    holds(page, "#img2img_prompt textarea", "a blue house")
    holds(page, "#img2img_seed input", "4711")
    generate(page, "img2img")
    page.click("#img2img_send_to_inpaint")
    page.wait_for_function("document.getElementById('tab_inpaint-button').ariaSelected === 'true'")
    page.click("#tab_img2img-button")
    page.click("#img2img_send_to_pnginfo")
    shows(page, "pnginfo_html_info", "Denoising strength")


def test_png_info_fills_the_inpaint_tab(page, tmp_path):
    text = (
        "a lighthouse\nSteps: 7, Sampler: Euler, CFG scale: 5.5, Seed: 12, Size: 64x64, Denoising strength: 0.3, "
        "Mask blur: 9"
    )
    file = tmp_path / "theirs.png"
    file.write_bytes(pnginfo.encode(Image.new("RGB", (64, 64), "teal"), text, "PNG"))
    page.click("#tab_pnginfo-button")
    page.set_input_files("#pnginfo_image input[type=file]", file)
    shows(page, "pnginfo_html_info", "lighthouse")
    page.click("#inpaint_tab")
    page.wait_for_selector("#inpaint_img2maskimg .canvas-stage.filled")
    holds(page, "#inpaint_prompt textarea", "a lighthouse")
    holds(page, "#inpaint_mask_blur input[type=number]", "9")
    holds(page, "#inpaint_denoising_strength input[type=number]", "0.3")
