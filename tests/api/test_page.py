"""The page is put into a running server, and without a login nothing of it answers either."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest
from starlette.routing import Mount

from modules.web import page
from tests.api.conftest import serving
from tests.api.serving import in_a_thread

BROWSER = {"accept": "text/html,*/*"}
OPEN = {("GET", "/login"), ("POST", "/login"), ("HEAD", "/login")}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A studio that lets other machines in, its page put in from another thread while it answers."""
    steps = serving(tmp_path_factory.mktemp("page"), "--listen")
    served = next(steps)
    session = {"cookie": f"{served.app.state.gate.sessions.cookie}={served.app.state.gate.sessions.issue('owner')}"}
    waiting = served.client.get("/", headers={**BROWSER, **session})
    assert waiting.status_code == 200 and "Starting" in waiting.text
    assert served.client.get("/atelier/v1/ready", headers=session).json()["page"] is False
    assert served.client.get("/config", headers=session).status_code == 503
    in_a_thread(lambda: page.mount(served.app, served.studio)).join(60)
    served.session = session
    yield served
    next(steps, None)


def routes(app) -> Iterator[tuple[str, frozenset[str]]]:
    """Path and methods of every route there is, Gradio's included."""
    waiting = [*app.routes, *app.state.front.routes]
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting += inner.routes
        elif isinstance(route, Mount):
            yield f"{route.path}/x", frozenset({"GET"})
        else:
            yield route.path, frozenset(route.methods or {"GET"})


def test_without_a_login_only_the_login_page_answers(opened):
    found = dict(routes(opened.app))
    for path in ("/sdapi/v1/txt2img", "/gradio_api/upload", "/gradio_api/queue/join", "/config", "/theme.css", "/"):
        assert path in found, "the walk sees all of it"
    assert len(found) > 80
    # Paths that look like the open one, or that other servers read differently.
    odd = ["/login/x", "//login", "/login;/", "/LOGIN", "/login%00", "/sdapi%2f..%2fconfig", "/x%2f..%2flogin"]
    answered = []
    with httpx.Client(base_url=opened.url, timeout=20) as stranger:
        for path, methods in [*found.items(), *((path, frozenset()) for path in odd)]:
            address = re.sub(r"{[^}]*}", "x", path)
            for method in sorted(methods | {"GET", "POST"}):
                headers = BROWSER if method == "GET" else {}
                answer = stranger.request(method, address, headers=headers, follow_redirects=False)
                led_away = answer.status_code == 303 and answer.headers["location"].startswith("/login")
                if not led_away and answer.status_code not in (401, 403):
                    answered.append((method, address))
        assert stranger.get("/config").status_code == 401, "a program is told, not led away"
    assert {one for one in answered if one[1] not in ("/login", "/login/")} == set()
    assert ("GET", "/login") in answered, "the walk would notice an open door"


def test_with_a_login_the_page_is_gradios(opened):
    answer = opened.client.get("/", headers={**BROWSER, **opened.session})
    assert answer.status_code == 200
    config = json.loads(re.search(r"window.gradio_config = (.*?);</script>", answer.text)[1])
    assert config["username"] == "owner"
    assert opened.client.get("/atelier/v1/ready", headers=opened.session).json()["page"] is True
    assert opened.client.get("/gradio_api/startup-events", headers=opened.session).status_code == 200


def test_gradio_neither_records_nor_reports(opened):
    answer = opened.client.get("/", headers={**BROWSER, **opened.session})
    config = json.loads(re.search(r"window.gradio_config = (.*?);</script>", answer.text)[1])
    assert config.get("analytics_enabled") is False
    assert not config.get("run_history")
    assert "runs" not in (config.get("footer_links") or [])
    for path in ("/monitoring", "/monitoring/summary"):
        assert opened.client.get(path, headers=opened.session).status_code >= 400
    assert "mcp" not in {route.strip("/").split("/")[-1] for route, _ in routes(opened.app)}


def test_other_sites_cannot_reach_gradio_either(opened):
    headers = {**opened.session, "origin": "https://evil.example"}
    files = {"files": ("x.txt", b"x")}
    assert opened.client.post("/gradio_api/upload", files=files, headers=headers).status_code == 403
    answer = opened.client.get("/config", headers=headers)
    assert "access-control-allow-origin" not in answer.headers


def test_without_a_page_the_api_describes_itself(started):
    served = started("--nowebui")
    answer = served.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
    assert served.client.get("/config").json() == {"detail": "Not Found"}


def test_a_handler_knows_who_is_logged_in(started):
    """Gradio tells a handler's `gr.Request.username`; jobs of the page belong to that user."""
    from modules.web.front import mount_page

    def who(request: gr.Request) -> str | None:
        return request.username

    who.__annotations__["request"] = gr.Request  # Gradio reads them where this module's names are unknown
    served = started("--gradio-auth", "me:secret")

    def build() -> None:
        with gr.Blocks(analytics_enabled=False) as blocks:
            gr.Button().click(who, None, gr.Textbox(), queue=False, api_name="who")
        mount_page(served.app, blocks)

    in_a_thread(build).join(60)
    served.client.post("/login", data={"username": "me", "password": "secret"})
    answer = served.client.post("/gradio_api/run/who", json={"data": []})
    assert answer.json()["data"] == ["me"]
