"""Choosing the checkpoint on the page, and the defaults that follow it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.foundation.errors import AtelierError, BadFile
from modules.studio.checkpoints import KIND, Task, chosen
from modules.web import defaults
from modules.web.defaults import Defaults
from modules.web.panels.quicksettings import CHECKPOINT
from modules.web.registry import Registry
from modules.web.security import user_of

if TYPE_CHECKING:
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

NONE = "No checkpoint was found. Put a .safetensors file into models/Stable-diffusion and press refresh."


def titles(studio: Studio) -> list[str]:
    """Every checkpoint's title, in the catalogue's order."""
    return [file.title for file in studio.catalog.checkpoints()]


def defaults_now(studio: Studio) -> Defaults:
    """What the current checkpoint recommends."""
    file = chosen(studio)
    try:
        return defaults.of_config(file.config if file else None)
    except BadFile as error:
        log.warning("%s", error)
        return defaults.plain()


def choose_by_card(studio: Studio) -> Callable[..., list[Any]]:
    """A checkpoint's card: as `choose`, by the file's name, and the drop-down shows it: (drop-down, reply, ...)."""
    by_title = choose(studio)

    def handler(request: gr.Request, name: str, before: str, *shown: Any) -> list[Any]:
        told = by_title(request, name, before, *shown)
        file = chosen(studio)
        return [gr.update(choices=titles(studio), value=file.title if file else None), *told]

    return handler


def choose(studio: Studio) -> Callable[..., list[Any]]:
    """The drop-down: (title, defaults in force, *the fields they fill) -> (reply, defaults, *fields).

    The checkpoint is loaded by a job the reply names, so that the next picture need not wait for it.
    """

    def handler(request: gr.Request, title: str, before: str, *shown: Any) -> list[Any]:
        try:
            file = studio.catalog.find_checkpoint(title)
            studio.settings.update({CHECKPOINT: file.title})
            job = studio.jobs.submit(KIND, Task(load=file.title), owner=user_of(request))
        except (AtelierError, OSError) as error:
            return [{"error": str(error)}, gr.skip(), *(gr.skip() for _ in shown)]
        return [{"loading": job.id}, *_follow(studio, before, shown)]

    return handler


def refresh(studio: Studio) -> Callable[[], list[Any]]:
    """🔄: look for files again -> (reply, drop-down)."""

    def handler() -> list[Any]:
        studio.catalog.refresh()
        found, file = titles(studio), chosen(studio)
        reply = {} if found else {"error": NONE}
        return [reply, gr.update(choices=found, value=file.title if file else None)]

    return handler


def opened(studio: Studio) -> Callable[..., list[Any]]:
    """The page was (re)loaded: (defaults in force, *fields) -> (drop-down, defaults, *fields).

    The page is built once, at the start; what has changed since reaches it here.
    """

    def handler(before: str, *shown: Any) -> list[Any]:
        found, file = titles(studio), chosen(studio)
        listed = gr.update(choices=found, value=file.title if file else None)
        return [listed, *_follow(studio, before, shown)]

    return handler


def fields(registry: Registry, tab: str) -> list[Any]:
    """The components that follow a checkpoint, in the order of `defaults.FIELDS`."""
    known = registry.fields(tab)
    return [known[field] for field in defaults.FIELDS]


def _follow(studio: Studio, before: str, shown: Sequence[Any]) -> list[Any]:
    """`shown` has the fields of one tab after the other."""
    after = defaults_now(studio).values()
    updates: list[Any] = []
    for start in range(0, len(shown), len(defaults.FIELDS)):
        tab: dict[str, Any] = dict(zip(defaults.FIELDS, shown[start : start + len(defaults.FIELDS)], strict=True))
        changed = defaults.followed(tab, json.loads(before), after)
        updates += [gr.update(value=changed[field]) if field in changed else gr.skip() for field in defaults.FIELDS]
    return [json.dumps(after), *updates]
