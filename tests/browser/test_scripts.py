"""Scripts on the page: choosing one, its controls, what comes of it, and back again from its infotext."""

from __future__ import annotations

from typing import Any

from tests.browser import acts
from tests.browser.conftest import Running

PLOT = "#script_txt2img_xyz_plot"


def pick(page: Any, control: str, text: str) -> None:
    """Choose an entry of a drop-down."""
    page.locator(f"{control} input").first.click()
    page.get_by_role("option", name=text, exact=True).last.click()


def test_a_grid_from_typed_and_from_picked_values(page: Any, studio: Running) -> None:
    before = len(studio.pictures())
    pick(page, "#txt2img_script_container #script_list", "X/Y/Z plot")
    page.wait_for_selector(f"{PLOT}_x_type")
    pick(page, f"{PLOT}_x_type", "Steps")
    page.locator(f"{PLOT}_x_values textarea, {PLOT}_x_values input").first.fill("1,2")
    pick(page, f"{PLOT}_y_type", "Schedule type")
    page.wait_for_selector(f"{PLOT}_y_values_dropdown input")
    pick(page, f"{PLOT}_y_values_dropdown", "Karras")
    page.keyboard.press("Escape")
    acts.generate(page, "a plotted cat")
    page.wait_for_function("document.querySelector('#html_info_txt2img').innerText.includes('Script: X/Y/Z plot')")
    acts.finish(page)
    assert len(studio.pictures()) == before + 2
    info = page.locator("#html_info_txt2img").inner_text()
    assert "Script: X/Y/Z plot" in info and 'X Values: "1,2"' in info and "Y Type: Schedule type" in info

    pick(page, "#txt2img_script_container #script_list", "None")
    page.wait_for_selector(f"{PLOT}_x_type", state="detached")
    page.click("#txt2img_send_to_txt2img")
    page.wait_for_selector(f"{PLOT}_x_type")
    assert page.locator(f"{PLOT}_x_type input").input_value() == "Steps"
    assert page.locator(f"{PLOT}_x_values textarea, {PLOT}_x_values input").first.input_value() == "1,2"


def test_what_is_wrong_with_an_axis_is_said(page: Any) -> None:
    pick(page, "#txt2img_script_container #script_list", "X/Y/Z plot")
    page.wait_for_selector(f"{PLOT}_x_type")
    page.locator(f"{PLOT}_x_values textarea, {PLOT}_x_values input").first.fill("many")
    page.click("#txt2img_generate")
    page.get_by_text("Seed: 'many' is neither a whole number nor a range").first.wait_for()
