"""Flags and packages that extensions want before the start."""

from __future__ import annotations

from pathlib import Path

from modules.foundation.paths import PROGRAM
from modules.host.discovery import discover
from modules.host.dispatch import Troubles
from modules.host.install import preload, run_installers

LAUNCHER = PROGRAM / "modules" / "a1111-facade" / "_foreign"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_flags_of_extensions_are_taken_out(tmp_path: Path) -> None:
    write(tmp_path / "a" / "preload.py", "def preload(parser):\n    parser.add_argument('--a-dir', default='x')")
    write(tmp_path / "b" / "preload.py", "raise RuntimeError('broken')")
    troubles = Troubles()
    found, rest = preload(discover(tmp_path / "none", tmp_path), ["--listen", "--a-dir", "y", "--port", "1"], troubles)
    assert found.a_dir == "y" and rest == ["--listen", "--port", "1"]
    assert [trouble.extension for trouble in troubles.all] == ["b"]


def test_installers_run_in_the_programs_folder_and_may_import_launch(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import launch, os\nfrom pathlib import Path\nPath({str(told)!r}).write_text("
    write(tmp_path / "ext" / "a" / "install.py", code + "f'{os.getcwd()} {launch.is_installed(\"pytest\")}')")
    write(tmp_path / "ext" / "b" / "install.py", "raise SystemExit('no such package')")
    write(tmp_path / "ext" / "c" / "install.py", "import launch\nassert not launch.is_installed('surely-not-there')")
    troubles = Troubles()
    run_installers(discover(tmp_path / "none", tmp_path / "ext"), PROGRAM, LAUNCHER, troubles)
    assert told.read_text(encoding="utf-8") == f"{PROGRAM} True"
    assert [(trouble.extension, "no such package" in trouble.error) for trouble in troubles.all] == [("b", True)]


def test_extensions_that_are_off_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "a" / "install.py", "raise SystemExit(1)")
    write(tmp_path / "a" / "preload.py", "raise RuntimeError")
    troubles = Troubles()
    found = discover(tmp_path / "none", tmp_path, disabled=["a"])
    run_installers(found, PROGRAM, LAUNCHER, troubles)
    assert preload(found, ["--x"], troubles)[1] == ["--x"] and troubles.all == ()
