"""Scripts for API clients: which there are, what they take, and whether a request's can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from modules.foundation.errors import NotFound, UserError
from modules.host.scripts import Host, ScriptFacts, Tab
from modules.web.api.current import CurrentHost
from modules.web.api.schemas import ExtensionItem, ScriptArgument, ScriptInfo, ScriptsList

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(prefix="/sdapi/v1", tags=["scripts"])
TABS: tuple[Tab, Tab] = ("txt2img", "img2img")
NO_EFFECT = frozenset(("comments", "refiner", "sampler", "seed"))
"""A1111's scripts behind parts of its page; their arguments do nothing in its API, for which there are fields."""


@router.get("/scripts")
def list_scripts(host: CurrentHost) -> ScriptsList:
    """Titles in lower case of every script with controls, those that always run included."""
    return ScriptsList(**{tab: [script.name for script in host.facts(tab)] for tab in TABS})


@router.get("/script-info")
def script_info(host: CurrentHost) -> list[ScriptInfo]:
    """What every script takes, in the order of its arguments; those of txt2img first."""
    return [_info(script) for tab in TABS for script in host.facts(tab)]


@router.get("/extensions")
def extensions(host: CurrentHost) -> list[ExtensionItem]:
    """The extensions that do not come along. What git knows of their folders is not read."""
    return [ExtensionItem(name=each.name, enabled=each.enabled) for each in host.extensions if not each.shipped]


def check(host: Host, tab: Tab, script_name: str | None, alwayson_scripts: Mapping[str, Any]) -> None:
    """Raises HTTPException 422, in A1111's words, for scripts that cannot be called so."""
    try:
        if script_name:
            host.find(tab, script_name)
        for name, told in alwayson_scripts.items():
            if name.lower() in NO_EFFECT:
                continue
            host.find(tab, name, always_on=True)
            if not isinstance(told, dict) or not isinstance(told.get("args", []), list | tuple):
                raise UserError(f'alwayson_scripts["{name}"] must be an object with a list "args".')
    except (NotFound, UserError) as error:
        raise HTTPException(422, str(error)) from None


def _info(script: ScriptFacts) -> ScriptInfo:
    return ScriptInfo(
        name=script.name,
        is_alwayson=script.always_on,
        is_img2img=script.tab == "img2img",
        args=[
            ScriptArgument(
                label=each.label,
                value=each.value,
                minimum=each.minimum,
                maximum=each.maximum,
                step=each.step,
                choices=list(each.choices) if each.choices is not None else None,
            )
            for each in script.arguments
        ],
    )
