"""What a user does and sees, in the words of the tests."""

from __future__ import annotations

from typing import Any

PROMPT = "#txt2img_prompt textarea"
NEGATIVE = "#txt2img_neg_prompt textarea"
BOX = "#txt2img_generate_box"
BAR = ".gallery-progress.on"
PICTURE = ".stage-picture img"


def number(page: Any, field: str) -> Any:
    """The number box of a field."""
    return page.locator(f"#txt2img_{field} input[type=number]").first


def fill(page: Any, field: str, value: object) -> None:
    """Type a number and leave the box."""
    number(page, field).fill(str(value))
    number(page, field).press("Tab")


def value(page: Any, field: str) -> float:
    return float(number(page, field).input_value())


def choice(page: Any, field: str) -> str:
    """What a drop-down shows."""
    return page.locator(f"#txt2img_{field} input").input_value()


def generate(page: Any, prompt: str | None = None) -> None:
    """Press Generate; comes back when the job runs."""
    if prompt is not None:
        page.fill(PROMPT, prompt)
    page.click("#txt2img_generate")
    page.wait_for_selector(f"{BOX}[data-state=running]")


def finish(page: Any) -> None:
    """Wait until nothing runs any more and the picture is drawn."""
    page.wait_for_selector(f"{BOX}[data-state=idle]")
    page.wait_for_function(f"document.querySelector('{PICTURE}').naturalWidth > 0")


def infotext(page: Any) -> str:
    return page.inner_text("#html_info_txt2img")


def said(page: Any) -> str:
    """The newest message in the corner."""
    page.wait_for_selector(".toast")
    return page.locator(".toast p").last.inner_text()
