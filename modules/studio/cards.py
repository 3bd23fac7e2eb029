"""The pages of the cards browser: which files they show, and what a click on a card puts into the prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from modules.networks.options import NetworkOptions
from modules.store.cards import Card, Cards, Named
from modules.weights.lora_keys import made_for

if TYPE_CHECKING:
    from modules.networks.embedding import Embeddings, ListedFile
    from modules.store.catalog import Catalog
    from modules.store.model_files import ModelFile
    from modules.studio.context import Studio

TEXTUAL_INVERSION: Final = "textual_inversion"
HYPERNETWORKS: Final = "hypernetworks"
CHECKPOINTS: Final = "checkpoints"
LORA: Final = "lora"
FAMILIES: Final[Mapping[str, str]] = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL", "sd3": "SD3"}

F = TypeVar("F")


def build(catalog: Catalog, embeddings: Embeddings) -> Cards:
    """Every page, in the order of its tabs."""
    return Cards(
        {
            TEXTUAL_INVERSION: _unless_same(embeddings.files, _words),
            HYPERNETWORKS: _unless_same(catalog.hypernetworks, _stems),
            CHECKPOINTS: _unless_same(catalog.checkpoints, _stems),
            LORA: _unless_same(catalog.loras, lambda files: [_lora(catalog, file) for file in files]),
        }
    )


def inserted(studio: Studio, page: str, card: Card) -> tuple[str, str]:
    """What a click puts into the prompt and into the negative prompt."""
    if page == TEXTUAL_INVERSION:
        return card.name, ""
    options = studio.settings.snapshot[NetworkOptions]
    weight = options.extra_networks_default_multiplier
    if page == HYPERNETWORKS:
        return f"<hypernet:{card.name}:{weight}>", ""
    if page != LORA:
        return "", ""
    noted = card.noted
    preferred = noted.get("preferred weight")
    if isinstance(preferred, int | float) and preferred > 0:
        weight = preferred
    name = studio.catalog.lora_names.inserted(
        _file(studio, card), prefer_alias=options.lora_preferred_name == "Alias from file"
    )
    words = str(noted.get("activation text") or "").strip()
    return f"<lora:{name}:{weight}>{f' {words}' if words else ''}", str(noted.get("negative text") or "").strip()


def said(studio: Studio, page: str, card: Card) -> Mapping[str, str]:
    """What the file says of itself; nothing where its kind cannot."""
    from modules.weights import metadata

    if page == LORA:
        return studio.catalog.lora_names.said(_file(studio, card))
    try:
        return metadata.read(card.path)
    except OSError:
        return {}


def family(studio: Studio) -> str | None:
    """A1111's word for the family of the model in memory."""
    handle = studio.models.current
    return FAMILIES.get(handle.family.name) if handle else None


def refresh(studio: Studio, page: str) -> None:
    """Look at the folders again."""
    studio.catalog.refresh()
    studio.cards.forget(page)


def _file(studio: Studio, card: Card) -> ModelFile:
    from modules.store.model_files import ModelFile

    return ModelFile(card.key, card.path, card.size, card.modified)


def _words(named: Mapping[str, ListedFile]) -> list[Named]:
    # The catalogue lists them, and so they are its files.
    return [Named(name, cast("ModelFile", file)) for name, file in named.items()]


def _stems(files: Sequence[Any]) -> list[Named]:
    return [Named(file.stem, file) for file in files]


def _lora(catalog: Catalog, file: ModelFile) -> Named:
    told = catalog.lora_names.said(file)
    return Named(file.stem, file, made_for({}, told), catalog.lora_names.alias(file))


def _unless_same(files: Callable[[], F], named: Callable[[F], list[Named]]) -> Callable[[], list[Named]]:
    """The same list as long as the files are the same: reading what thousands say of themselves takes a while."""
    last: list[tuple[F, list[Named]]] = []

    def listed() -> list[Named]:
        now = files()
        if not last or last[0][0] != now:
            last[:] = [(now, named(now))]
        return last[0][1]

    return listed
