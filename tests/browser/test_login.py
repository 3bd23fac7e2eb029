"""Coming in from another machine: the one-time link, accounts, the waiting page; wide, narrow and dark."""

from __future__ import annotations

from typing import Any

import pytest

from modules.web import page as studio_page
from tests.api.conftest import Served, serving
from tests.api.serving import in_a_thread


@pytest.fixture
def started(tmp_path):
    """Starts a studio whose pictures are painted without torch: `started("--listen")`."""
    running = []

    def start(*flags: str) -> Served:
        steps = serving(tmp_path / str(len(running)), *flags)
        running.append(steps)
        return next(steps)

    yield start
    for steps in running:
        next(steps, None)


@pytest.fixture
def visitor(browser):
    """A new visitor, without cookies; whatever the console says is in `said`."""
    contexts = []

    def arrive(width: int = 1440, scheme: Any = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        opened = context.new_page()
        opened.said = []
        opened.on("console", lambda message: opened.said.append(message.text))
        opened.on("pageerror", lambda error: opened.said.append(str(error)))
        return opened

    yield arrive
    for context in contexts:
        context.close()


def fits(opened: Any) -> bool:
    """Nothing sticks out to the side."""
    return opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_link_opens_the_studio_once(started, visitor, width, scheme):
    served = started("--listen")
    link = served.app.state.gate.link(served.url)
    one = visitor(width, scheme)
    one.goto(link)
    one.wait_for_url(f"{served.url}/")
    assert "Starting" in one.inner_text("main"), "in, and the page is not there yet"
    assert fits(one) and one.said == []
    other = visitor(width, scheme)
    other.goto(link)
    other.wait_for_selector("[role=alert]:has-text('has been used')")
    assert other.is_visible("#token") and not other.is_visible("#password")
    assert fits(other)
    other.fill("#token", served.app.state.gate.links.token)
    other.click("#link button")
    other.wait_for_url(f"{served.url}/")


def test_the_waiting_page_gives_way_to_the_studio(started, visitor):
    served = started()
    waiting = visitor()
    waiting.goto(served.url)
    assert "Starting" in waiting.inner_text("main")
    thread = in_a_thread(lambda: studio_page.mount(served.app, served.studio))
    waiting.wait_for_selector("#txt2img_prompt textarea", timeout=60_000)
    thread.join(60)
    assert waiting.said == []


def test_accounts_on_a_phone(started, visitor):
    served = started("--gradio-auth", "me:secret")
    phone = visitor(390)
    phone.goto(f"{served.url}/docs")
    assert phone.url == f"{served.url}/login?next=/docs"
    assert phone.evaluate("document.activeElement.id") == "username"
    assert fits(phone) and phone.said == []
    phone.fill("#username", "me")
    phone.fill("#password", "wrong")
    phone.click(".accounts button")
    phone.wait_for_selector("text=do not fit")
    phone.fill("#username", "me")
    phone.fill("#password", "secret")
    phone.press("#password", "Enter")
    phone.wait_for_url(f"{served.url}/docs")
    phone.wait_for_selector('text="/openapi.json"')
