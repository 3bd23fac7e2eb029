"""The fixed prompts of the evaluation, and what counts as right for each of them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image

from starter import checker, reader
from starter.draw import captions, scenes
from starter.draw.holdout import held_out
from starter.draw.kinds import OBJECTS, SHAPES
from starter.draw.palette import COLORS
from starter.draw.records import POSITIONS, RELATIONS, SCENES, STYLES, TIMES, WEATHER, Picture

Verdict = dict[str, bool]


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt, the record it asks for, and the judgement of a picture: attribute -> whether it is right."""

    prompt: str
    wanted: Picture
    judge: Callable[[Image.Image, Picture], Verdict]


def judge_shape(image: Image.Image, wanted: Picture) -> Verdict:
    """Background, colour, count and, by outline, the kind of one or several equal shapes."""
    reading, first = checker.read(image, tuple(SHAPES)), wanted.things[0]
    right = {
        "background": reading.background == wanted.background,
        "color": bool(reading.things) and reading.things[0].color == first.color,
        "shape": bool(reading.things) and reading.things[0].kind == first.kind,
        "count": len(reading.things) == len(wanted.things),
    }
    if wanted.position:
        found = reading.things[0] if reading.things else None
        right["position"] = found is not None and position_of(found.x, found.y) == wanted.position
    return right


def judge_object(image: Image.Image, wanted: Picture) -> Verdict:
    """Background, colour and count by statistics, the object by the classifier."""
    right = judge_shape(image, wanted)
    return {**right, "shape": reader.read(image).kind == wanted.things[0].kind}


def judge_pair(image: Image.Image, wanted: Picture) -> Verdict:
    """Whether two shapes have their colours ("bound"), and stand as the prompt says ("relation")."""
    reading = checker.read(image, tuple(SHAPES))
    bound = related = False
    for one, other in (reading.things[:2], reading.things[1::-1]) if len(reading.things) >= 2 else ():
        fits = all((f.color, f.kind) == (t.color, t.kind) for f, t in zip((one, other), wanted.things, strict=True))
        bound = bound or fits
        related = related or (fits and relation_of(one, other) == wanted.relation)
    return {
        "background": reading.background == wanted.background,
        "count": len(reading.things) == 2,
        "bound": bound,
        "relation": related,
    }


def judge_scene(image: Image.Image, wanted: Picture) -> Verdict:
    """Scene and time of day, and the object where one is asked for, by the classifier."""
    found = reader.read(image)
    right = {"scene": found.scene == wanted.scene, "time": found.time == wanted.time}
    return right | ({"shape": found.kind == wanted.things[0].kind} if wanted.things else {})


def judge_style(image: Image.Image, wanted: Picture) -> Verdict:
    """The style by the classifier."""
    return {"style": reader.read(image).style == wanted.style}


def position_of(x: float, y: float) -> str:
    """The named place of a centroid given in picture widths."""
    dx, dy = x - 0.5, y - 0.5
    if max(abs(dx), abs(dy)) < 0.125:
        return "center"
    if abs(dx) >= abs(dy):
        return "left" if dx < 0 else "right"
    return "top" if dy < 0 else "bottom"


def relation_of(one: checker.Found, other: checker.Found) -> str:
    """How the first stands to the second, by the greater distance."""
    dx, dy = one.x - other.x, one.y - other.y
    if abs(dx) >= abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _combination(rng: random.Random, kinds: tuple[str, ...], held: bool) -> tuple[str, str, str]:
    """A random (kind, colour, background), held out from training or not."""
    while True:
        kind, (color, background) = rng.choice(kinds), rng.sample(list(COLORS), 2)
        if held_out(kind, color, background) == held:
            return kind, color, background


def _single(rng: random.Random, kinds: tuple[str, ...], held: bool) -> Case:
    kind, color, background = _combination(rng, kinds, held)
    prompt = f"{_article(color)} {color} {kind} on a {background} background"
    judge = judge_shape if kind in SHAPES else judge_object
    return Case(prompt, scenes.single(rng, kind, color, background), judge)


def _counted(rng: random.Random) -> Case:
    kind, color, background = _combination(rng, tuple(SHAPES), held=False)
    count = rng.randint(1, 4)
    noun, number = (captions.plural(kind), captions.NUMBERS[count][0]) if count > 1 else (kind, "one")
    record = (
        scenes.counted(rng, kind, color, background, count)
        if count > 1
        else scenes.single(rng, kind, color, background)
    )
    return Case(f"{number} {color} {noun} on a {background} background", record, judge_shape)


def _placed(rng: random.Random) -> Case:
    kind, color, background = _combination(rng, tuple(SHAPES), held=False)
    position = rng.choice(POSITIONS)
    prompt = f"a small {color} {kind} {captions.PLACES[position][0]}, {background} background"
    return Case(prompt, scenes.placed(rng, kind, color, background, position), judge_shape)


def _paired(rng: random.Random) -> Case:
    while True:
        kinds, (a, b, background) = rng.sample(list(SHAPES), 2), rng.sample(list(COLORS), 3)
        if not any(held_out(kind, color, background) for kind, color in zip(kinds, (a, b), strict=True)):
            break
    relation = rng.choice(RELATIONS)
    words = relation if relation in ("above", "below") else f"to the {relation}" if rng.random() < 0.5 else relation
    prompt = f"{_article(a)} {a} {kinds[0]} {words} {_article(b)} {b} {kinds[1]} on a {background} background"
    return Case(prompt, scenes.paired(rng, (kinds[0], kinds[1]), (a, b), background, relation), judge_pair)


def _landscape(rng: random.Random) -> Case:
    scene, time = rng.choice(SCENES), rng.choice(TIMES)
    weather = rng.choice(("", *WEATHER[time]))
    words = [captions.SCENE_NAMES[scene][0], captions.TIME_WORDS[time][0]]
    words += [captions.WEATHER_WORDS[weather][0]] if weather else []
    return Case(" ".join(words), scenes.landscape(rng, scene, time, weather), judge_scene)


def _outdoors(rng: random.Random) -> Case:
    while True:
        kind, scene, time = rng.choice(list(OBJECTS)), rng.choice(SCENES), rng.choice(TIMES)
        color = rng.choice([c for c in COLORS if c not in scenes.LOST[scene] and c != "black"])
        if not held_out(kind, color, scene):
            break
    prompt = f"{_article(color)} {color} {kind} {captions.SCENE_PLACES[scene][0]} {captions.TIME_WORDS[time][0]}"
    return Case(prompt, scenes.outdoors(rng, kind, color, scene, time), judge_scene)


def _styled(rng: random.Random) -> Case:
    style = rng.choice(STYLES)
    plain = _single(rng, tuple(OBJECTS if rng.random() < 0.5 else SHAPES), held=False)
    prompt = f"{plain.prompt}, {captions.STYLE_WORDS[style][0]}"
    return Case(prompt, replace(plain.wanted, style=style), judge_style)


GROUPS: dict[str, Callable[[random.Random], Case]] = {
    "single shape, seen": lambda rng: _single(rng, tuple(SHAPES), held=False),
    "single shape, held out": lambda rng: _single(rng, tuple(SHAPES), held=True),
    "object, seen": lambda rng: _single(rng, tuple(OBJECTS), held=False),
    "object, held out": lambda rng: _single(rng, tuple(OBJECTS), held=True),
    "one to four shapes": _counted,
    "small shape in its place": _placed,
    "two shapes": _paired,
    "scene": _landscape,
    "object in a scene": _outdoors,
    "style": _styled,
}


def cases(group: str, count: int) -> list[Case]:
    """The group's fixed cases."""
    rng = random.Random(f"evaluate/{group}")
    return [GROUPS[group](rng) for _ in range(count)]
