"""Sizes, names and statements: the rules of docs/developers.md that a program can check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.architecture.exceptions import LONG_FILES, LONG_FUNCTIONS
from tests.architecture.source import ROOT, Source, sources

N = TypeVar("N", bound=ast.AST)
FILE_LINES = 400
FUNCTION_LINES = 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
PRINTS = {
    "modules/foundation/install.py": "it speaks to the user before there is a log",
    "modules/boot.py": "flags that cannot be read leave no log to write to",
}
CATCHES_ALL = {
    "modules/host/dispatch.py": "an extension's failure is the extension's",
    "modules/jobs/worker.py": "a job's failure is the job's",
    "modules/web/errors.py": "a request's failure is the request's",
}
"""The boundaries at which any exception is caught, and what it is turned into."""


def test_files_are_short() -> None:
    lengths = {source.place: len(source.text.splitlines()) for source in sources()}
    _compare({place: lines for place, lines in lengths.items() if lines > FILE_LINES}, LONG_FILES, FILE_LINES)


def test_functions_are_short() -> None:
    lengths = {name: lines for source in sources() for name, lines in _functions(source)}
    _compare({name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}, LONG_FUNCTIONS, FUNCTION_LINES)


def test_modules_say_what_they_are_for() -> None:
    silent = [source.place for source in sources() if source.text.strip() and not ast.get_docstring(source.tree)]
    assert not silent, f"without a docstring: {silent}"


def test_packages_hold_nothing_but_a_docstring() -> None:
    """A core package's `__init__` says where to start; re-exports would give a thing two names."""
    full = [source.place for source in sources("modules") if source.name.count(".") == 1 and _is_full(source)]
    assert not full, full


def test_names_are_not_vague() -> None:
    vague = [source.place for source in sources() if source.path.stem in VAGUE or source.path.parent.name in VAGUE]
    assert not vague, f"name these after what they hold: {vague}"


def test_no_global_statements() -> None:
    found = [f"{source.place}:{node.lineno}" for source, node in _nodes(ast.Global)]
    assert not found, f"pass what is needed as an argument: {found}"


def test_output_goes_to_the_log() -> None:
    found = [
        f"{source.place}:{node.lineno}"
        for source, node in _nodes(ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "print"
        if source.place not in PRINTS and source.path.is_relative_to(ROOT / "modules")
    ]
    assert not found, f"use log, not print: {found}"


def test_only_boundaries_catch_everything() -> None:
    found = [
        f"{source.place}:{node.lineno}"
        for source, node in _nodes(ast.ExceptHandler)
        if source.package and source.place not in CATCHES_ALL
        if _is_broad(node) and not _raises(node)
    ]
    assert not found, f"name the errors that are expected: {found}"


@pytest.mark.parametrize(
    ("text", "broad"),
    [
        ("except Exception: pass", True),
        ("except: pass", True),
        ("except (ValueError, BaseException): pass", True),
        ("except ValueError: pass", False),
    ],
)
def test_a_broad_handler_is_noticed(text: str, broad: bool) -> None:
    handler = next(node for node in ast.walk(ast.parse(f"try: pass\n{text}")) if isinstance(node, ast.ExceptHandler))
    assert _is_broad(handler) is broad


def _is_full(source: Source) -> bool:
    return source.path.name == "__init__.py" and len(source.tree.body) > 1


def _compare(found: dict[str, int], listed: dict[str, int], limit: int) -> None:
    new = {name: lines for name, lines in found.items() if lines > listed.get(name, limit)}
    assert not new, f"longer than {limit} lines, or than exceptions.py allows: {new}"
    shrunk = {name: found.get(name, 0) for name, lines in listed.items() if found.get(name, 0) < lines}
    assert not shrunk, f"lower or remove these in exceptions.py: {shrunk}"


def _functions(source: Source) -> Iterator[tuple[str, int]]:
    """The length of every function, those inside others included."""
    pending: list[tuple[str, ast.AST]] = [("", source.tree)]
    while pending:
        prefix, node = pending.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}.{child.name}" if prefix else child.name
                if not isinstance(child, ast.ClassDef):
                    yield f"{source.place}:{name}", (child.end_lineno or 0) - child.lineno + 1
            pending.append((name, child))


def _nodes(kind: type[N]) -> Iterator[tuple[Source, N]]:
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, kind):
                yield source, node


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in kinds)


def _raises(handler: ast.ExceptHandler) -> bool:
    """Whether the exception goes on after something was put in order."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
