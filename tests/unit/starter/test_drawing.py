"""Pictures are what their records say, and the same on every run."""

import random
from dataclasses import replace

import numpy as np
import pytest

from starter.cases import judge_pair, position_of
from starter.checker import blur, read, share
from starter.draw import scenes
from starter.draw.canvas import render
from starter.draw.holdout import held_out
from starter.draw.kinds import KINDS, OBJECTS, SHAPES
from starter.draw.palette import COLORS, nearest, to_lab
from starter.draw.records import FAULTS, POSITIONS, RELATIONS, SCENES, STYLES, TIMES


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
        assert reading.background == background
        assert [(found.color, found.kind) for found in reading.things] == [(color, kind)] * count


@pytest.mark.parametrize("kind", OBJECTS)
def test_checker_reads_ground_and_color_of_objects(kind: str) -> None:
    for color in ("red", "orange", "white"):
        reading = read(render(scenes.single(random.Random(1), kind, color, "blue")), tuple(SHAPES))
        assert (reading.background, [found.color for found in reading.things]) == ("blue", [color])


@pytest.mark.parametrize("relation", RELATIONS)
def test_pairs_stand_as_they_are_said_to(relation: str) -> None:
    picture = scenes.paired(random.Random(3), ("star", "ring"), ("red", "blue"), "white", relation)
    assert all(judge_pair(render(picture), picture).values())
    other = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}[relation]
    assert judge_pair(render(picture), replace(picture, relation=other)) == {
        "background": True, "count": True, "bound": True, "relation": False,
    }  # fmt: skip
    swapped = replace(
        picture, things=tuple(replace(t, color=c) for t, c in zip(picture.things, ("blue", "red"), strict=True))
    )
    assert not judge_pair(render(picture), swapped)["bound"]


@pytest.mark.parametrize("position", POSITIONS)
def test_checker_reads_positions(position: str) -> None:
    picture = scenes.placed(random.Random(2), "star", "yellow", "black", position)
    (found,) = read(render(picture), tuple(SHAPES)).things
    assert position_of(found.x, found.y) == position


def test_empty_ground_has_no_thing() -> None:
    picture = scenes.single(random.Random(1), "circle", "red", "blue")
    bare = type(picture)("plain", "blue", COLORS["blue"], COLORS["blue"], ())
    assert read(render(bare), tuple(SHAPES)).things == ()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [128, (192, 128), (256, 320)])
def test_a_style_changes_the_picture_at_every_size(style: str, size: int | tuple[int, int]) -> None:
    flat = scenes.single(random.Random(4), "star", "red", "blue")
    plain, styled = render(flat, size), render(replace(flat, style=style), size)
    assert styled.size == plain.size == ((size, size) if isinstance(size, int) else size)
    assert np.abs(np.asarray(plain, int) - np.asarray(styled, int)).mean() > 5


def test_faults_show() -> None:
    flat = scenes.single(random.Random(4), "star", "red", "blue")
    plain = render(flat)
    for fault in FAULTS:
        assert np.abs(np.asarray(plain, int) - np.asarray(render(replace(flat, fault=fault)), int)).mean() > 3
    assert blur(render(replace(flat, fault="blurry"))) > 1.5 * blur(plain)


def test_two_colors_share_the_picture_as_recorded() -> None:
    rng = random.Random(6)
    for backdrop in ("split", "stripes", "gradient", "dots"):
        shares = [share(render(scenes.pattern(rng, backdrop, "red", "blue", part)), "red") for part in (0.25, 0.75)]
        assert shares[0] < 0.45 < 0.55 < shares[1]


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_differ_by_time_of_day(scene: str) -> None:
    brightness = [np.asarray(render(scenes.landscape(random.Random(1), scene, t, ""))).mean() for t in TIMES]
    assert brightness[TIMES.index("night")] == min(brightness)
    assert len(set(brightness)) == len(TIMES)


def test_every_color_centre_is_nearest_to_itself() -> None:
    for name, rgb in COLORS.items():
        assert nearest(to_lab(np.array(rgb))) == name


@pytest.mark.parametrize("mix", [scenes.FIRST, scenes.WIDE, scenes.FULL, scenes.PIXELS])
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
