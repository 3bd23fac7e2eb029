"""The classifier reads what was drawn."""

import random
from dataclasses import replace

import pytest

from starter import reader
from starter.cases import judge_scene, judge_style
from starter.draw import scenes
from starter.draw.canvas import render
from starter.draw.kinds import OBJECTS
from starter.draw.records import SCENES, STYLES, TIMES


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects(kind: str) -> None:
    rng = random.Random(kind)
    pictures = [scenes.single(rng, kind, color, "white") for color in ("red", "green", "purple", "black")]
    assert [reader.read(render(picture)).kind for picture in pictures].count(kind) >= 3


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_and_times_of_day(scene: str) -> None:
    for time in TIMES:
        picture = scenes.landscape(random.Random(scene), scene, time, "")
        assert judge_scene(render(picture), picture) == {"scene": True, "time": True}


@pytest.mark.parametrize("style", STYLES)
def test_styles(style: str) -> None:
    flat = scenes.single(random.Random(1), "heart", "red", "yellow")
    assert judge_style(render(replace(flat, style=style)), replace(flat, style=style))["style"]
    assert not judge_style(render(flat), replace(flat, style=style))["style"]


def test_fresh_pictures() -> None:
    shares = reader.validated(120, seed=5)
    assert min(shares.values()) > 0.93
