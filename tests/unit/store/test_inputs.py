"""Pictures of requests: kept once under their checksum, found again, confined, and cleaned away."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from modules.foundation.errors import NotFound
from modules.store.inputs import Inputs, named_in

DAY = 24 * 3600


def aged(inputs: Inputs, name: str, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(inputs.path(name), (then, then))


def test_the_same_bytes_are_kept_once_and_read_back(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    first, again, other = inputs.keep(b"one"), inputs.keep(b"one"), inputs.keep(b"two")
    assert first == again != other
    assert inputs.read(first) == b"one"
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 2


@pytest.mark.parametrize("name", ["", "sha256:", "../../etc/passwd", "sha256:../../x", "sha256:" + "A" * 64])
def test_no_name_leads_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not the name of a picture"):
        Inputs(tmp_path).read(name)


def test_what_is_gone_says_so(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    name = inputs.keep(b"one")
    inputs.path(name).unlink()
    with pytest.raises(NotFound, match="send it again"):
        inputs.read(name)


def test_held_pictures_are_in_memory_only(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    more, (name,) = inputs.holding(b"three")
    assert more.read(name) == b"three"
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotFound):
        inputs.read(name)


def test_only_old_pictures_that_nobody_names_are_deleted(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    named, old, young = inputs.keep(b"named"), inputs.keep(b"old"), inputs.keep(b"young")
    aged(inputs, named, 30)
    aged(inputs, old, 30)
    assert inputs.clean({named}) == 1
    assert inputs.read(named) == b"named" and inputs.read(young) == b"young"
    with pytest.raises(NotFound):
        inputs.read(old)


def test_a_picture_used_again_is_young_again(tmp_path: Path) -> None:
    inputs = Inputs(tmp_path)
    name = inputs.keep(b"one")
    aged(inputs, name, 30)
    inputs.keep(b"one")
    assert inputs.clean(()) == 0


def test_names_are_found_in_a_requests_json() -> None:
    name = "sha256:" + "0a" * 32
    assert named_in(f'{{"init_images":["{name}"],"prompt":"sha256:12"}}') == {name}
