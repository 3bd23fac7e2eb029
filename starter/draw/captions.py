"""Words for a record: a random caption, and what exactly that caption says.

A caption leaves parts out at random, uses synonyms, and comes as a sentence or as a comma list, because prompts do.
"""

import random
from dataclasses import dataclass, fields

from starter.draw.kinds import KINDS
from starter.draw.palette import COLORS, SYNONYMS
from starter.draw.records import (
    FAULTS,
    PATTERNS,
    POSITIONS,
    RELATIONS,
    SCENES,
    SIZES,
    STYLES,
    TIMES,
    Picture,
    Thing,
)

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
    "happy face": ("smiley", "smiling face"),
    "sad face": ("frowning face",),
    "cup": ("mug", "cup of tea"),
    "rocket": ("spaceship",),
}
PLACES = {
    "left": ("on the left", "at the left side"),
    "right": ("on the right", "at the right side"),
    "top": ("at the top", "on top"),
    "bottom": ("at the bottom",),
    "center": ("in the center", "in the middle", "centered"),
}


SCENE_PLACES = {
    "sky": ("in the sky", "in the air"),
    "grass": ("on the grass", "in a meadow", "in a green field", "on grass"),
    "sea": ("on the sea", "in the ocean", "on the water", "at sea"),
    "snow": ("in the snow", "on snow", "in a snowy landscape", "in the snowy mountains"),
    "desert": ("in the desert", "in a desert", "on sand"),
    "city": ("in the city", "in a city", "on a city street"),
    "forest": ("in the forest", "in a forest", "in the woods"),
}
SCENE_NAMES = {
    "sky": ("the sky", "sky", "a sky"),
    "grass": ("a meadow", "a green field", "grass", "meadow", "a grass landscape"),
    "sea": ("the sea", "the ocean", "sea", "a seascape"),
    "snow": ("snow", "a snowy landscape", "snowy mountains", "a winter landscape"),
    "desert": ("a desert", "the desert", "desert", "sand dunes"),
    "city": ("a city", "a city skyline", "city", "a city street"),
    "forest": ("a forest", "forest", "the woods", "a pine forest"),
}
TIME_WORDS = {
    "day": ("during the day", "by day", "in daylight", "day", "daytime"),
    "night": ("at night", "by night", "night", "in the night"),
    "sunset": ("at sunset", "at dusk", "in the evening", "sunset"),
}
WEATHER_WORDS = {
    "sun": ("with the sun", "sun", "sunny"),
    "moon": ("with a moon", "moon", "under the moon", "moonlight"),
    "stars": ("with stars", "stars", "under the stars", "starry sky"),
    "clouds": ("with clouds", "clouds", "cloudy"),
    "rain": ("in the rain", "rain", "rainy"),
}
PATTERN_GROUNDS = {
    "gradient": ("{} gradient background", "{} gradient"),
    "stripes": ("{} striped background", "{} stripes"),
    "dots": ("{} dotted background", "{} polka dot background"),
}
PATTERN_NAMES = {
    "gradient": ("{} and {} gradient", "a {} and {} gradient"),
    "stripes": ("{} and {} stripes", "a {} and {} striped pattern"),
    "dots": ("{} with {} dots", "a {} background with {} polka dots"),
    "split": ("{} and {}", "{} and {} background", "half {} and half {}", "{} and {} color fields"),
}
STYLE_WORDS = {
    "pixel art": ("pixel art", "8 bit pixel art", "pixelated"),
    "line drawing": ("line drawing", "line art", "ink drawing", "pencil sketch"),
    "watercolor": ("watercolor", "watercolor painting", "watercolour"),
    "oil painting": ("oil painting", "oil on canvas", "impasto painting"),
    "pastel": ("pastel drawing", "pastel", "chalk drawing"),
    "blueprint": ("blueprint", "technical drawing"),
    "silhouette": ("silhouette", "black silhouette", "shadow silhouette"),
}
STYLE_FORMS = ("{1} of {0}", "a {1} of {0}", "{0}, {1}", "{0}, {1} style", "{1}, {0}", "{0} in the style of a {1}")
FAULT_WORDS = {
    "blurry": ("blurry", "blurred", "out of focus", "blurry picture"),
    "noisy": ("noisy", "grainy", "noise"),
    "low quality": ("low quality", "bad quality", "worst quality", "low contrast"),
}
COLORLESS = {"line drawing": 0.75, "blueprint": 0.75, "silhouette": 0.75}
"""How often the colour of a thing goes unsaid in styles that do not show it."""


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
    pattern: str = ""
    scene: str = ""
    time: str = ""
    weather: str = ""
    style: str = ""
    fault: str = ""


_KINDS, _COLORS = ("", *KINDS), ("", *COLORS)
VALUES: dict[str, tuple[str, ...]] = {
    "background": _COLORS, "color": _COLORS, "kind": _KINDS, "count": ("", "1", "2", "3", "4"),
    "relation": ("", *RELATIONS), "color2": _COLORS, "kind2": _KINDS, "size": ("", *SIZES),
    "position": ("", *POSITIONS), "pattern": ("", *PATTERNS, "split"), "scene": ("", *SCENES), "time": ("", *TIMES),
    "weather": ("", *WEATHER_WORDS), "style": ("", *STYLES), "fault": ("", *FAULTS),
}  # fmt: skip


def said_indices(said: Said) -> list[int]:
    """The attributes as class indices, in the order of `Said`'s fields."""
    return [VALUES[f.name].index(getattr(said, f.name)) for f in fields(said)]


def caption(picture: Picture, rng: random.Random) -> tuple[str, Said]:
    """One random caption of the picture and what it says."""
    if picture.things:
        text, said = _of_things(picture, rng)
    elif picture.scene:
        text, said = _of_landscape(picture, rng)
    else:
        colors = _color_word(picture.background, rng), _color_word(picture.second, rng)
        text = rng.choice(PATTERN_NAMES[picture.backdrop]).format(*colors)
        said = {"background": picture.background, "color2": picture.second, "pattern": picture.backdrop}
    if picture.style:
        text = rng.choice(STYLE_FORMS).format(text, rng.choice(STYLE_WORDS[picture.style]))
        said["style"] = picture.style
    elif picture.fault:
        text = _with_fault(text, picture.fault, rng)
        said["fault"] = picture.fault
    else:
        text = _adorned(text, rng)
    return text.capitalize() if rng.random() < 0.05 else text, Said(**said)


def with_emphasis(text: str, picture: Picture, rng: random.Random) -> str:
    """The caption of a two-coloured pattern, mostly with the first colour's weight in A1111's notation.

    The weight grows from 0.6 to 1.4 with the colour's share: this is how the model learns what emphasis is to do.
    """
    if not picture.second or rng.random() < 0.25:
        return text
    weight = 1 + 1.35 * (picture.share - 0.5)
    for word in (picture.background, *SYNONYMS.get(picture.background, ())):
        if word in text:
            return text.replace(word, f"({word}:{weight:.2f})", 1)
    return text


def _of_things(picture: Picture, rng: random.Random) -> tuple[str, dict[str, str]]:
    """Words for things and what is behind them."""
    colored = rng.random() >= COLORLESS.get(picture.style, 0.06)
    first = picture.things[0]
    size = picture.size if picture.size and rng.random() < 0.5 else ""
    count = 1 if picture.relation else len(picture.things)
    subject = _subject(first, count, size, colored, rng)
    said: dict[str, str] = {
        "color": first.color if colored else "",
        "kind": first.kind,
        "count": str(count),
        "size": size,
        "position": picture.position,
    }
    if picture.relation:
        second = picture.things[1]
        subject += (
            f" {picture.relation} "
            if picture.relation in ("above", "below")
            else rng.choice((" {} ", " to the {} ")).format(picture.relation)
        )
        subject += _subject(second, 1, "", colored, rng)
        said |= {"relation": picture.relation, "kind2": second.kind, "color2": second.color if colored else ""}
    if picture.position:
        subject += " " + rng.choice(PLACES[picture.position])
    if picture.scene:
        return _joined(subject + " " + rng.choice(SCENE_PLACES[picture.scene]), picture, rng, said)
    silent = 0.05 if picture.style not in ("line drawing", "blueprint") else 0.75
    if rng.random() < silent:
        return subject, said
    said["background"] = picture.background
    ground = _color_word(picture.background, rng)
    if picture.backdrop in PATTERN_GROUNDS:
        said["pattern"] = picture.backdrop
        behind = rng.choice(PATTERN_GROUNDS[picture.backdrop]).format(ground)
        return subject + rng.choice((", ", " on ", " on a ")) + behind, said
    return _assembled(subject, ground, rng), said


def _of_landscape(picture: Picture, rng: random.Random) -> tuple[str, dict[str, str]]:
    return _joined(rng.choice(SCENE_NAMES[picture.scene]), picture, rng, {})


def _joined(text: str, picture: Picture, rng: random.Random, said: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The text with time of day and weather; plain daylight may go without saying."""
    said["scene"], parts = picture.scene, [text]
    if picture.time != "day" or rng.random() < 0.5:
        said["time"] = picture.time
        parts.append(rng.choice(TIME_WORDS[picture.time]))
    if picture.weather and rng.random() < 0.9:
        said["weather"] = picture.weather
        parts.append(rng.choice(WEATHER_WORDS[picture.weather]))
    if rng.random() < 0.15:
        parts.reverse()
        return ", ".join(parts), said
    return rng.choice((" ", " ", ", ")).join(parts), said


def _with_fault(text: str, fault: str, rng: random.Random) -> str:
    """The caption with the fault named, sometimes together with "low quality", and sometimes little else."""
    words = [rng.choice(FAULT_WORDS[fault])]
    if fault != "low quality" and rng.random() < 0.4:
        words.append("low quality")
    rng.shuffle(words)
    form = rng.random()
    if form < 0.5:
        return f"{text}, {', '.join(words)}"
    return f"{', '.join(words)}, {text}" if form < 0.9 else f"{' '.join(words)} picture of {text}"


def _assembled(subject: str, ground: str, rng: random.Random) -> str:
    """Subject and background in one of the usual orders."""
    if (form := rng.random()) < 0.62:
        return f"{subject} {rng.choice(GROUNDS).format(ground)}"
    if form < 0.87:
        return f"{subject}, {rng.choice(('', 'plain ', 'solid '))}{ground} background"
    return f"{ground} background, {subject}"


def _adorned(text: str, rng: random.Random) -> str:
    """The caption with or without words that change nothing."""
    if rng.random() < 0.25:
        text = f"{rng.choice(OPENINGS)} {text}"
    if rng.random() < 0.2:
        text = f"{text}, {rng.choice(CLOSINGS)}"
    return text


def _subject(thing: Thing, count: int, size: str, colored: bool, rng: random.Random) -> str:
    kind = rng.choice(KIND_SYNONYMS[thing.kind]) if thing.kind in KIND_SYNONYMS and rng.random() < 0.1 else thing.kind
    words = [rng.choice(SIZE_WORDS[size])] if size else []
    if colored:
        words.append(_color_word(thing.color, rng))
    mood, _, noun = kind.rpartition(" ") if kind.endswith(" face") else ("", "", kind)
    if mood and rng.random() < 0.5:
        words.insert(0, mood)
    elif mood:
        words.append(mood)
    words.append(noun if count == 1 else plural(noun))
    if count > 1:
        return " ".join((rng.choice(NUMBERS[count]), *words))
    article = rng.choices(("an" if words[0][0] in "aeiou" else "a", "", "one"), (0.72, 0.23, 0.05))[0]
    return " ".join((article, *words)).strip()


def plural(kind: str) -> str:
    """English plural of a kind; "fish" stays as it is."""
    if kind == "fish":
        return kind
    first, preposition, rest = kind.partition(" of ")
    return first + ("es" if first.endswith(("s", "x", "sh")) else "s") + preposition + rest


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
        "picture of",
        *RELATIONS,
        *STYLE_FORMS,
    ]
    tables = (
        NUMBERS, SIZE_WORDS, SYNONYMS, PLACES, KIND_SYNONYMS, SCENE_PLACES, SCENE_NAMES, TIME_WORDS, WEATHER_WORDS,
        PATTERN_GROUNDS, PATTERN_NAMES, STYLE_WORDS, FAULT_WORDS,
    )  # fmt: skip
    for table in tables:
        phrases += [word for words in table.values() for word in words]
    phrases += [plural(word) for words in KIND_SYNONYMS.values() for word in words]
    return phrases
