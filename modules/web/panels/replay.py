"""Replay on the PNG Info tab: the button, and where `assets/js/replay.js` shows what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.foundation.errors import AtelierError
from modules.studio import replay
from modules.web import handlers
from modules.web.security import user_of

if TYPE_CHECKING:
    from modules.studio.context import Studio


def build() -> gr.Button:
    """The button; make `place` where the answer belongs."""
    return gr.Button("Replay", elem_id="pnginfo_replay_button", size="sm", min_width=0, scale=0)


def place() -> None:
    """The box that the answer appears in."""
    gr.HTML("", elem_id="pnginfo_replay")


def bind(studio: Studio, button: gr.Button, image: gr.Image) -> None:
    reply = gr.JSON(elem_id="pnginfo_replay_reply", visible="hidden")
    button.click(_started(studio), image, reply, **handlers.QUIET).then(
        None, reply, None, js="(reply) => atelier.replay(reply)"
    )


def _started(studio: Studio) -> Callable[..., dict[str, Any]]:
    def handler(path: str | None, request: gr.Request) -> dict[str, Any]:
        if not path:
            return {"error": "Drop a picture first."}
        try:
            return {"job": replay.submit(studio, Path(path).read_bytes(), user_of(request)).id}
        except (AtelierError, OSError) as error:
            return {"refused": str(error)}

    return handler
