"""Every component of the page once: its element id, its request field and its infotext label.

Tabs and panels call `Registry.add`; ids, the handler's inputs, values by name, what a paste sets
and what new defaults reach all follow from that one call. Start reading there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import gradio as gr
from gradio.components import Component

from modules.host.scripts import Host

C = TypeVar("C", bound=Component)


@dataclass(frozen=True, slots=True)
class Entry:
    """One component of a tab. `field` names a request field, `label` the infotext key it is written under."""

    component: Component
    tab: str
    field: str | None
    label: str | None


class Composition(Protocol):
    """Some of a tab's controls that make up request fields together, such as those of scripts."""

    def gathered(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All values of the tab, with the request's fields in place of those controls'."""
        ...

    def spread(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The other way round: values of those controls for the request fields among `values`, added to them."""
        ...

    def pasted(self, infotext: str, labels: dict[str, Any]) -> dict[str, Any]:
        """Values of those controls for an infotext, whose labels it may change for all others."""
        ...


class Registry:
    """Components in the order they were added. Lives as long as the page it describes.

    `host` has the extensions whose scripts are on the page.
    """

    def __init__(self, host: Host | None = None) -> None:
        self.host = host or Host()
        self.compositions: dict[str, Composition] = {}
        self._entries: list[Entry] = []

    def add(
        self, component: C, *, tab: str, field: str | None = None, label: str | None = None, id: str | None = None
    ) -> C:
        """Register a component and give it A1111's element id, `<tab>_<id>`; `id` is `field` unless given.

        Raises ValueError if the tab already has that field, so that no value can be bound twice.
        """
        if field is not None and any(entry.tab == tab and entry.field == field for entry in self._entries):
            raise ValueError(f"Tab '{tab}' already has a component for '{field}'.")
        name = id or field
        if name is None:
            raise ValueError("A component needs a field or an id.")
        component.elem_id = f"{tab}_{name}"
        self._entries.append(Entry(component, tab, field, label))
        return component

    def adopt(self, component: C, *, tab: str, field: str, label: str | None = None) -> C:
        """As `add`, for a control that has an element id of its own."""
        name = component.elem_id
        self.add(component, tab=tab, field=field, label=label)
        component.elem_id = name
        return component

    def everything(self) -> Iterator[Entry]:
        """Every entry of every tab."""
        return iter(self._entries)

    def entries(self, tab: str) -> Iterator[Entry]:
        """The tab's entries that stand for a request field."""
        return (entry for entry in self._entries if entry.tab == tab and entry.field is not None)

    def fields(self, tab: str) -> dict[str, Component]:
        """The tab's components by request field, in the order of `inputs`."""
        return {entry.field: entry.component for entry in self.entries(tab) if entry.field is not None}

    def inputs(self, tab: str) -> list[Component]:
        """What a handler of the tab lists as its inputs."""
        return [entry.component for entry in self.entries(tab)]

    def labels(self, tab: str) -> dict[str, str]:
        """Infotext key of each field that has one; what pasted text no longer needs to override."""
        return {entry.field: entry.label for entry in self.entries(tab) if entry.field and entry.label}

    def values(self, tab: str, values: Sequence[Any]) -> dict[str, Any]:
        """A handler's positional values by request field."""
        found = dict(zip(self.fields(tab), values, strict=True))
        composition = self.compositions.get(tab)
        return composition.gathered(found) if composition else found

    def updates(self, tab: str, values: Mapping[str, Any]) -> list[Any]:
        """One Gradio update for each of the tab's inputs: the given values, everything else untouched."""
        composition = self.compositions.get(tab)
        values = composition.spread(values) if composition else values
        return [gr.update(value=_plain(values[field])) if field in values else gr.skip() for field in self.fields(tab)]


def _plain(value: Any) -> Any:
    """A request's tuple as a list: to Gradio's lists of choices a tuple is one choice."""
    return list(value) if isinstance(value, tuple) else value
