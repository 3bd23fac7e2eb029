"""What the pages say of the folders is what the folders are, and the tests need nothing beside the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.layers import RANKS
from tests.architecture.source import ROOT

FOREIGN = re.compile(r"(\.\./|[\"'/])shared/|/work\b")
ROW = re.compile(r"^\| *(?:\d+ *\| *)?`([^`]+)`", re.MULTILINE)


def tracked() -> list[str]:
    """Every file of the repository, as it would be in a fresh clone."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def test_readme_says_what_every_folder_is_for() -> None:
    folders = {f"{name.split('/')[0]}/" for name in tracked() if "/" in name and not name.startswith(".")}
    listed = {entry for entry in _rows("README.md") if entry.endswith("/") and entry.count("/") == 1}
    assert listed == folders


def test_readme_names_only_what_exists() -> None:
    entries = [entry for entry in _rows("README.md") if "*" not in entry]
    missing = [entry for entry in entries if not (ROOT / entry).exists() and entry != "outputs/"]
    assert not missing, missing


def test_developers_page_has_the_ranks() -> None:
    rows = re.findall(
        r"^\| (\d) \| `([^`]+)` \|", (ROOT / "docs/developers.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name: int(rank) for rank, name in rows} == RANKS


def test_pages_link_to_files_that_exist() -> None:
    pages = [ROOT / name for name in tracked() if name.endswith(".md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert not broken, broken


def test_folders_of_users_say_what_belongs_there() -> None:
    folders = ["embeddings", "extensions", "outputs", *(f"models/{path.name}" for path in (ROOT / "models").iterdir())]
    silent = [folder for folder in folders if not (ROOT / folder / "README.md").exists()]
    assert not silent, f"without README.md: {silent}"


def test_tests_read_nothing_outside_the_repository() -> None:
    paths = [ROOT / name for name in tracked() if name.startswith("tests/") and name.endswith(".py")]
    reaching = [
        path.relative_to(ROOT).as_posix()
        for path in paths
        if path != Path(__file__) and FOREIGN.search(path.read_text(encoding="utf-8"))
    ]
    assert not reaching, reaching


def _rows(page: str) -> list[str]:
    return ROW.findall((ROOT / page).read_text(encoding="utf-8"))
