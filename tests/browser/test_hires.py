"""Hires. fix on the page: the size it tells, the larger picture, one picture enlarged in its place."""

from __future__ import annotations

from tests.browser.acts import PICTURE, arrive, fill, finish, generate, infotext, shown_job, shows

WIDTH = f"document.querySelector('{PICTURE}').naturalWidth"


def turn_on(page) -> None:
    page.check("#txt2img_hr-checkbox input")
    page.wait_for_selector("#txt2img_hr_scale input")


def test_the_size_follows_what_is_chosen(page):
    assert page.inner_text("#txtimg_hr_finalres") == ""
    turn_on(page)
    shows(page, "txtimg_hr_finalres", "from 64x64 to 128x128")
    fill(page, "hr_scale", 1.55)
    shows(page, "txtimg_hr_finalres", "to 96x96")
    fill(page, "hr_resize_x", 160)
    shows(page, "txtimg_hr_finalres", "to 160x160")
    assert page.get_attribute("#txt2img_hr_scale", "class").endswith("without-effect")
    fill(page, "hr_resize_y", 96)
    shows(page, "txtimg_hr_finalres", "to 160x96")


def test_a_larger_picture_in_one_go_and_again_after_a_reload(page):
    turn_on(page)
    fill(page, "steps", 2)
    fill(page, "hr_scale", 1.5)
    fill(page, "hires_steps", 1)
    generate(page, "a larger circle")
    finish(page)
    page.wait_for_function(f"{WIDTH} === 96")
    assert "Hires upscale: 1.5, Hires steps: 1, Hires upscaler: Latent" in infotext(page)
    page.reload()
    arrive(page)
    shows(page, "txtimg_hr_finalres", "from 64x64 to 96x96")


def test_one_of_two_pictures_is_enlarged_in_its_place(page):
    fill(page, "steps", 2)
    fill(page, "batch_size", 2)
    generate(page, "two circles")
    finish(page)
    page.click(".gallery-strip [data-number='1']")
    seed = infotext(page).partition("Seed: ")[2].partition(",")[0]
    before = shown_job(page)
    page.click("#txt2img_upscale")
    page.wait_for_function(f"document.querySelector('.gallery').dataset.job !== {before!r}")
    finish(page)
    page.wait_for_function(f"{WIDTH} === 128")
    assert f"Seed: {seed}, Size: 64x64" in infotext(page)
    page.click(".gallery-strip [data-number='0']")
    page.wait_for_function(f"{WIDTH} === 64")
    assert page.locator(".gallery-strip img").count() == 3  # the grid, too
