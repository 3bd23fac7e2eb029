"""What the page and the API know of scripts, whoever runs them: their names, controls and arguments.

The facade offers its scripts as a `Scripts`; the web builds the drop-down, the panels and the answers from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from modules.foundation.errors import NotFound, NotReady, UserError
from modules.host.discovery import Extension, File, ordered
from modules.host.dispatch import Troubles

Tab = Literal["txt2img", "img2img"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One control of a script as the API describes it. `value` is what a call gets that leaves it out."""

    label: str | None
    value: Any
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: Sequence[Any] | None = None
    by_index: bool = False
    """A drop-down whose value is the number of the choice."""


@dataclass(frozen=True, slots=True)
class Paste:
    """What a control takes from an infotext: the value of a label, or what a function makes of all labels."""

    argument: int
    source: str | Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """A script on one tab. `name` is the title in lower case, None for a script without controls."""

    title: str
    tab: Tab
    always_on: bool
    extension: str
    section: str | None
    arguments: tuple[Argument, ...]
    pastes: tuple[Paste, ...] = ()

    @property
    def name(self) -> str:
        return self.title.lower()

    def call(self, given: Sequence[Any]) -> list[Any]:
        """The arguments of a call: those given, the defaults for those that are missing, none too many."""
        return [*given[: len(self.arguments)], *(argument.value for argument in self.arguments[len(given) :])]


class Scripts(Protocol):
    """Where scripts come from."""

    def facts(self, tab: Tab) -> Sequence[ScriptFacts]:
        """A tab's scripts, the selectable ones in the order of the drop-down."""
        ...

    def build(self, tab: Tab, title: str) -> Sequence[Any]:
        """Make a script's controls where the page is being built, and return those that are its arguments."""
        ...

    def tabs(self) -> Sequence[tuple[Any, str, str]]:
        """Tabs that extensions add: their blocks, title and element id."""
        ...

    def pasted(self, infotext: str, labels: dict[str, Any]) -> None:
        """Let extensions change the labels of an infotext before they are put into controls."""
        ...

    def started(self, blocks: Any, app: Any) -> None:
        """The page, if there is one, and the server are there."""
        ...


@dataclass(slots=True)
class Host:
    """The extensions of this start. `open` is called once their scripts are loaded."""

    extensions: Sequence[Extension] = ()
    troubles: Troubles = field(default_factory=Troubles)
    flags: Any = None
    """The values of flags that extensions declared."""
    _scripts: Scripts | None = None

    def open(self, scripts: Scripts) -> None:
        self._scripts = scripts

    @property
    def scripts(self) -> Scripts | None:
        """None until they are loaded, or if there are no extensions."""
        return self._scripts

    @property
    def pending(self) -> bool:
        """Whether there are scripts that are not loaded yet."""
        return self._scripts is None and any(True for _ in self.files("scripts", ".py"))

    def files(self, folder: str, *suffixes: str) -> list[File]:
        """The files of all enabled extensions in one of their folders, in order."""
        return ordered(self.extensions, folder, *suffixes)

    def facts(self, tab: Tab) -> Sequence[ScriptFacts]:
        """A tab's scripts. Raises NotReady while they are being loaded."""
        if self.pending:
            raise NotReady("The scripts are still being loaded; ask again in a moment.")
        return self._scripts.facts(tab) if self._scripts else ()

    def find(self, tab: Tab, name: str, *, always_on: bool = False) -> ScriptFacts:
        """A script by its title in any case. Raises NotFound, or UserError for one of the other sort."""
        for facts in self.facts(tab):
            if facts.name == name.lower():
                if facts.always_on != always_on:
                    raise UserError(
                        "Cannot have a selectable script in the always on scripts params"
                        if always_on
                        else f"'{facts.title}' runs always; name it in alwayson_scripts, not in script_name."
                    )
                return facts
        raise NotFound(f"Script '{name}' not found" if name else "always on script  not found")
