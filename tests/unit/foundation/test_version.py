from __future__ import annotations

import tomllib
from pathlib import Path

from modules.foundation.version import VERSION

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
