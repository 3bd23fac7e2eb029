"""From values on the page to a job, and from text back to values.

Handlers return at once: `submit` queues a job and the page follows it by its id, so that no
generation depends on a browser connection. Replies to the page are small dictionaries that
`assets/js` reads: `id`, or `error` with the element id of the control it is about.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from pydantic import ValidationError

from modules.engine import recipe
from modules.engine.request import Request, Txt2Img
from modules.foundation.errors import AtelierError
from modules.studio import deliver, pasting
from modules.web import pictures
from modules.web.panels import refiner, seed
from modules.web.registry import Registry
from modules.web.security import user_of

if TYPE_CHECKING:
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How the page's events run: a plain request each, nothing greyed out, not part of Gradio's API."""

Reply = dict[str, Any]
REQUEST = "request"
"""Among a tab's values: the type of request they make, where it is not the tab's own."""
REASONS = {
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it can be at most {le}",
    "string_too_long": "it can have at most {max_length:,} characters",
}
"""pydantic's kinds of error in the words of the page; others are told in pydantic's own."""


def submit(
    studio: Studio,
    registry: Registry,
    tab: str,
    kind: type[Request],
) -> Callable[..., Reply]:
    """The Generate button: (job id, override settings, *values of the tab) -> reply.

    The values may ask for another request than `kind`, under REQUEST.
    """

    def handler(request: gr.Request, id: str, overrides: list[str] | None, *values: Any) -> Reply:
        try:
            shown = registry.values(tab, values)
            asked = shown.pop(REQUEST, kind)
            wanted = request_of(studio, asked, shown, overrides or [])
            job = studio.jobs.submit(kind_of(asked), wanted, owner=user_of(request), id=id or None)
        except ValidationError as error:
            return {"id": id, **explained(error, registry, tab)}
        except AtelierError as error:
            return {"id": id, "error": str(error)}
        return {"id": job.id}

    return handler


def kind_of(request: type[Request]) -> str:
    """The kind of job a request makes."""
    return str(request.model_fields["kind"].default)


def request_of(studio: Studio, kind: type[Request], shown: Mapping[str, Any], overrides: Sequence[str]) -> Request:
    """Validated request of a tab's values; an emptied number box counts as the field's default.

    Raises ValidationError, or UserError when an override does not fit its setting.
    """
    counted = refiner.without_hidden(seed.without_hidden(shown))
    values = {field: value for field, value in counted.items() if value is not None}
    settings = override_settings(studio, overrides)
    studio.settings.snapshot.overridden(settings)
    return kind.model_validate({**values, "override_settings": settings})


def explained(error: ValidationError, registry: Registry, tab: str) -> Reply:
    """What is wrong, by the control's label and its value, and which control it is."""
    first = error.errors()[0]
    field = str(first["loc"][0])
    component = registry.fields(tab).get(field)
    label = getattr(component, "label", None) or field
    shown = repr(first["input"])
    if len(shown) > 60:
        shown = f"{shown[:40]}… ({len(shown):,} characters)"
    reason = REASONS.get(first["type"], first["msg"][:1].lower() + first["msg"][1:]).format(**first.get("ctx", {}))
    return {"error": f"{label} cannot be {shown}: {reason}.", "field": component.elem_id if component else None}


def override_settings(studio: Studio, entries: Sequence[str]) -> dict[str, Any]:
    """The "Name: value" entries as settings; the name is a setting's infotext label or key."""
    declared = studio.settings.declared()
    keys = {about.infotext: key for key, (_, about) in declared.items() if about.infotext}
    found: dict[str, Any] = {}
    for entry in entries:
        name, _, value = entry.partition(":")
        key = keys.get(name.strip(), name.strip())
        if key in declared:
            found[key] = value.strip()
    return found


def paste(studio: Studio, registry: Registry, tab: str, kind: type[Request]) -> Callable[..., list[Any]]:
    """The paste button: text -> (*updates of the tab, override settings, reply)."""

    def handler(text: str) -> list[Any]:
        wanted = text if text and text.strip() else deliver.last_infotext(studio)
        return restored(studio, registry, tab, wanted, kind)

    return handler


def restored(studio: Studio, registry: Registry, tab: str, text: str, kind: type[Request] = Txt2Img) -> list[Any]:
    """Updates that put an infotext into a tab's controls: inputs, override settings, reply.

    What the text does not name stays as it is. The reply counts what was set.
    """
    snapshot = studio.settings.snapshot
    parsed = pasting.read(studio, text or "")
    composition = registry.compositions.get(tab)
    composed = composition.pasted(text or "", parsed) if composition else {}
    asked = recipe.request_fields(parsed, snapshot, kind)
    fields = {field: value for field, value in asked.items() if field in registry.fields(tab)}
    if not any(fields.values()):
        return [*registry.updates(tab, {}), gr.skip(), {"error": "There are no generation parameters to read here."}]
    fields |= composed
    if seed.shows_extra(fields):
        fields["subseed_show"] = True
    fields |= {side: max(fields[side], 0) for side in ("seed_resize_from_w", "seed_resize_from_h") if side in fields}
    fields = refiner.shown(studio, fields)
    entries = override_entries(studio, asked.get("override_settings", {}))
    chosen = gr.update(value=entries, choices=entries, visible=bool(entries))
    return [*registry.updates(tab, fields), chosen, {"pasted": sorted(fields), "overrides": entries}]


def override_entries(studio: Studio, overrides: Mapping[str, Any]) -> list[str]:
    """Settings as the page lists them, "Label: value", the label being the infotext's."""
    declared = studio.settings.declared()
    names = {key: declared[key][1].infotext or key for key in overrides if key in declared}
    return [f"{names.get(key, key)}: {value}" for key, value in overrides.items()]


def reopened(studio: Studio, registry: Registry, tab: str, kind: type[Request]) -> Callable[..., list[Any]]:
    """After a reload: a job's id -> its request back in (*updates of the tab, override settings)."""

    def handler(id: str, request: gr.Request) -> list[Any]:
        job = pictures.job_of(studio, id, user_of(request))
        if job is None or not isinstance(job.request, kind):
            return [*registry.updates(tab, {}), gr.skip()]
        # In JSON's types, which are those of the controls.
        values = job.request.model_dump(mode="json")
        for side in ("seed_resize_from_w", "seed_resize_from_h"):
            values[side] = max(values[side], 0)
        values["subseed_show"] = values["seed_resize_from_w"] > 0 or values["subseed_strength"] > 0
        values = refiner.shown(studio, values)
        entries = override_entries(studio, values["override_settings"])
        return [*registry.updates(tab, values), gr.update(value=entries, choices=entries, visible=bool(entries))]

    return handler
