"""Model files as cards: what people see of a file and what they noted of it. Start with `Cards.search`.

Beside `name.safetensors` lie its picture (`name.preview.png`, `name.png`, ...), a description (`name.txt`) and notes
(`name.json`, A1111's keys). A page's cards are gathered when it is first asked for, and again when its files change.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from modules.foundation import atomic
from modules.foundation.errors import NotFound
from modules.store.model_files import ModelFile

log = logging.getLogger(__name__)

PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
NOTED: Final = ("description", "notes", "sd version", "activation text", "preferred weight", "negative text", "vae")
"""What the editor writes, by A1111's keys; what other programs put beside it stays."""
SORTS: Final = ("path", "name", "created", "modified")
_LONGEST: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Card:
    """A file as it is shown. `key` is its path below the page's folder, `made_for` "SD1" and so on where known.

    Times are in nanoseconds since the epoch; `terms` is what a search looks through.
    """

    name: str
    key: str
    path: Path
    size: int
    modified: int
    created: int
    preview: Path | None
    noted: Mapping[str, Any]
    description: str
    made_for: str | None
    more_terms: str = ""
    terms: str = field(default="", repr=False)

    @property
    def folder(self) -> str:
        """Below the page's folder; "" in it."""
        return self.key.rpartition("/")[0]

    @property
    def is_hidden(self) -> bool:
        """Whether a folder on the way begins with a dot."""
        return self.key.startswith(".") or "/." in self.key


@dataclass(frozen=True, slots=True)
class Named:
    """A file under the name of its card, and what it was made for."""

    name: str
    file: ModelFile
    made_for: str | None = None
    more_terms: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which cards, and in which order. `folder` counts with those below it; `made_for` leaves out other families."""

    search: str = ""
    folder: str = ""
    sort: str = "path"
    descending: bool = False
    made_for: str | None = None
    unknown_too: bool = True
    hidden: str = "When searched"


@dataclass(frozen=True, slots=True)
class Found:
    """Cards that fit a wish, all of them, and how many each folder of the page has, "" being all."""

    cards: Sequence[Card]
    folders: Mapping[str, int]


class Cards:
    """The cards of all pages. For any thread."""

    def __init__(self, pages: Mapping[str, Callable[[], Sequence[Named]]]) -> None:
        """`pages` list the files of each page as they are now."""
        self._pages = pages
        self._lock = threading.RLock()
        self._listed: dict[str, Sequence[Named]] = {}
        self._cards: dict[str, dict[str, Card]] = {}
        self._sorted: dict[tuple[str, str, str | None, bool, bool], list[Card]] = {}
        self._counted: dict[tuple[str, str | None, bool, str], Mapping[str, int]] = {}

    def search(self, page: str, wish: Wish) -> Found:
        """The page's cards that a wish is about. Raises NotFound for a page there is not."""
        words = wish.search.strip().lower()
        hidden_too = wish.hidden == "Always" or (wish.hidden == "When searched" and len(words) >= 4)
        with self._lock:
            self._of(page)
            shown = self._shown(page, wish, hidden_too)
            folders = self._folders(page, wish)
        fitting = [card for card in shown if words in card.terms] if words else shown
        if wish.folder:
            fitting = [card for card in fitting if card.key.startswith(f"{wish.folder}/")]
        return Found(fitting[::-1] if wish.descending else fitting, folders)

    def find(self, page: str, key: str) -> Card:
        """Raises NotFound."""
        with self._lock:
            found = self._of(page).get(key)
        if found is None:
            raise NotFound(f"There is no '{key}' any more. Refresh the list.")
        return found

    def forget(self, page: str) -> None:
        """Look at everything beside the page's files again."""
        with self._lock:
            self._listed.pop(page, None)

    def note(self, page: str, key: str, values: Mapping[str, Any]) -> Card:
        """Write down what was noted of a file: its values for NOTED. Raises NotFound or OSError."""
        card = self.find(page, key)
        path = card.path.with_suffix(".json")
        noted = {**_noted(path), **{name: value for name, value in values.items() if name in NOTED}}
        atomic.write(path, json.dumps(noted, indent=4, ensure_ascii=False))
        return self._changed(page, replace(card, noted=noted, description=_description(card.path, noted)))

    def set_preview(self, page: str, key: str, png: bytes) -> Card:
        """Give a file a picture of its own. Raises NotFound or OSError."""
        card = self.find(page, key)
        path = card.path.with_name(f"{card.path.stem}.preview.png")
        atomic.write(path, png)
        return self._changed(page, replace(card, preview=_preview(card.path, {path.name})))

    def _changed(self, page: str, card: Card) -> Card:
        card = replace(card, terms=_terms(card.name, card.key, card.description, card.more_terms))
        with self._lock:
            self._cards[page][card.key] = card
            self._forget_orders(page)
        return card

    def _forget_orders(self, page: str) -> None:
        self._sorted = {known: cards for known, cards in self._sorted.items() if known[0] != page}
        self._counted = {known: counts for known, counts in self._counted.items() if known[0] != page}

    def _of(self, page: str) -> dict[str, Card]:
        if page not in self._pages:
            raise NotFound(f"There is no page '{page}'. There are: {', '.join(self._pages)}.")
        listed = self._pages[page]()
        if self._listed.get(page) != listed:
            self._cards[page] = _gathered(listed)
            self._listed[page] = listed
            self._forget_orders(page)
        return self._cards[page]

    def _shown(self, page: str, wish: Wish, hidden_too: bool) -> Sequence[Card]:
        """The cards of a family in order, kept: with thousands each look at all of them is felt."""
        sort = wish.sort if wish.sort in SORTS else "path"
        key = (page, sort, wish.made_for, wish.unknown_too, hidden_too)
        if key not in self._sorted:
            cards = (card for card in self._cards[page].values() if _is_shown(card, wish, hidden_too))
            self._sorted[key] = sorted(cards, key=_ORDERS[sort])
        return self._sorted[key]

    def _folders(self, page: str, wish: Wish) -> Mapping[str, int]:
        key = (page, wish.made_for, wish.unknown_too, wish.hidden)
        if key not in self._counted:
            hidden_too = wish.hidden == "Always"
            self._counted[key] = _folders(
                card for card in self._cards[page].values() if _is_shown(card, wish, hidden_too)
            )
        return self._counted[key]


_ORDERS: Final[Mapping[str, Callable[[Card], Any]]] = {
    "path": lambda card: (card.key.lower(), card.key),
    "name": lambda card: (card.name.lower(), card.key),
    "created": lambda card: (card.created, card.key),
    "modified": lambda card: (card.modified, card.key),
}


def _is_shown(card: Card, wish: Wish, hidden_too: bool) -> bool:
    if wish.made_for and card.made_for != wish.made_for and not (card.made_for is None and wish.unknown_too):
        return False
    return hidden_too or not card.is_hidden


def _folders(cards: Iterable[Card]) -> dict[str, int]:
    counts = Counter(card.folder for card in cards)
    found: dict[str, int] = {"": counts.total()}
    for folder, count in counts.items():
        parts = folder.split("/") if folder else []
        for end in range(1, len(parts) + 1):
            above = "/".join(parts[:end])
            found[above] = found.get(above, 0) + count
    return dict(sorted(found.items(), key=lambda one: one[0].lower()))


def _gathered(listed: Sequence[Named]) -> dict[str, Card]:
    beside = {folder: _names(folder) for folder in {named.file.path.parent for named in listed}}
    return {named.file.name: _card(named, beside[named.file.path.parent]) for named in listed}


def _names(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in folder.iterdir()}
    except OSError:
        return set()


def _card(named: Named, beside: set[str]) -> Card:
    file, stem = named.file, named.file.path.stem
    noted = _noted(file.path.with_suffix(".json")) if f"{stem}.json" in beside else {}
    described = any(f"{stem}{ending}" in beside for ending in (".txt", ".description.txt"))
    description = _description(file.path, noted) if noted or described else ""
    version = noted.get("sd version")
    return Card(
        name=named.name,
        key=file.name,
        path=file.path,
        size=file.size,
        modified=file.modified,
        created=_created(file.path, file.modified),
        preview=_preview(file.path, beside),
        noted=noted,
        description=description,
        made_for=version if isinstance(version, str) and version not in ("", "Unknown") else named.made_for,
        more_terms=named.more_terms,
        terms=_terms(named.name, file.name, description, named.more_terms),
    )


def _terms(*texts: str) -> str:
    return "\n".join(texts).lower()


def _created(path: Path, otherwise: int) -> int:
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return otherwise


def _preview(path: Path, beside: set[str]) -> Path | None:
    for infix in (".preview", ""):
        for suffix in PICTURES:
            name = f"{path.stem}{infix}{suffix}"
            if name in beside and name != path.name:
                return path.with_name(name)
    # An embedding that is a picture shows itself.
    return path if path.suffix.lower() in PICTURES else None


def _noted(path: Path) -> dict[str, Any]:
    """What was noted of a file; {} where nothing was, or not by a program that we know."""
    try:
        if path.stat().st_size > _LONGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return {}
    return found if isinstance(found, dict) else {}


def _description(path: Path, noted: Mapping[str, Any]) -> str:
    told = noted.get("description")
    if isinstance(told, str) and told:
        return told
    for ending in (".txt", ".description.txt"):
        try:
            return path.with_name(path.stem + ending).read_text(encoding="utf-8", errors="replace")[:10_000]
        except OSError:
            continue
    return ""
