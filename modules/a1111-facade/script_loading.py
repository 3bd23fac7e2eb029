"""Loading a script's file as A1111 does: under its file name, with its extension's folder first on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

loaded_scripts: dict[str, ModuleType] = {}
_from: list[str] = []
"""The folder of the extension being loaded, if one is; a list because one may load another."""


def loading_from() -> str | None:
    return _from[-1] if _from else None


def load_module(path: str | Path) -> ModuleType:
    """The module of a file, loaded anew and outside of `sys.modules`."""
    path = Path(path)
    spec = importlib.util.spec_from_file_location(path.name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded_scripts[str(path)] = module
    return module


def load_for(extension: Path, path: Path) -> ModuleType:
    """As `load_module`, while `scripts.basedir()` and the first entry of the path are the extension's folder."""
    folder = str(extension)
    sys.path.insert(0, folder)
    _from.append(folder)
    try:
        return load_module(path)
    finally:
        _from.pop()
        if folder in sys.path:
            sys.path.remove(folder)
