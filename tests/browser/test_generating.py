"""A prompt becomes a picture, seen while it forms, kept when the page is left."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from tests.browser.acts import (
    BAR,
    BOX,
    NEGATIVE,
    PICTURE,
    PROMPT,
    arrive,
    choice,
    fill,
    finish,
    forming,
    generate,
    holds,
    infotext,
    number,
    said,
    shows,
    stop,
    value,
)

FIXED = ("txt2img_settings", "txt2img_gallery", "image_buttons_txt2img", "txt2img_tools", "txt2img_generate_box")


def slowly(page) -> None:
    """Long enough to be looked at on any machine; the tests cut it short."""
    fill(page, "steps", 150)
    fill(page, "batch_count", 6)


def test_a_prompt_becomes_a_picture(page, studio):
    before = len(studio.pictures())
    fill(page, "steps", 3)
    page.fill(PROMPT, "a red circle")
    page.fill(NEGATIVE, "a square")
    page.focus(PROMPT)
    page.keyboard.press("Control+Enter")
    shows(page, "html_info_txt2img", "a red circle")
    finish(page)
    assert "a red circle" in infotext(page) and "Negative prompt: a square" in infotext(page)
    assert "Time taken:" in page.inner_text("#html_log_txt2img")
    assert len(studio.pictures()) == before + 1
    assert page.locator(PICTURE).evaluate("it => it.naturalWidth") == value(page, "width")


def test_progress_tells_step_percentage_and_time(page):
    slowly(page)
    generate(page, "progress")
    page.wait_for_function("/Step [1-9]\\d*\\/150/.test(document.querySelector('.progress-text').textContent)")
    assert "%" in page.inner_text(".progress-text")
    page.wait_for_function("/left/.test(document.querySelector('.progress-eta').textContent)")
    forming(page)
    assert page.locator(".live-preview").evaluate("it => it.naturalWidth") > 0
    assert "%" in page.title()
    stop(page)
    assert not page.locator(BAR).is_visible() and page.title() == "Atelier"


def test_nothing_moves_while_a_picture_forms(page):
    before = places(page)
    fill(page, "steps", 150)
    generate(page, "still")
    forming(page)
    assert places(page) == before
    live = page.locator(".live-preview").bounding_box()
    page.keyboard.press("Alt+Enter")
    finish(page)
    assert places(page) == before
    assert page.locator(PICTURE).bounding_box() == live


def places(page) -> dict[str, list[object]]:
    """Where the parts of the page are, in pixels."""
    boxes = {id: page.locator(f"#{id}").bounding_box() for id in FIXED}
    return {
        id: [pytest.approx(box[side], abs=1) for side in ("x", "y", "width", "height")] for id, box in boxes.items()
    }


def test_a_reload_in_the_middle_finds_the_job_again(page):
    slowly(page)
    generate(page, "a job that outlives its page")
    forming(page)
    page.reload()
    arrive(page)
    page.wait_for_selector(f"{BOX}[data-state=running]")
    page.wait_for_selector(BAR)
    forming(page)
    holds(page, PROMPT, "a job that outlives its page")
    assert value(page, "steps") == 150
    stop(page)
    assert "a job that outlives its page" in infotext(page)


def test_a_reload_afterwards_finds_the_pictures(page):
    generate(page, "kept")
    finish(page)
    source = page.locator(PICTURE).get_attribute("src")
    page.reload()
    arrive(page)
    page.wait_for_function(f"document.querySelector('{PICTURE}').naturalWidth > 0")
    assert page.locator(PICTURE).get_attribute("src") == source


def test_another_visitor_sees_what_runs(page, visit):
    slowly(page)
    generate(page, "shared")
    other = visit(stranger=True)
    other.wait_for_selector(f"{BOX}[data-state=running]")
    other.click("#txt2img_interrupt")
    other.click("#txt2img_interrupting")
    finish(page)
    finish(other)


def test_interrupt_keeps_what_there_is(page):
    slowly(page)
    generate(page, "stopped")
    forming(page)
    stop(page)
    assert 1 <= page.locator(".thumb").count() < 6
    assert "Interrupted after" in page.inner_text("#html_log_txt2img")


def test_skip_goes_on_with_the_next_batch(page):
    fill(page, "steps", 150)
    fill(page, "batch_count", 2)
    generate(page, "skipped")
    page.wait_for_function("/Batch 1\\/2.*Step [1-9]/.test(document.querySelector('.progress-text').textContent)")
    page.keyboard.press("Alt+Enter")
    page.wait_for_function("/Batch 2\\/2/.test(document.querySelector('.progress-text').textContent)")
    stop(page)


def test_generate_while_running_starts_anew(page):
    slowly(page)
    generate(page, "first")
    forming(page)
    fill(page, "batch_count", 1)
    fill(page, "steps", 2)
    page.fill(PROMPT, "second")
    page.focus(PROMPT)
    page.keyboard.press("Control+Enter")
    shows(page, "html_info_txt2img", "second")
    finish(page)


def test_several_pictures_and_the_viewer(page, studio):
    fill(page, "batch_count", 2)
    fill(page, "batch_size", 2)
    fill(page, "steps", 2)
    generate(page, "four")
    finish(page)
    assert page.locator(".thumb img").count() == 5, "four pictures and their grid"
    page.locator(".thumb").nth(1).click()
    assert page.locator(".thumb[aria-selected=true]").count() == 1
    page.click(".stage-picture")
    page.wait_for_selector("#lightboxModal.open")
    shown = page.locator("#modalImage").get_attribute("src")
    page.keyboard.press("ArrowRight")
    assert page.locator("#modalImage").get_attribute("src") != shown
    page.keyboard.press("Escape")
    assert not page.locator("#lightboxModal").is_visible()

    page.click("#save_txt2img")
    shows(page, "html_log_txt2img", "log/images")
    kept = sorted(path.suffix for path in (studio.data / "log" / "images").iterdir())
    assert kept == [".csv", ".png"]

    with page.expect_download() as caught:
        page.click("#save_zip_txt2img")
    with zipfile.ZipFile(io.BytesIO(caught.value.path().read_bytes())) as archive:
        assert len(archive.namelist()) == 5


def test_seed_buttons(page):
    fill(page, "steps", 2)
    fill(page, "seed", 4321)
    generate(page, "seeded")
    finish(page)
    page.click("#txt2img_random_seed")
    holds(page, "#txt2img_seed input", "-1")
    page.click("#txt2img_reuse_seed")
    holds(page, "#txt2img_seed input", "4321")


def test_extra_takes_effect_only_when_it_is_open(page):
    fill(page, "steps", 2)
    page.click("#txt2img_subseed_show input")
    page.wait_for_selector("#txt2img_subseed_strength")
    fill(page, "subseed_strength", 0.5)
    generate(page, "varied")
    finish(page)
    assert "Variation seed strength: 0.5" in infotext(page)
    page.click("#txt2img_subseed_show input")
    page.wait_for_selector("#txt2img_subseed_strength", state="detached")
    generate(page, "plain")
    shows(page, "html_info_txt2img", "plain")
    finish(page)
    assert "Variation" not in infotext(page)


def test_swap_and_pasted_size(page):
    fill(page, "width", 128)
    fill(page, "height", 64)
    page.click("#txt2img_res_switch_btn")
    holds(page, "#txt2img_width input[type=number]", "64")
    assert value(page, "height") == 128
    number(page, "width").evaluate(
        """box => { const data = new DataTransfer(); data.setData('text', '320x192');
        box.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})) }"""
    )
    assert (value(page, "width"), value(page, "height")) == (320, 192)


def test_what_cannot_be_done_is_said(page):
    page.fill(PROMPT, "too small")
    number(page, "width").fill("0")
    page.keyboard.press("Control+Enter")
    assert "Width cannot be 0" in said(page)
    page.wait_for_selector("#txt2img_width.invalid")
    assert page.get_attribute(BOX, "data-state") == "idle"
    fill(page, "width", 100000)
    page.wait_for_function("[...document.querySelectorAll('.toast')].some(it => it.innerText.includes('100000'))")
    fill(page, "width", 64)
    generate(page, "(broken:1..2)")
    page.wait_for_function("[...document.querySelectorAll('.toast')].some(it => it.innerText.includes('1..2'))")
    page.wait_for_selector(f"{BOX}[data-state=idle]")


@pytest.fixture
def checkpoint_again(studio) -> Iterator[None]:
    before = studio.get("/sdapi/v1/options")["sd_model_checkpoint"]
    yield
    httpx.post(studio.url + "/sdapi/v1/options", json={"sd_model_checkpoint": before}, timeout=60).raise_for_status()


def choose(page, name: str) -> None:
    page.click("#setting_sd_model_checkpoint input")
    page.click(f"ul.option-list li >> text={name}")


def test_the_checkpoint_brings_its_defaults(page, studio, checkpoint_again):
    title = page.input_value("#setting_sd_model_checkpoint input")
    assert title in {item["title"] for item in studio.get("/sdapi/v1/sd-models")}
    assert (value(page, "width"), value(page, "steps"), choice(page, "sampling")) == (64, 4, "Euler a")
    fill(page, "steps", 33)
    choose(page, "without-yaml")
    holds(page, "#txt2img_width input[type=number]", "512")
    assert value(page, "steps") == 33, "what the user chose stays"
    assert "without-yaml" in said(page), "it does not fit, and the page says so before anybody presses Generate"
    choose(page, "tiny")
    holds(page, "#txt2img_width input[type=number]", "64")


def test_a_new_file_appears_after_refresh(page, studio):
    models = studio.data / "models" / "Stable-diffusion"
    (models / "dropped-in.safetensors").write_bytes((models / "without-yaml.safetensors").read_bytes())
    try:
        page.click("#refresh_sd_model_checkpoint")
        page.wait_for_timeout(300)
        page.click("#setting_sd_model_checkpoint input")
        page.wait_for_selector("ul.option-list li >> text=dropped-in")
        page.keyboard.press("Escape")
    finally:
        (models / "dropped-in.safetensors").unlink()
