"""A1111's callbacks: functions that extensions hand over to be called at one of its moments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules._anchor import anchor


@dataclass(frozen=True, slots=True)
class _Callback:
    function: Callable[..., Any]
    file: str

    @property
    def extension(self) -> str:
        """The extension's folder, which a script's own lies in."""
        path = Path(self.file)
        return path.parent.parent.name if path.parent.name == "scripts" else path.stem


_callbacks: dict[str, list[_Callback]] = {}


def on_ui_tabs(callback: Callable[[], Any], *, name: str | None = None) -> None:
    """The page is being built; returns a list of (blocks, title, element id)."""
    _add("ui_tabs", callback)


def on_before_ui(callback: Callable[[], None], *, name: str | None = None) -> None:
    """All scripts are loaded and no control is made yet. The last registered is called first, as in A1111."""
    _add("before_ui", callback)


def on_app_started(callback: Callable[[Any, Any], None], *, name: str | None = None) -> None:
    """The page's blocks (None without a page) and the FastAPI app are there."""
    _add("app_started", callback)


def on_infotext_pasted(callback: Callable[[str, dict[str, Any]], None], *, name: str | None = None) -> None:
    """An infotext was read; the dictionary of its labels may be changed before controls are set."""
    _add("infotext_pasted", callback)


def remove_current_script_callbacks() -> None:
    """Forget those that the calling file registered."""
    file = _caller()
    for kept in _callbacks.values():
        kept[:] = [callback for callback in kept if callback.file != file]


def remove_callbacks_for_function(function: Callable[..., Any]) -> None:
    """Forget this function wherever it was registered."""
    for kept in _callbacks.values():
        kept[:] = [callback for callback in kept if callback.function is not function]


def clear_callbacks() -> None:
    """Forget all."""
    _callbacks.clear()


def ui_tabs_callback() -> list[tuple[Any, str, str]]:
    return [tab for found in _call("ui_tabs") for tab in found or []]


def before_ui_callback() -> None:
    _call("before_ui", latest_first=True)


def app_started_callback(blocks: Any, app: Any) -> None:
    _call("app_started", blocks, app)


def infotext_pasted_callback(infotext: str, labels: dict[str, Any]) -> None:
    _call("infotext_pasted", infotext, labels)


def _add(category: str, function: Callable[..., Any]) -> None:
    _callbacks.setdefault(category, []).append(_Callback(function, _caller()))


def _caller() -> str:
    """The file outside of this one that called."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename


def _call(category: str, *args: Any, latest_first: bool = False) -> list[Any]:
    """What each returned; one that raises is reported with its extension's name and answers None."""
    callbacks = list(_callbacks.get(category, ()))
    if latest_first:
        callbacks.reverse()
    guarded = anchor.host.troubles.guarded
    return [guarded(callback.extension, f"on_{category}", callback.function, *args) for callback in callbacks]
