"""How long a newcomer waits: from `python webui.py` to the first page and to the first picture.

Prints the median of several starts beside the limits the project sets itself (3 s and 10 s on two cores).
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"anything": None, "page": 3.0, "accepted": 10.0, "picture": None}
MEANING = {
    "anything": "the port answers (a page that says it is starting)",
    "page": "the studio's page answers",
    "accepted": "a generation is accepted and running",
    "picture": "its picture came back (1 step, 64x64)",
}


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds since the process was started."""

    anything: float
    page: float
    accepted: float
    picture: float


def main(runs: int = 5) -> None:
    """Start the studio `runs` times on a data folder of its own and print the table."""
    starts = [_start() for _ in range(runs + 1)][1:]  # the first fills the disk cache
    print(f"{'':<10}{'median':>8}{'least':>8}{'most':>8}{'limit':>8}")
    for name, limit in LIMITS.items():
        seconds = [getattr(start, name) for start in starts]
        row = f"{statistics.median(seconds):8.2f}{min(seconds):8.2f}{max(seconds):8.2f}"
        print(f"{name:<10}{row}{limit or '-':>8}  {MEANING[name]}")


def _start() -> Start:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "webui.py", "--port", str(port), "--data-dir", folder]
        command += ["--ckpt-dir", str(ROOT / "models" / "Stable-diffusion")]
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return _watch(f"http://127.0.0.1:{port}", begun)
        finally:
            process.terminate()
            process.wait(30)


def _watch(address: str, begun: float) -> Start:
    def since() -> float:
        return time.perf_counter() - begun

    _until(lambda: bool(_get(address + "/")))
    anything = since()
    _until(lambda: b"txt2img_prompt" in _get(address + "/"))
    page = since()
    body = {"prompt": "a red circle", "steps": 1, "width": 64, "height": 64}
    request = urllib.request.Request(
        address + "/sdapi/v1/txt2img", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    picture: list[float] = []

    def generate() -> None:
        with urllib.request.urlopen(request, timeout=120) as answer:
            json.load(answer)
        picture.append(since())

    thread = threading.Thread(target=generate)
    thread.start()
    _until(lambda: bool(picture) or b'"running"' in _get(address + "/atelier/v1/jobs"))
    accepted = since()
    thread.join()
    return Start(anything, page, accepted, picture[0])


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return b""


def _until(done, limit: float = 120.0) -> None:
    end = time.perf_counter() + limit
    while not done():
        if time.perf_counter() > end:
            raise TimeoutError("the studio did not start")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
