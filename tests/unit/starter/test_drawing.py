"""Pictures are what their records say, and the same on every run."""

import random

import numpy as np
import pytest

from starter.checker import read
from starter.draw import scenes
from starter.draw.canvas import render
from starter.draw.holdout import held_out
from starter.draw.kinds import KINDS, OBJECTS, SHAPES
from starter.draw.palette import COLORS, nearest, to_lab
from starter.draw.records import POSITIONS
from starter.evaluate import position_of


def test_same_seed_same_pixels() -> None:
    first, second = (render(scenes.random_picture(random.Random(5), scenes.PIXELS)) for _ in range(2))
    assert np.array_equal(np.asarray(first), np.asarray(second))


def test_other_seed_other_picture() -> None:
    first, second = (scenes.random_picture(random.Random(seed), scenes.FIRST) for seed in (1, 2))
    assert first != second


@pytest.mark.parametrize("kind", SHAPES)
def test_checker_reads_drawn_shapes(kind: str) -> None:
    rng = random.Random(kind)
    for _ in range(6):
        color, background = rng.sample(list(COLORS), 2)
        count = rng.randint(1, 4)
        wanted = (rng, kind, color, background)
        picture = scenes.single(*wanted) if count == 1 else scenes.counted(*wanted, count)
        reading = read(render(picture), tuple(SHAPES))
        assert (reading.background, reading.color, reading.kind, reading.count) == (background, color, kind, count)


@pytest.mark.parametrize("kind", OBJECTS)
def test_checker_reads_objects_ground_and_color(kind: str) -> None:
    reading = read(render(scenes.single(random.Random(1), kind, "red", "white")), tuple(OBJECTS))
    assert (reading.background, reading.color, reading.count) == ("white", "red", 1)


@pytest.mark.parametrize("position", POSITIONS)
def test_checker_reads_positions(position: str) -> None:
    picture = scenes.placed(random.Random(2), "star", "yellow", "black", position)
    reading = read(render(picture), tuple(SHAPES))
    assert position_of(reading.x, reading.y) == position


def test_empty_ground_has_no_thing() -> None:
    picture = scenes.single(random.Random(1), "circle", "red", "blue")
    bare = type(picture)("plain", "blue", COLORS["blue"], COLORS["blue"], ())
    assert read(render(bare), tuple(SHAPES)).count == 0


def test_every_color_centre_is_nearest_to_itself() -> None:
    for name, rgb in COLORS.items():
        assert nearest(to_lab(np.array(rgb))) == name


@pytest.mark.parametrize("mix", [scenes.FIRST, scenes.WIDE, scenes.PIXELS])
def test_no_held_out_combination_is_drawn(mix: scenes.Mix) -> None:
    rng = random.Random(3)
    for _ in range(2000):
        picture = scenes.random_picture(rng, mix)
        assert not any(held_out(t.kind, t.color, picture.background) for t in picture.things)


def test_about_a_tenth_and_some_more_is_held_out() -> None:
    triples = [(k, c, b) for k in KINDS for c in COLORS for b in COLORS if c != b]
    assert 0.1 < sum(held_out(*t) for t in triples) / len(triples) < 0.25


def test_the_example_prompt_is_not_held_out() -> None:
    assert not held_out("circle", "red", "blue")
