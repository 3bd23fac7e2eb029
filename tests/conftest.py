"""What holds for every test: no network beyond this machine, no settings of the person who runs them.

`chromium` gives tests in `tests/browser` their browser; where there is none they are skipped with the reason.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import ipaddress
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "DO_NOT_TRACK": "1"}
OF_THE_USER = ("COMMANDLINE_ARGS", "IGNORE_CMD_ARGS_ERRORS", "SD_WEBUI_LOG_LEVEL")

attempts: list[str] = []
"""Connections to other machines that were refused since the last test ended."""


class OutsideConnection(ConnectionRefusedError):
    """A test tried to reach another machine. The kind of error for which callers close their sockets."""


class DeclareOperators(importlib.abc.MetaPathFinder):
    """Declares torchvision's operators when a test first imports it, so that light tests need no torch."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            from modules.foundation.torchvision_ops import declare

            declare()
        return None


def pytest_configure() -> None:
    os.environ.update(OFFLINE)
    for name in OF_THE_USER:
        os.environ.pop(name, None)
    sys.meta_path.insert(0, DeclareOperators())
    sys.addaudithook(_refuse_outside)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = ROOT / "tests" / "browser"
    browsing = [item for item in items if item.path.is_relative_to(folder)]
    for item in browsing:
        item.add_marker(pytest.mark.browser)
        if find_browser() is None:
            item.add_marker(pytest.mark.skip(reason=f"no browser: none of {', '.join(BROWSERS)} is on the path"))
    # Last: from its first use on, Playwright keeps an event loop running in the thread of the tests.
    items[:] = [item for item in items if not item.path.is_relative_to(folder)] + browsing


def find_browser() -> Path | None:
    """Chromium or Chrome as installed by the system."""
    return next((Path(found) for name in BROWSERS if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program, for `playwright.chromium.launch(executable_path=...)`."""
    found = find_browser()
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def outside_attempts() -> Iterator[list[str]]:
    """Fails the test that tried to reach another machine, even where a library swallowed the refusal."""
    attempts.clear()
    yield attempts
    assert not attempts, f"tried to reach {', '.join(attempts)}"


def _refuse_outside(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo" and not _is_address(args[0]):
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if not _is_here(host):
        attempts.append(str(host))
        raise OutsideConnection(f"Tests reach no other machine; this one tried {host!r}.")


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost") or name.endswith(".localhost"):
        return True
    return _is_address(name) and (ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified)


def _is_address(host: Any) -> bool:
    """A numeric address is looked up without asking anybody."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
