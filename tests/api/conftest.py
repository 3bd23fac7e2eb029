"""One studio painted without torch behind one real server, for every test of this folder that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from modules.studio.context import Studio
from modules.web.app import create_app
from tests.api.painter import Painter, painted
from tests.api.serving import served


@dataclass
class Served:
    """A running studio: its objects inside, its address outside, and a client that talks to it."""

    studio: Studio
    painter: Painter
    app: FastAPI
    client: httpx.Client
    url: str
    session: dict[str, str] = field(default_factory=dict)
    """Headers of somebody who is logged in."""


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The studio of a person at their own machine: no flags."""
    yield from serving(tmp_path_factory.mktemp("studio"))


@pytest.fixture
def api(shared: Served) -> Iterator[Served]:
    """The shared studio with its settings as they were and nothing left to run."""
    before = shared.studio.settings.snapshot.values()
    shared.painter.go.clear()
    shared.painter.waiting.clear()
    shared.painter.loaded.clear()
    yield shared
    shared.painter.go.set()
    for job in (*shared.studio.jobs.pending(), *filter(None, [shared.studio.jobs.current])):
        job.cancel.interrupt()
        assert job.wait(10)
    if shared.studio.settings.snapshot.values() != before:
        shared.studio.settings.update(before)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a studio of its own with launch flags: `started("--listen")`."""
    running: list[Iterator[Served]] = []

    def start(*flags: str) -> Served:
        steps = serving(tmp_path / str(len(running)), *flags)
        running.append(steps)
        return next(steps)

    yield start
    for steps in running:
        next(steps, None)


def serving(folder: Path, *flags: str) -> Iterator[Served]:
    """One painted studio with these launch flags, stopped when the iterator goes on."""
    studio, painter, worker = painted(folder, *flags)
    app = create_app(studio)
    with served(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield Served(studio, painter, app, client, url)
    painter.go.set()
    assert worker.stop()
    studio.catalog.close()
    studio.history.close()
