"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.foundation import atomic


def test_text_and_bytes_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    atomic.write(path, "naïve")
    assert path.read_bytes() == "naïve".encode()
    atomic.write(path, b"\x00")
    assert path.read_bytes() == b"\x00"
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic.write(path, "old")
    with pytest.raises(KeyError), atomic.replacing(path) as file:
        file.write(b"half of the n")
        raise KeyError
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_others_may_read_it_as_any_file(tmp_path: Path) -> None:
    atomic.write(tmp_path / "ours", "")
    (tmp_path / "usual").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_nothing_is_seen_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic.replacing(path) as file:
        file.write(b"x")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"x"
