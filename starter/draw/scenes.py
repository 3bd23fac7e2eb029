"""Random records: what is drawn how often is stated in a `Mix`, so that a curriculum is a list of mixes."""

import random
from dataclasses import dataclass, replace

from starter.draw.holdout import held_out
from starter.draw.kinds import OBJECTS, SHAPES
from starter.draw.palette import COLORS, jittered
from starter.draw.records import (
    FAULTS,
    PATTERNS,
    POSITIONS,
    RELATIONS,
    SCENES,
    STYLES,
    TIMES,
    WEATHER,
    Picture,
    Thing,
)

_COLORS, _SHAPES, _OBJECTS = tuple(COLORS), tuple(SHAPES), tuple(OBJECTS)


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the compositions and of the backdrops, each set summing to 1, and of styles and faults among all."""

    single: float
    thing: float
    counted: float
    placed: float
    paired: float
    landscape: float = 0.0
    pattern: float = 0.0
    backdrops: tuple[tuple[str, float], ...] = (("plain", 1.0),)
    styled: float = 0.0
    spoiled: float = 0.0


FIRST = Mix(single=0.82, thing=0.08, counted=0.05, placed=0.03, paired=0.02)
"""The opening curriculum: large centred shapes on plain grounds, so that shape is learned early."""

WIDE = Mix(
    single=0.35, thing=0.25, counted=0.15, placed=0.1, paired=0.15, backdrops=(("plain", 0.8), ("gradient", 0.2))
)
"""What training widens to once single shapes are right."""

MANY = Mix(single=0.12, thing=0.18, counted=0.4, placed=0.1, paired=0.2)
"""For what takes longest to learn: several things in one picture."""

FULL = Mix(
    single=0.12,
    thing=0.26,
    counted=0.22,
    placed=0.08,
    paired=0.17,
    landscape=0.11,
    pattern=0.04,
    backdrops=(("plain", 0.72), ("scene", 0.19), ("gradient", 0.03), ("stripes", 0.03), ("dots", 0.03)),
    styled=0.27,
    spoiled=0.06,
)
"""Everything the model is to know."""

PIXELS = Mix(
    single=0.15, thing=0.25, counted=0.12, placed=0.1, paired=0.15, landscape=0.18, pattern=0.05,
    backdrops=(("plain", 0.3), ("scene", 0.2), ("gradient", 0.1), ("stripes", 0.1), ("dots", 0.1), ("clutter", 0.2)),
    styled=0.3, spoiled=0.06,
)  # fmt: skip
"""For the autoencoder, which needs variety and no captions."""


def random_picture(rng: random.Random, mix: Mix) -> Picture:
    """One record from the mix, never a held-out combination."""
    compositions = (_single, _thing, _counted, _placed, _paired, _landscape, _pattern)
    shares = (mix.single, mix.thing, mix.counted, mix.placed, mix.paired, mix.landscape, mix.pattern)
    compose = rng.choices(compositions, shares)[0]
    backdrop = rng.choices([name for name, _ in mix.backdrops], [share for _, share in mix.backdrops])[0]
    while True:
        picture = compose(rng, backdrop)
        if not any(held_out(t.kind, t.color, picture.background) for t in picture.things):
            break
    if mix.styled and rng.random() < mix.styled:
        style = rng.choice(STYLES)
        lines = style in ("line drawing", "blueprint") and picture.weather == "rain"
        picture = replace(picture, style=style, weather="" if lines else picture.weather)
    elif mix.spoiled and rng.random() < mix.spoiled / (1 - mix.styled):
        picture = replace(picture, fault=rng.choice(FAULTS))
    return picture


def single(rng: random.Random, kind: str, color: str, background: str, backdrop: str = "plain") -> Picture:
    """One large thing near the middle."""
    radius = rng.uniform(0.22, 0.40)
    slack = min(0.08, 0.47 - radius)
    x, y = (0.5 + rng.uniform(-slack, slack) for _ in range(2))
    size = "large" if radius > 0.35 else "small" if radius < 0.25 else ""
    return _picture(rng, backdrop, background, (_drawn(rng, kind, color, x, y, radius),), size=size)


def _single(rng: random.Random, backdrop: str) -> Picture:
    color, background = rng.sample(_COLORS, 2)
    if backdrop == "scene":
        return outdoors(rng, rng.choice(_SHAPES), *_in_scene(rng))
    return single(rng, rng.choice(_SHAPES), color, background, backdrop)


def _thing(rng: random.Random, backdrop: str) -> Picture:
    color, background = rng.sample(_COLORS, 2)
    if backdrop == "scene":
        return outdoors(rng, rng.choice(_OBJECTS), *_in_scene(rng))
    return single(rng, rng.choice(_OBJECTS), color, background, backdrop)


LOST = {
    "sky": ("cyan", "blue"), "grass": ("green",), "sea": ("blue", "cyan"), "snow": ("white",),
    "desert": ("yellow", "orange"), "city": ("gray",), "forest": ("green",),
}  # fmt: skip
"""Colours in which a thing would not stand out from a scene; at night neither would a black one."""


def _in_scene(rng: random.Random) -> tuple[str, str, str]:
    """A random scene and time of day, and a colour that stands out there: (colour, scene, time)."""
    scene, time = rng.choice(SCENES), rng.choices(TIMES, (0.4, 0.3, 0.3))[0]
    lost = (*LOST[scene], "black" if time == "night" else "")
    return rng.choice([c for c in _COLORS if c not in lost]), scene, time


def outdoors(rng: random.Random, kind: str, color: str, scene: str, time: str) -> Picture:
    """One thing in a scene, standing on its ground, or floating where there is none."""
    radius = rng.uniform(0.2, 0.3)
    y = 0.5 + rng.uniform(-0.04, 0.04) if scene == "sky" else 0.93 - radius + rng.uniform(-0.1, 0)
    things = (_drawn(rng, kind, color, 0.5 + rng.uniform(-0.15, 0.15), y, radius),)
    return replace(landscape(rng, scene, time, _weather(rng, time)), things=things)


def landscape(rng: random.Random, scene: str, time: str, weather: str) -> Picture:
    """A scene without things."""
    picture = _picture(rng, "scene", "blue", ())
    return replace(picture, background=scene, time=time, weather=weather)


def _landscape(rng: random.Random, backdrop: str) -> Picture:
    time = rng.choice(TIMES)
    return landscape(rng, rng.choice(SCENES), time, _weather(rng, time))


def _weather(rng: random.Random, time: str) -> str:
    return rng.choice(WEATHER[time]) if rng.random() < 0.6 else ""


def pattern(rng: random.Random, backdrop: str, color: str, second: str, share: float) -> Picture:
    """Two colours in a pattern that fills the picture, or in two fields ("split")."""
    picture = _picture(rng, backdrop, color, ())
    return replace(picture, second=second, second_rgb=jittered(rng, second), share=share)


def _pattern(rng: random.Random, backdrop: str) -> Picture:
    color, second = rng.sample(_COLORS, 2)
    return pattern(rng, rng.choice((*PATTERNS, "split", "split")), color, second, rng.uniform(0.2, 0.8))


def counted(rng: random.Random, kind: str, color: str, background: str, count: int, backdrop: str = "plain") -> Picture:
    """Two to four equal things in a loose row or grid."""
    rows = {
        2: ((0.28, 0.5), (0.72, 0.5)),
        3: ((0.27, 0.7), (0.73, 0.7), (0.5, 0.28)),
        4: ((0.28, 0.28), (0.72, 0.28), (0.28, 0.72), (0.72, 0.72)),
    }
    radius = rng.uniform(0.16, 0.19)
    rgb = jittered(rng, color)
    upright = count == 2 and rng.random() < 0.2
    spots = [(y, x) if upright else (x, y) for x, y in rows[count]]
    things = tuple(
        Thing(kind, color, rgb, x + rng.uniform(-0.02, 0.02), y + rng.uniform(-0.02, 0.02), radius) for x, y in spots
    )
    return _picture(rng, backdrop, background, things)


def _counted(rng: random.Random, backdrop: str) -> Picture:
    color, background = rng.sample(_COLORS, 2)
    kind = rng.choice(_SHAPES if rng.random() < 0.7 else _OBJECTS)
    return counted(rng, kind, color, background, rng.randint(2, 4), _indoors(backdrop))


def placed(
    rng: random.Random, kind: str, color: str, background: str, position: str, backdrop: str = "plain"
) -> Picture:
    """One smaller thing at a named side or in the center."""
    x, y = {"left": (0.25, 0.5), "right": (0.75, 0.5), "top": (0.5, 0.25), "bottom": (0.5, 0.75), "center": (0.5, 0.5)}[
        position
    ]
    x, y, radius = x + rng.uniform(-0.04, 0.04), y + rng.uniform(-0.04, 0.04), rng.uniform(0.16, 0.2)
    return _picture(
        rng, backdrop, background, (_drawn(rng, kind, color, x, y, radius),), position=position, size="small"
    )


def _placed(rng: random.Random, backdrop: str) -> Picture:
    color, background = rng.sample(_COLORS, 2)
    kind = rng.choice(_SHAPES if rng.random() < 0.7 else _OBJECTS)
    return placed(rng, kind, color, background, rng.choice(POSITIONS), _indoors(backdrop))


def paired(
    rng: random.Random,
    kinds: tuple[str, str],
    colors: tuple[str, str],
    background: str,
    relation: str,
    backdrop: str = "plain",
) -> Picture:
    """Two things of different colours, the first placed against the second."""
    near, far = (0.27, 0.73) if relation in ("left of", "above") else (0.73, 0.27)
    spots = [(near, 0.5), (far, 0.5)] if relation.endswith("of") else [(0.5, near), (0.5, far)]
    things = tuple(
        _drawn(rng, kind, c, x + rng.uniform(-0.03, 0.03), y + rng.uniform(-0.03, 0.03), rng.uniform(0.16, 0.2))
        for kind, c, (x, y) in zip(kinds, colors, spots, strict=True)
    )
    return _picture(rng, backdrop, background, things, relation=relation)


def _paired(rng: random.Random, backdrop: str) -> Picture:
    color, other, background = rng.sample(_COLORS, 3)
    one, two = (rng.choice(_SHAPES if rng.random() < 0.7 else _OBJECTS) for _ in range(2))
    return paired(rng, (one, two), (color, other), background, rng.choice(RELATIONS), _indoors(backdrop))


def _indoors(backdrop: str) -> str:
    """Small things are drawn on plain grounds only where the mix has scenes."""
    return "plain" if backdrop == "scene" else backdrop


def _drawn(rng: random.Random, kind: str, color: str, x: float, y: float, radius: float) -> Thing:
    return Thing(kind, color, jittered(rng, color), x, y, radius)


def _picture(
    rng: random.Random,
    backdrop: str,
    background: str,
    things: tuple[Thing, ...],
    relation: str = "",
    position: str = "",
    size: str = "",
) -> Picture:
    ground = jittered(rng, background)
    lighter = rng.random() < 0.5
    r, g, b = (int(c + (255 - c) * 0.35) if lighter else int(c * 0.7) for c in ground)
    return Picture(backdrop, background, ground, (r, g, b), things, relation, position, size, seed=rng.getrandbits(30))
