"""Words for a record: a random caption, and what exactly that caption says.

A caption leaves parts out at random, uses synonyms, and comes as a sentence or as a comma list, because prompts do.
"""

import random
from dataclasses import dataclass, fields

from starter.draw.kinds import KINDS
from starter.draw.palette import COLORS, SYNONYMS
from starter.draw.records import POSITIONS, RELATIONS, SIZES, Picture, Thing

OPENINGS = (
    "a picture of", "an image of", "a drawing of", "a photo of", "a simple drawing of", "an illustration of",
    "flat illustration of", "beautiful", "masterpiece, best quality,", "minimalist", "a flat design of", "clip art of",
    "there is",
)  # fmt: skip
CLOSINGS = (
    "flat colors",
    "simple",
    "best quality",
    "high quality",
    "minimal",
    "clean",
    "vector art",
    "centered",
    "sharp",
)
GROUNDS = (
    "on a {} background",
    "on {} background",
    "with a {} background",
    "against a {} background",
    "on a plain {} background",
    "on {}",
    "in front of a {} background",
    "over a {} background",
)
NUMBERS = {2: ("two", "2"), 3: ("three", "3"), 4: ("four", "4")}
SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
KIND_SYNONYMS = {
    "circle": ("disc", "disk"),
    "ring": ("hoop",),
    "cross": ("plus sign",),
    "diamond": ("rhombus",),
    "boat": ("ship", "sailboat"),
    "face": ("smiley",),
}
PLACES = {
    "left": ("on the left", "at the left side"),
    "right": ("on the right", "at the right side"),
    "top": ("at the top", "on top"),
    "bottom": ("at the bottom",),
    "center": ("in the center", "in the middle", "centered"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a caption states, one value per attribute; an empty string where it is silent."""

    background: str = ""
    color: str = ""
    kind: str = ""
    count: str = ""
    relation: str = ""
    color2: str = ""
    kind2: str = ""
    size: str = ""
    position: str = ""


_KINDS, _COLORS = ("", *KINDS), ("", *COLORS)
VALUES: dict[str, tuple[str, ...]] = {
    "background": _COLORS, "color": _COLORS, "kind": _KINDS, "count": ("", "1", "2", "3", "4"),
    "relation": ("", *RELATIONS), "color2": _COLORS, "kind2": _KINDS, "size": ("", *SIZES),
    "position": ("", *POSITIONS),
}  # fmt: skip


def said_indices(said: Said) -> list[int]:
    """The attributes as class indices, in the order of `Said`'s fields."""
    return [VALUES[f.name].index(getattr(said, f.name)) for f in fields(said)]


def caption(picture: Picture, rng: random.Random) -> tuple[str, Said]:
    """One random caption of the picture and what it says."""
    first = picture.things[0]
    size = picture.size if picture.size and rng.random() < 0.5 else ""
    position = picture.position
    count = 1 if picture.relation else len(picture.things)
    subject = _subject(first, count, size, rng)
    said: dict[str, str] = {
        "color": first.color,
        "kind": first.kind,
        "count": str(count),
        "size": size,
        "position": position,
    }
    if picture.relation:
        second = picture.things[1]
        subject += (
            f" {picture.relation} "
            if picture.relation in ("above", "below")
            else rng.choice((" {} ", " to the {} ")).format(picture.relation)
        )
        subject += _subject(second, 1, "", rng)
        said |= {"relation": picture.relation, "kind2": second.kind, "color2": second.color}
    if position:
        subject += " " + rng.choice(PLACES[position])
    ground = picture.background if rng.random() < 0.95 else ""
    said["background"] = ground
    return _assembled(subject, _color_word(ground, rng) if ground else "", rng), Said(**said)


def _assembled(subject: str, ground: str, rng: random.Random) -> str:
    """Subject and background in one of the usual orders, with or without words that change nothing."""
    if not ground:
        text = subject
    elif (form := rng.random()) < 0.62:
        text = f"{subject} {rng.choice(GROUNDS).format(ground)}"
    elif form < 0.87:
        text = f"{subject}, {rng.choice(('', 'plain ', 'solid '))}{ground} background"
    else:
        text = f"{ground} background, {subject}"
    if rng.random() < 0.25:
        text = f"{rng.choice(OPENINGS)} {text}"
    if rng.random() < 0.2:
        text = f"{text}, {rng.choice(CLOSINGS)}"
    return text.capitalize() if rng.random() < 0.05 else text


def _subject(thing: Thing, count: int, size: str, rng: random.Random) -> str:
    kind = rng.choice(KIND_SYNONYMS[thing.kind]) if thing.kind in KIND_SYNONYMS and rng.random() < 0.1 else thing.kind
    words = [rng.choice(SIZE_WORDS[size])] if size else []
    words += [_color_word(thing.color, rng), kind if count == 1 else plural(kind)]
    if count > 1:
        return " ".join((rng.choice(NUMBERS[count]), *words))
    article = rng.choices(("an" if words[0][0] in "aeiou" else "a", "", "one"), (0.72, 0.23, 0.05))[0]
    return " ".join((article, *words)).strip()


def plural(kind: str) -> str:
    """English plural of a kind; "fish" stays as it is."""
    if kind == "fish":
        return kind
    return kind + ("es" if kind.endswith(("s", "x", "sh")) else "s")


def _color_word(color: str, rng: random.Random) -> str:
    if color in SYNONYMS and rng.random() < 0.12:
        return rng.choice(SYNONYMS[color])
    return color


def vocabulary() -> list[str]:
    """Every phrase a caption can be made of; their tokens are the only ones whose embeddings are trained."""
    phrases = [
        *OPENINGS,
        *CLOSINGS,
        *GROUNDS,
        *COLORS,
        *KINDS,
        *(plural(k) for k in KINDS),
        "a an one , to the",
        "plain solid background",
        *RELATIONS,
    ]
    for table in (NUMBERS, SIZE_WORDS, SYNONYMS, PLACES, KIND_SYNONYMS):
        phrases += [word for words in table.values() for word in words]
    phrases += [plural(word) for words in KIND_SYNONYMS.values() for word in words]
    return phrases
