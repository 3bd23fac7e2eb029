"""Random records: what is drawn how often is stated in a `Mix`, so that a curriculum is a list of mixes."""

import random
from dataclasses import dataclass

from starter.draw.holdout import held_out
from starter.draw.kinds import OBJECTS, SHAPES
from starter.draw.palette import COLORS, jittered
from starter.draw.records import POSITIONS, RELATIONS, Picture, Thing

_COLORS, _SHAPES, _OBJECTS = tuple(COLORS), tuple(SHAPES), tuple(OBJECTS)


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the compositions and of the backdrops; each line sums to 1."""

    single: float
    thing: float
    counted: float
    placed: float
    paired: float
    backdrops: tuple[tuple[str, float], ...] = (("plain", 1.0),)


FIRST = Mix(single=0.82, thing=0.08, counted=0.05, placed=0.03, paired=0.02)
"""The opening curriculum: large centred shapes on plain grounds, so that shape is learned early."""

WIDE = Mix(
    single=0.35, thing=0.25, counted=0.15, placed=0.1, paired=0.15, backdrops=(("plain", 0.8), ("gradient", 0.2))
)
"""What training widens to once single shapes are right."""

PIXELS = Mix(
    single=0.2, thing=0.3, counted=0.15, placed=0.15, paired=0.2,
    backdrops=(("plain", 0.3), ("gradient", 0.15), ("stripes", 0.12), ("dots", 0.13), ("clutter", 0.3)),
)  # fmt: skip
"""For the autoencoder, which needs variety and no captions."""


def random_picture(rng: random.Random, mix: Mix) -> Picture:
    """One record from the mix, never a held-out combination."""
    compositions = (_single, _thing, _counted, _placed, _paired)
    shares = (mix.single, mix.thing, mix.counted, mix.placed, mix.paired)
    compose = rng.choices(compositions, shares)[0]
    backdrop = rng.choices([name for name, _ in mix.backdrops], [share for _, share in mix.backdrops])[0]
    while True:
        picture = compose(rng, backdrop)
        if not any(held_out(t.kind, t.color, picture.background) for t in picture.things):
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
    return single(rng, rng.choice(_SHAPES), color, background, backdrop)


def _thing(rng: random.Random, backdrop: str) -> Picture:
    color, background = rng.sample(_COLORS, 2)
    return single(rng, rng.choice(_OBJECTS), color, background, backdrop)


def counted(rng: random.Random, kind: str, color: str, background: str, count: int, backdrop: str = "plain") -> Picture:
    """Two to four equal things in a loose row or grid."""
    rows = {
        2: ((0.28, 0.5), (0.72, 0.5)),
        3: ((0.27, 0.7), (0.73, 0.7), (0.5, 0.28)),
        4: ((0.28, 0.28), (0.72, 0.28), (0.28, 0.72), (0.72, 0.72)),
    }
    radius = rng.uniform(0.14, 0.19)
    rgb = jittered(rng, color)
    upright = count == 2 and rng.random() < 0.2
    spots = [(y, x) if upright else (x, y) for x, y in rows[count]]
    things = tuple(
        Thing(kind, color, rgb, x + rng.uniform(-0.03, 0.03), y + rng.uniform(-0.03, 0.03), radius) for x, y in spots
    )
    return _picture(rng, backdrop, background, things)


def _counted(rng: random.Random, backdrop: str) -> Picture:
    color, background = rng.sample(_COLORS, 2)
    kind = rng.choice(_SHAPES if rng.random() < 0.7 else _OBJECTS)
    return counted(rng, kind, color, background, rng.randint(2, 4), backdrop)


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
    return placed(rng, kind, color, background, rng.choice(POSITIONS), backdrop)


def _paired(rng: random.Random, backdrop: str) -> Picture:
    """Two things of different colours, the first placed against the second."""
    color, other, background = rng.sample(_COLORS, 3)
    kinds = [rng.choice(_SHAPES if rng.random() < 0.7 else _OBJECTS) for _ in range(2)]
    relation = rng.choice(RELATIONS)
    near, far = (0.27, 0.73) if relation in ("left of", "above") else (0.73, 0.27)
    spots = [(near, 0.5), (far, 0.5)] if relation.endswith("of") else [(0.5, near), (0.5, far)]
    things = tuple(
        _drawn(rng, kind, c, x + rng.uniform(-0.03, 0.03), y + rng.uniform(-0.03, 0.03), rng.uniform(0.16, 0.2))
        for kind, c, (x, y) in zip(kinds, (color, other), spots, strict=True)
    )
    return _picture(rng, backdrop, background, things, relation=relation)


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
