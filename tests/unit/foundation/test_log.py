"""The log's level, and the account of the start."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator

import pytest

from modules.foundation.flags import Flags
from modules.foundation.log import StartTimes, set_up


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards as pytest had it."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield root
    logging.captureWarnings(False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]


@pytest.mark.parametrize(
    ("flag", "variable", "level"),
    [
        (None, None, logging.INFO),
        ("WARNING", "DEBUG", logging.WARNING),
        (None, "debug", logging.DEBUG),
        (None, "loud", logging.INFO),
    ],
)
def test_level(root_logger: logging.Logger, flag: str | None, variable: str | None, level: int) -> None:
    set_up(Flags(loglevel=flag), {"SD_WEBUI_LOG_LEVEL": variable} if variable else {})
    assert root_logger.level == level


def test_the_line_names_the_parts_since_the_last(caplog: pytest.LogCaptureFixture) -> None:
    times = StartTimes(time.perf_counter() - 2.0)
    with times.part("gradio"):
        time.sleep(0.06)
    with times.part("nothing"):
        pass
    with caplog.at_level(logging.INFO):
        assert times.reached("page") == pytest.approx(2.06, abs=0.5)
        times.reached("models")
    assert re.fullmatch(r"page after 2\.\d s \(gradio 0\.\d\)", caplog.messages[0])
    assert re.fullmatch(r"models after 2\.\d s", caplog.messages[1])


def test_parts_add_up_over_threads() -> None:
    times = StartTimes()

    def work() -> None:
        with times.part("loading"):
            time.sleep(0.02)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert times.parts()["loading"] >= 0.06


def test_a_part_that_fails_is_measured_and_raises() -> None:
    times = StartTimes()
    with pytest.raises(KeyError), times.part("torch"):
        raise KeyError
    assert "torch" in times.parts()


def test_each_part_is_logged_when_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), StartTimes(each=True).part("gradio"):
        pass
    assert caplog.messages == ["start: gradio took 0.00 s"]
