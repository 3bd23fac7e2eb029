"""Where things lie, as text."""

from __future__ import annotations

from typing import Any

from modules._anchor import anchor

_NAMES = {
    "script_path": lambda paths: paths.root,
    "data_path": lambda paths: paths.data,
    "models_path": lambda paths: paths.models,
    "extensions_dir": lambda paths: paths.extensions,
    "extensions_builtin_dir": lambda paths: paths.root / "extensions",
    "default_output_dir": lambda paths: paths.outputs,
}


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return str(_NAMES[name](anchor.studio.paths))
    raise AttributeError(f"module 'modules.paths' has no attribute '{name}'")
