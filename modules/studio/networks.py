"""What can be said of networks while a prompt is typed: the words that stand for vectors, and what will not work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from modules.foundation.errors import UserError
from modules.prompting.network_tags import Tag, extract
from modules.prompting.words import NO_WORDS, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modules.networks.embedding import Listing, Vocabulary
    from modules.studio.context import Studio

LORA = ("lora", "lyco")
HYPERNET = "hypernet"


class Watching(TypedDict):
    """What `counting.counted` is told of networks."""

    words: Words
    remarks: Callable[[str], Iterable[str]]


def watching(studio: Studio, *, negative: bool) -> Watching:
    """The present model's words, and remarks on a prompt's networks."""
    known = vocabulary(studio)
    return {
        "words": known.words if known else NO_WORDS,
        "remarks": partial(_remarks, studio, known, negative),
    }


def vocabulary(studio: Studio) -> Vocabulary | None:
    """The words of the model in memory; of SD 1.x and any width where there is none, None until torch is loaded."""
    if not studio.ready.is_set():
        return None
    handle = studio.models.current
    return studio.embeddings.vocabulary(handle.family.name if handle else "sd1", handle.text_width if handle else None)


def listing(studio: Studio) -> Listing:
    """Every embedding, and which the model in memory cannot use."""
    handle = studio.models.current
    return studio.embeddings.listing(handle.text_width if handle else None)


def _remarks(studio: Studio, known: Vocabulary | None, negative: bool, text: str) -> Iterator[str]:
    text, tags = extract(text)
    if tags and negative:
        yield f"In the negative prompt networks are only text: {', '.join(dict.fromkeys(map(str, tags)))}."
    elif tags:
        yield from _of_tags(studio, tags)
    if known:
        from modules.families.tokenizer import clip

        refused: Mapping[str, str] = known.refused(clip().encode(text))
        yield from (f"The embedding {reason}" if reason.startswith("'") else reason for reason in refused.values())


def _of_tags(studio: Studio, tags: tuple[Tag, ...]) -> Iterator[str]:
    hypernetworks = {file.stem for file in studio.catalog.hypernetworks()}
    for tag in {str(tag): tag for tag in tags}.values():
        name = tag.positional[0] if tag.positional else ""
        if tag.kind in LORA:
            if not studio.catalog.lora_names.is_known(name):
                yield f"There is no LoRA named '{name}'."
            yield from _weights(tag)
        elif tag.kind == HYPERNET:
            if name not in hypernetworks:
                yield f"There is no hypernetwork named '{name}'."
            yield from _weights(tag)
        else:
            yield f"There is no such kind of network: {tag}."


def _weights(tag: Tag) -> Iterator[str]:
    from modules.networks import blocks

    for value in (*tag.positional[1:4], *(tag.named[key] for key in ("te", "unet", "dyn") if key in tag.named)):
        try:
            float(value)
        except ValueError:
            yield f"The weights of {tag} must be numbers; '{value}' is none."
    try:
        if "lbw" in tag.named:
            blocks.read(tag.named["lbw"])
    except UserError as error:
        yield str(error)
