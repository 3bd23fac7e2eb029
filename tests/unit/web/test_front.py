"""The application at `/`: a page that waits, then the page, put in before or after the server runs."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from modules.web.front import Front


class Page:
    """A page that notes when its lifespan begins and ends."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.app = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("the page"))])

    @asynccontextmanager
    async def lifespan(self):
        self.notes.append("begins")
        yield
        self.notes.append("ends")


def served(front: Front) -> TestClient:
    @asynccontextmanager
    async def lifespan(_app):
        await front.start()
        yield
        await front.stop()

    app = FastAPI(lifespan=lifespan)
    app.router.default = front
    return TestClient(app)


@pytest.mark.parametrize("early", [True, False])
def test_a_page_put_in_before_or_after_the_start(early):
    front, page = Front(), Page()
    if early:
        front.open(page.app, page.lifespan(), page.app.routes)
        assert page.notes == []
    with served(front) as client:
        if not early:
            assert "Starting" in client.get("/").text and not front.opened
            front.open(page.app, page.lifespan(), page.app.routes)
        assert page.notes == ["begins"]
        assert front.opened and front.routes == page.app.routes
        assert client.get("/").text == "the page"
    assert page.notes == ["begins", "ends"]


def test_while_starting_programs_are_told_to_come_again():
    with served(Front()) as client:
        answer = client.get("/config")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert client.get("/sdapi/v1/nothing").json() == {"detail": "Not Found"}
        assert client.post("/").status_code == 404
        assert client.get("/", headers={"accept": "text/html"}).headers["cache-control"] == "no-store"
