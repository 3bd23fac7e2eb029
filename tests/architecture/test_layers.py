"""Imports run downward, in no circle, and each package imports only the libraries it is about."""

from __future__ import annotations

import sys

from tests.architecture.layers import EVERYWHERE, IN_ONE_FILE, RANKS, THIRD_PARTY
from tests.architecture.source import Import, Source, core_names, sources


def test_every_package_has_a_rank() -> None:
    unknown = {source.package for source in sources("modules")} - RANKS.keys() - {""}
    assert not unknown, f"give {unknown} a rank in layers.py and docs/developers.md"


def test_imports_go_down_the_ranks() -> None:
    wrong = [
        f"{source.place}:{found.line} imports {found.module}: rank {RANKS[source.package]} to {RANKS[target]}"
        for source in sources("modules")
        if source.package
        for found in source.imports()
        if (target := _package(found.module)) and target != source.package
        if RANKS[target] >= RANKS[source.package]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_through_others() -> None:
    graph = {
        source.name: {
            found.module for found in source.imports() if found.module in core_names() and _counts(source, found)
        }
        for source in sources("modules")
    }
    circle = _circle(graph)
    assert not circle, " -> ".join(circle)


def test_libraries_are_imported_where_they_belong() -> None:
    wrong = [
        f"{source.place}:{found.line} imports {library}, which {source.package} is not about"
        for source in sources("modules")
        if source.package
        for found in source.imports()
        if not found.typing_only  # to name a type in an annotation needs no library
        if (library := _library(found.module))
        if library not in EVERYWHERE | THIRD_PARTY[source.package] | IN_ONE_FILE.get(source.name, set())
    ]
    assert not wrong, "\n".join(wrong)


def test_a_circle_is_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def _package(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "modules" and len(parts) > 1 and parts[1] in RANKS else ""


def _library(module: str) -> str:
    top = module.split(".")[0]
    return "" if top in sys.stdlib_module_names or top in ("modules", "webui") else top


def _counts(source: Source, found: Import) -> bool:
    """An import for annotations only cannot close a circle: it is never carried out."""
    return not found.typing_only and found.module != source.name


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """The first circle found, its start named again at its end."""
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            if found := walk(target, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])
