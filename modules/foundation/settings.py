"""The settings store: every declared group, `config.json` behind it, frozen snapshots in front.

Code that needs settings is handed a Snapshot and asks it for its group: `snapshot[SamplerOptions]`.
Only the store changes, as a whole and only when the file was written.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from modules.foundation import atomic
from modules.foundation.errors import BadFile, NotFound, UserError
from modules.foundation.options import Options, Setting

G = TypeVar("G", bound=Options)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every group's values at one moment."""

    groups: Mapping[type[Options], Options]

    def __getitem__(self, group: type[G]) -> G:
        found = self.groups[group]
        assert isinstance(found, group)
        return found

    def values(self) -> dict[str, Any]:
        """All settings by A1111's key."""
        return {key: getattr(group, key) for group in self.groups.values() for key in type(group).model_fields}

    def overridden(self, values: Mapping[str, Any]) -> Snapshot:
        """A snapshot with other values for some keys; keys nobody declares are ignored.

        Raises UserError naming the key and the value that does not fit.
        """
        return Snapshot(MappingProxyType({kind: _changed(group, values) for kind, group in self.groups.items()}))


class Settings:
    """The one store. Reading takes no lock: `snapshot` is replaced, never changed."""

    def __init__(self, groups: Iterable[type[Options]], path: Path) -> None:
        """Raises BadFile if `path` exists and is not a JSON object.

        A stored value that no longer fits its setting is dropped for the default and named in
        `dropped`; keys nobody declares are kept in the file, they belong to other programs.
        """
        self._path = path
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Mapping[str, Any]], None]] = []
        self._groups = tuple(groups)
        self.dropped: list[str] = []
        stored = _stored(path)
        self._foreign = {key: value for key, value in stored.items() if key not in self.declared()}
        self.snapshot = self._restored(stored)

    def declared(self) -> dict[str, tuple[type[Options], Setting]]:
        """Every setting by key: the group it belongs to and what is known of it."""
        return {key: (group, about) for group in self._groups for key, about in group.declared().items()}

    def update(self, values: Mapping[str, Any]) -> None:
        """Change settings and write them down; either all take effect or none.

        Raises NotFound for a key nobody declares, UserError for a value that does not fit, OSError
        when the file cannot be written.
        """
        known = self.declared()
        for key in values:
            if key not in known:
                raise NotFound(f"There is no setting named '{key}'.")
        with self._lock:
            changed = self.snapshot.overridden(values)
            atomic.write(self._path, json.dumps({**self._foreign, **changed.values()}, indent=4))
            self.snapshot = changed
        for listener in self._listeners:
            listener(values)

    def on_change(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Call `listener` with the changed keys and values after each update."""
        self._listeners.append(listener)

    def _restored(self, stored: Mapping[str, Any]) -> Snapshot:
        snapshot = Snapshot(MappingProxyType({group: group() for group in self._groups}))
        for key, value in stored.items():
            try:
                snapshot = snapshot.overridden({key: value})
            except UserError:
                self.dropped.append(key)
        return snapshot


def _changed(group: Options, values: Mapping[str, Any]) -> Options:
    mine = {key: value for key, value in values.items() if key in type(group).model_fields}
    if not mine:
        return group
    try:
        return type(group).model_validate({**group.model_dump(), **mine})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        raise UserError(f"Setting '{key}' cannot be {mine.get(key)!r}: {first['msg']}.") from None


def _stored(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise BadFile(f"{path} cannot be read as settings ({error}); mend it or move it away.") from None
    if not isinstance(found, dict):
        raise BadFile(f"{path} must hold a JSON object of settings; mend it or move it away.")
    return found
