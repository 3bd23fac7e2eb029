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
    """Press Generate; comes back when the page follows the job, which may be over already."""
    if prompt is not None:
        page.fill(PROMPT, prompt)
    before = shown_job(page)
    page.click("#txt2img_generate")
    page.wait_for_function(f"document.querySelector('.gallery').dataset.job !== {before!r}")


def shown_job(page: Any) -> str:
    return page.locator(".gallery").get_attribute("data-job") or ""


def finish(page: Any) -> None:
    """Wait until nothing runs any more and the picture is drawn."""
    page.wait_for_selector(f"{BOX}:not([data-state=running]):not([data-state=stopping])")
    page.wait_for_function(f"document.querySelector('{PICTURE}').naturalWidth > 0")


def stop(page: Any) -> None:
    """Interrupt what runs, in the middle of a batch, and wait for its end."""
    page.keyboard.press("Escape")
    page.wait_for_selector(f"{BOX}[data-state=stopping], {BOX}[data-state=idle]")
    page.keyboard.press("Escape")
    finish(page)


def shows(page: Any, id: str, text: str) -> None:
    """Wait until an element is there and has this text."""
    page.wait_for_function("([id, text]) => document.getElementById(id)?.innerText.includes(text)", arg=[id, text])


def holds(page: Any, selector: str, wanted: str) -> None:
    """Wait until a box holds this value."""
    page.wait_for_function("([box, text]) => document.querySelector(box)?.value === text", arg=[selector, wanted])


def forming(page: Any) -> None:
    """Wait until a preview is seen."""
    page.wait_for_selector(".live-preview:not([hidden])")


def infotext(page: Any) -> str:
    return page.inner_text("#html_info_txt2img")


def said(page: Any) -> str:
    """The newest message in the corner."""
    page.wait_for_selector(".toast")
    return page.locator(".toast p").last.inner_text()


def arrive(page: Any) -> None:
    """Wait until the page's scripts have wired everything."""
    page.wait_for_function("document.documentElement.dataset.atelier === 'ready'")
