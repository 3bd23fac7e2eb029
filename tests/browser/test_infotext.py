"""PNG Info and the paste button: what a picture was made with, and back into the controls."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from modules.store import pnginfo
from tests.browser.acts import NEGATIVE, PROMPT, choice, fill, finish, generate, holds, infotext, said, shows, value

INFOTEXT = (
    "a (lighthouse:1.2) at dusk, oil\nNegative prompt: blurry\n"
    "Steps: 7, Sampler: Euler Karras, CFG scale: 5.5, Seed: 1234567, Size: 320x192, Model hash: 6ce0161689,"
    " Model: v1-5, Variation seed: 99, Variation seed strength: 0.25, Clip skip: 2, Version: v1.10.1"
)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_a1111_fills_the_controls(page, tmp_path: Path, format: str):
    picture = tmp_path / f"theirs.{format.lower()}"
    picture.write_bytes(pnginfo.encode(Image.new("RGB", (64, 64), "teal"), INFOTEXT, format))
    page.click("#tab_pnginfo-button")
    page.set_input_files("#pnginfo_image input[type=file]", picture)
    shows(page, "pnginfo_html_info", "lighthouse")
    page.click("#txt2img_tab")
    holds(page, PROMPT, "a (lighthouse:1.2) at dusk, oil")
    assert page.input_value(NEGATIVE) == "blurry"
    found = {field: value(page, field) for field in ("steps", "cfg_scale", "seed", "width", "height")}
    assert found == {"steps": 7, "cfg_scale": 5.5, "seed": 1234567, "width": 320, "height": 192}
    assert (choice(page, "sampling"), choice(page, "scheduler")) == ("Euler", "Karras")
    assert page.is_checked("#txt2img_subseed_show input")
    assert (value(page, "subseed"), value(page, "subseed_strength")) == (99, 0.25)
    assert "Clip skip: 2" in page.inner_text("#txt2img_override_settings")


def test_our_picture_makes_itself_again(page, studio):
    fill(page, "seed", 77)
    fill(page, "steps", 3)
    generate(page, "a blue star")
    finish(page)
    first, text = studio.pictures()[-1].read_bytes(), infotext(page)
    page.click("#txt2img_send_to_pnginfo")
    shows(page, "pnginfo_html_info", "a blue star")
    page.click("#tab_txt2img-button")
    page.fill(PROMPT, "something else")
    fill(page, "seed", -1)
    fill(page, "steps", 9)
    page.click("#tab_pnginfo-button")
    page.click("#txt2img_tab")
    holds(page, PROMPT, "a blue star")
    generate(page)
    finish(page)
    assert infotext(page) == text
    assert studio.pictures()[-1].read_bytes() == first and len(studio.pictures()) > 1


def test_a_picture_without_parameters(page, tmp_path: Path):
    picture = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(picture)
    page.click("#tab_pnginfo-button")
    page.set_input_files("#pnginfo_image input[type=file]", picture)
    shows(page, "pnginfo_html_info", "Nothing found")
    page.click("#txt2img_tab")
    assert "no generation parameters" in said(page)


def test_a_file_that_is_no_picture(page, tmp_path: Path):
    fake = tmp_path / "fake.png"
    fake.write_text("not a picture at all")
    page.click("#tab_pnginfo-button")
    page.set_input_files("#pnginfo_image input[type=file]", fake)
    shows(page, "pnginfo_html_info", "is not a picture")


def test_the_paste_button_reads_the_prompt(page):
    page.fill(PROMPT, INFOTEXT)
    page.click("#paste")
    holds(page, PROMPT, "a (lighthouse:1.2) at dusk, oil")
    assert value(page, "seed") == 1234567


def test_the_paste_button_of_an_empty_prompt_takes_the_last_generation(page):
    fill(page, "steps", 3)
    generate(page, "the last one")
    finish(page)
    page.fill(PROMPT, "")
    fill(page, "steps", 5)
    page.click("#paste")
    holds(page, PROMPT, "the last one")
    assert value(page, "steps") == 3


def test_override_settings_count_for_the_job_and_can_be_removed(page):
    page.fill(PROMPT, "overridden\nSteps: 2, Sampler: Euler, CFG scale: 3, Seed: 5, Size: 64x64, Clip skip: 2")
    page.click("#paste")
    page.wait_for_selector("#txt2img_override_settings .token")
    generate(page)
    finish(page)
    assert "Clip skip: 2" in infotext(page)
    page.click("#txt2img_override_settings .token-remove")
    page.wait_for_selector("#txt2img_override_settings", state="detached")
    generate(page)
    page.wait_for_function("!document.getElementById('html_info_txt2img').innerText.includes('Clip skip')")
    finish(page)


def test_use_settings_of_the_selected_picture(page):
    fill(page, "steps", 2)
    generate(page, "reused")
    finish(page)
    page.fill(PROMPT, "other")
    page.click("#txt2img_send_to_txt2img")
    holds(page, PROMPT, "reused")
    assert value(page, "seed") != -1


def test_a_picture_dropped_on_the_prompt(page):
    picture = pnginfo.encode(Image.new("RGB", (64, 64), "teal"), INFOTEXT, "PNG")
    page.evaluate(
        """([box, bytes]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], 'theirs.png', {type: 'image/png'}));
        document.querySelector(box).dispatchEvent(
            new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})) }""",
        [PROMPT, list(picture)],
    )
    holds(page, PROMPT, "a (lighthouse:1.2) at dusk, oil")
    assert value(page, "seed") == 1234567 and page.is_visible("#txt2img_generate")
