"""A1111's module names stay free: extensions import them as `modules.X`, and they will be the facade's."""

from __future__ import annotations

from tests.architecture.source import ROOT, sources

A1111_MODULES = set((ROOT / "tests/architecture/a1111_modules.txt").read_text(encoding="utf-8").split())
PROBED = {"modules_forge"}
"""Extensions take A1111 for another program if they can import one of these."""


def test_no_core_package_bears_an_a1111_name() -> None:
    taken = {source.package for source in sources("modules")} & A1111_MODULES
    assert not taken, f"these names belong to A1111's modules: {taken}"


def test_no_fork_can_be_mistaken() -> None:
    assert not {source.name.split(".")[0] for source in sources()} & PROBED
