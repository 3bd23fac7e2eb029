"""Cards of networks: found, put into the prompt and taken out, noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.test_networks import safetensors
from tests.browser.acts import NEGATIVE, PROMPT, holds
from tests.browser.conftest import Running

CARD = "#txt2img_lora_cards .card[data-name='{}']"


@pytest.fixture
def files(studio: Running) -> Iterator[Path]:
    folder = studio.data / "models" / "Lora"
    for name in ("first", "first-b"):
        safetensors(folder / f"{name}.safetensors", {"x": [1, 1]}, ss_output_name=name)
    for number in range(230):
        safetensors(folder / "many" / f"n{number:03}.safetensors", {"x": [1, 1]})
    (folder / "first.json").write_text(json.dumps({"activation text": "red", "preferred weight": 0.5}))
    httpx.post(f"{studio.url}/sdapi/v1/refresh-loras")
    yield folder
    for path in folder.rglob("*.*"):
        if path.name != "README.md":
            path.unlink()
    httpx.post(f"{studio.url}/sdapi/v1/refresh-loras")


def opened(page: Any) -> None:
    page.click("#txt2img_lora")
    page.wait_for_selector("#txt2img_lora_cards .card")


def test_a_click_puts_a_card_into_the_prompt_and_takes_it_out(page: Any, files: Path) -> None:
    page.fill(PROMPT, "a cat")
    opened(page)
    page.click(CARD.format("first"))
    holds(page, PROMPT, "a cat <lora:first:0.5> red")
    page.focus(CARD.format("first-b"))
    page.keyboard.press("Enter")
    holds(page, PROMPT, "a cat <lora:first:0.5> red <lora:first-b:1.0>")
    page.fill(PROMPT, "a cat <lora:first:0.9> red <lora:first-b:1.0>")
    page.click(CARD.format("first"))
    holds(page, PROMPT, "a cat <lora:first-b:1.0>")
    assert page.input_value(NEGATIVE) == ""


def test_only_cards_in_view_are_there(page: Any, files: Path) -> None:
    opened(page)
    assert page.inner_text("#txt2img_lora_controls .cards-count") == "232 cards"
    assert page.locator("#txt2img_lora_cards .card").count() < 100
    page.evaluate("document.getElementById('txt2img_lora_cards_html').scrollTop = 1e6")
    page.wait_for_selector(CARD.format("n229"))
    assert page.locator("#txt2img_lora_cards .card").count() < 100


def test_search_and_folders(page: Any, files: Path) -> None:
    opened(page)
    page.fill("#txt2img_lora_extra_search", "n22")
    page.wait_for_function("document.querySelector('.cards-count').innerText === '10 cards'")
    page.fill("#txt2img_lora_extra_search", "")
    page.click(".cards-tree button[title=many]")
    page.wait_for_function("document.querySelector('.cards-count').innerText === '230 cards'")


def test_notes(page: Any, files: Path) -> None:
    opened(page)
    page.fill("#txt2img_lora_extra_search", "first")
    page.hover(CARD.format("first"))
    page.click(f"{CARD.format('first')} .edit")
    page.fill("dialog.card-editor [data-key='activation text']", "blue")
    page.click("dialog.card-editor .primary")
    page.wait_for_selector("dialog.card-editor", state="detached")
    assert json.loads((files / "first.json").read_text())["activation text"] == "blue"
    page.click(CARD.format("first"))
    holds(page, PROMPT, "<lora:first:0.5> blue")


def test_generation_comes_back(page: Any, files: Path) -> None:
    opened(page)
    assert not page.is_visible("#txt2img_settings")
    page.click("#txt2img_extra_tabs .extra-strip button:has-text('Generation')")
    assert page.is_visible("#txt2img_settings")
