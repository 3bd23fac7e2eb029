"""Paths from outside stay where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.foundation.errors import UserError
from modules.foundation.paths import PROGRAM
from modules.store import confine


@pytest.mark.parametrize("relative", ["a", "a/b.png", "./a", "a/../b", "", "a\0b"])
def test_what_stays_below(tmp_path: Path, relative: str) -> None:
    assert confine.below(tmp_path, relative).is_relative_to(tmp_path)


@pytest.mark.parametrize("relative", ["..", "../x", "a/../../x", "/etc/passwd", "a/../../../../etc/passwd"])
def test_what_leads_out(tmp_path: Path, relative: str) -> None:
    with pytest.raises(UserError, match="leads out of"):
        confine.below(tmp_path, relative)


@pytest.mark.parametrize("name", ["modules", "venv/lib", "extensions/mine/scripts", ".git", "models/Lora"])
def test_the_programs_own_folders_take_no_pictures(tmp_path: Path, name: str) -> None:
    for text in (name, str(tmp_path / name), str(PROGRAM / name)):
        with pytest.raises(UserError, match="output folder of their own"):
            confine.output_folder(tmp_path, text)


def test_output_folders(tmp_path: Path) -> None:
    assert confine.output_folder(tmp_path, " outputs/x ") == tmp_path / "outputs/x"
    assert confine.output_folder(tmp_path / "data", str(tmp_path / "drive")) == tmp_path / "drive"


def test_within(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    (tmp_path / "secret").touch()
    (tmp_path / "outputs" / "link").symlink_to(tmp_path / "secret")
    folders = [tmp_path / "outputs"]
    assert confine.is_within(tmp_path / "outputs/a.png", folders)
    assert not confine.is_within(tmp_path / "outputs/../secret", folders)
    assert not confine.is_within(tmp_path / "outputs/link", folders)
    assert not confine.is_within(tmp_path / "outputsider", folders)
