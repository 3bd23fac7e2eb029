"""Infotexts: what is read from one, and how a script says which of its controls takes what."""

from __future__ import annotations

from typing import Any

from modules.prompting.infotext import parse, quote, unquote


class PasteField(tuple[Any, Any]):
    """A control and the label, or the function of all labels, that it takes its value from."""

    def __new__(cls, component: Any, target: Any, *, api: str | None = None) -> PasteField:
        made = super().__new__(cls, (component, target))
        made.api = api
        return made

    api: str | None


def parse_generation_parameters(x: str, skip_fields: list[str] | None = None) -> dict[str, Any]:
    """The labels and values of an infotext, but for those of `skip_fields`."""
    return {label: value for label, value in parse(x).items() if label not in (skip_fields or ())}


__all__ = ["PasteField", "parse_generation_parameters", "quote", "unquote"]
