"""The real program over a tiny checkpoint, started once, and a browser page that tolerates no error.

`studio` is the running program, `page` a fresh visitor at its address, `visit` makes visitors of
other widths and themes.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.acts import arrive
from tests.tiny import write_checkpoint

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).resolve().parents[2]
# Without a GPU, a sandbox or a network of its own: what a browser needs in a container.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
START_SECONDS = 120


@dataclass(frozen=True)
class Running:
    """The program: where it answers and where its files are."""

    url: str
    data: Path
    log: Path

    def get(self, path: str, **kwargs: Any) -> Any:
        return httpx.get(self.url + path, timeout=30, **kwargs).raise_for_status().json()

    def pictures(self) -> list[Path]:
        """Every saved picture, grids apart."""
        return sorted((self.data / "outputs" / "txt2img-images").rglob("*.png"))

    def rest(self) -> None:
        """End what runs and waits."""
        jobs = self.get("/atelier/v1/jobs")
        for job in (*jobs["queued"], *jobs["running"]):
            httpx.post(f"{self.url}/atelier/v1/jobs/{job['id']}/interrupt")
        deadline = time.monotonic() + 20
        while self.get("/atelier/v1/jobs")["running"] and time.monotonic() < deadline:
            time.sleep(0.05)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`webui.py` with a tiny checkpoint, over an empty data folder, once the page and torch are there."""
    data = tmp_path_factory.mktemp("studio")
    models = data / "models" / "Stable-diffusion"
    write_checkpoint(models)
    (models / "without-yaml.safetensors").write_bytes(next(models.glob("*.safetensors")).read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = data / "log.txt"
    running = Running(f"http://127.0.0.1:{port}", data, log)
    with log.open("w") as out:
        command = [sys.executable, str(ROOT / "webui.py"), "--data-dir", str(data), "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
        try:
            _wait_until_ready(running, process)
            yield running
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(running: Running, process: subprocess.Popen[bytes]) -> None:
    """Until a first picture came out of it: then torch is loaded and the page is built."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, running.log.read_text()
        try:
            body = {"steps": 1, "width": 64, "height": 64, "sampler_name": "Euler", "save_images": False}
            httpx.post(running.url + "/sdapi/v1/txt2img", json=body, timeout=START_SECONDS).raise_for_status()
            if "gradio" in httpx.get(running.url, timeout=START_SECONDS).text:
                return
        except httpx.ConnectError:
            pass
        time.sleep(0.3)
    pytest.fail(f"the studio was not ready within {START_SECONDS} s:\n{running.log.read_text()}")


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def person(browser: Any) -> Iterator[Any]:
    """One browser profile for all tests, so that the page's files are fetched once."""
    context = browser.new_context(accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def visit(browser: Any, person: Any, studio: Running) -> Iterator[Callable[..., Any]]:
    """Opens the page: `visit(width=390, height=844, theme="dark", query="?x=y")`; a `stranger` comes in another
    profile, one with `touch` has fingers.

    At the end of the test it fails if any visitor saw a console error or asked another host.
    """
    faults: list[str] = []
    opened: list[Any] = []

    def open_page(
        width: int = 1440,
        height: int = 900,
        theme: str = "light",
        query: str = "",
        stranger: bool = False,
        touch: bool = False,
    ) -> Any:
        page = (browser.new_context(has_touch=touch) if stranger or touch else person).new_page()
        opened.append(page)
        page.set_default_timeout(40_000)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.on("console", lambda said: faults.append(f"console: {said.text}") if _is_fault(said) else None)
        page.on("pageerror", lambda error: faults.append(f"page: {error}"))
        page.on("request", lambda asked: None if _own(asked.url, studio) else faults.append(f"foreign: {asked.url}"))
        page.goto(studio.url + "/" + query)
        arrive(page)
        return page

    yield open_page
    for page in opened:
        # A page that is left writes down what it has not yet; the next test's must find nothing.
        page.evaluate("localStorage.clear(); Storage.prototype.setItem = () => {}")
        page.close() if page.context == person else page.context.close()
    studio.rest()
    assert not faults, faults


@pytest.fixture
def page(visit: Callable[..., Any]) -> Any:
    return visit()


def _is_fault(said: Any) -> bool:
    """An error, but for the browser's own note on a request that was refused: the page has to tell of those."""
    return said.type == "error" and "status of 422" not in said.text


def _own(url: str, studio: Running) -> bool:
    return url.startswith((studio.url, "data:", "blob:"))
