"""A1111's names: the list says what is there, shipped extensions use nothing else, and none needs torch to load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

from tests.architecture.source import ROOT, Source, core_names, sources

FACADE = ROOT / "modules" / "a1111-facade"
CORE = {name.split(".")[1] for name in core_names() if name.count(".")} - {"a1111-facade"}


def shipped() -> Iterator[Source]:
    from modules.host.discovery import SHIPPED

    for name in SHIPPED:
        assert (ROOT / "extensions" / name).is_dir(), f"{name} is listed and not there"
        yield from sources(f"extensions/{name}")


def test_list_and_folder_are_the_same() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", (FACADE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed == {path.stem for path in FACADE.glob("[a-z]*.py")}


def test_listed_names_exist() -> None:
    for row in re.findall(r"^\| .* \|$", (FACADE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)[2:]:
        modules, names, _, proof = row.strip("| ").split(" | ")
        for module in re.findall(r"`(\w+)`", modules):
            text = (FACADE / f"{module}.py").read_text(encoding="utf-8")
            if "paths_internal" in module or "copypaste" in module:
                continue
            missing = [name for name in re.findall(r"`(\w+)`", names) if not re.search(rf"\b{name}\b", text)]
            assert not missing, f"{module} has no {missing}"
        for test in re.findall(r"`(tests/[^`]+)`", proof):
            assert (ROOT / test).exists(), f"{module}: {test} does not exist"


def test_every_file_is_an_a1111_module() -> None:
    known = set((ROOT / "tests/architecture/a1111_modules.txt").read_text(encoding="utf-8").split())
    assert {path.stem for path in FACADE.glob("[a-z]*.py")} <= known


def test_shipped_extensions_import_facade_names_only() -> None:
    wrong = [
        f"{source.place}:{found.line} imports {found.module}"
        for source in shipped()
        for found in source.imports()
        if found.module.split(".")[0] == "modules" and len(found.module.split(".")) > 1
        if found.module.split(".")[1] in CORE or found.module.split(".")[1].startswith("_")
    ]
    assert not wrong, "\n".join(wrong)


def test_names_from_modules_are_facade_names() -> None:
    """`from modules import x` names a file of the facade, as the core's packages are no stranger's business."""
    names = {path.stem for path in FACADE.glob("[a-z]*.py")}
    wrong = [
        f"{source.place}:{node.lineno} {alias.name}"
        for source in shipped()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "modules"
        for alias in node.names
        if alias.name not in names
    ]
    assert not wrong, wrong


def test_facade_loads_without_torch() -> None:
    names = sorted(path.stem for path in FACADE.glob("*.py"))
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(f'modules.{name}')\n"
    code += "sys.exit(', '.join({'torch', 'diffusers', 'transformers'} & sys.modules.keys()) or 0)"
    found = subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr.strip()
