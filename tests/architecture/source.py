"""The program's text, parsed: what the architecture tests look at. Nothing is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("modules", "starter", "benchmarks", "extensions")
NAMED_MODULE = re.compile(r"modules(\.[a-z_]\w*)+(:\w+)?")


@dataclass(frozen=True, slots=True)
class Import:
    """One module named by a file. `typing_only` imports stand under `if TYPE_CHECKING:`."""

    module: str
    line: int
    typing_only: bool


@dataclass(frozen=True)
class Source:
    """One Python file. `name` is how it is imported: "modules.sampling.noise"."""

    path: Path
    name: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def place(self) -> str:
        """The path as written in messages, from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """The core package the file belongs to: "sampling", "boot"; empty outside `modules`."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "modules" and len(parts) > 1 else ""

    def imports(self) -> list[Import]:
        """Every module imported, wherever in the file, and every one named in a string to be imported later."""
        typing = {id(inner) for node in ast.walk(self.tree) if _is_typing_block(node) for inner in ast.walk(node)}
        return [
            Import(module, node.lineno, id(node) in typing)  # type: ignore[attr-defined]
            for node in ast.walk(self.tree)
            for module in self._named_by(node)
        ]

    def _named_by(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = self._absolute(node)
            yield from (_longest(base, alias.name) for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED_MODULE.fullmatch(node.value):
            yield node.value.partition(":")[0]

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        keep = parts if self.path.name == "__init__.py" else parts[:-1]
        return ".".join([*keep[: len(keep) - node.level + 1], *([node.module] if node.module else [])])


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """The files of `folders` (all of ours unless some are named), and `webui.py`, in order of path."""
    files = [path for folder in folders or OURS for path in sorted((ROOT / folder).rglob("*.py"))]
    if not folders and (ROOT / "webui.py").exists():
        files.append(ROOT / "webui.py")
    return tuple(Source(path, _name(path)) for path in files)


@cache
def core_names() -> frozenset[str]:
    """How every module below `modules` is imported."""
    return frozenset(source.name for source in sources("modules"))


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _longest(base: str, name: str) -> str:
    """`from base import name` imports a module of that name if there is one, else a name of `base`."""
    path = ROOT.joinpath(*base.split("."), name)
    return f"{base}.{name}" if path.with_suffix(".py").exists() or (path / "__init__.py").exists() else base


def _is_typing_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
