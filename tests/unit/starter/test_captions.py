"""Captions say what is in the record and nothing else."""

import random
from dataclasses import fields

import torch

from modules.prompting.emphasis import parse
from starter import tokens
from starter.draw import scenes
from starter.draw.captions import VALUES, Said, caption, plural, said_indices, with_emphasis
from starter.draw.holdout import held_out


def test_what_is_said_is_in_the_picture() -> None:
    rng = random.Random(0)
    for _ in range(1500):
        picture = scenes.random_picture(rng, scenes.FULL)
        _, said = caption(picture, rng)
        assert said.scene == picture.scene
        assert (said.style, said.fault) == (picture.style, picture.fault)
        assert said.time in ("", picture.time)
        assert said.weather in ("", picture.weather)
        assert said.position == picture.position
        assert said.size in ("", picture.size)
        assert said.background in ("", "" if picture.scene else picture.background)
        assert said.pattern in ("", picture.backdrop)
        if picture.things:
            first = picture.things[0]
            assert said.kind == first.kind
            assert said.color in ("", first.color)
            assert said.count == str(1 if picture.relation else len(picture.things))
        else:
            assert not said.kind


def test_night_and_sunset_are_always_said() -> None:
    rng = random.Random(3)
    for _ in range(300):
        picture = scenes.landscape(rng, "sea", rng.choice(("night", "sunset")), "")
        assert caption(picture, rng)[1].time == picture.time


def test_emphasis_follows_the_share_of_the_first_color() -> None:
    rng = random.Random(1)
    for share, weight in ((0.2, 0.6), (0.4, 0.87), (0.8, 1.4)):
        picture = scenes.pattern(rng, "split", "red", "blue", share)
        texts = {with_emphasis("red and blue", picture, rng) for _ in range(20)}
        (marked,) = texts - {"red and blue"}
        assert parse(marked)[0].text == "red"
        assert abs(parse(marked)[0].weight - weight) < 0.02


def test_no_caption_names_a_held_out_combination() -> None:
    rng = random.Random(1)
    for _ in range(1000):
        said = caption(scenes.random_picture(rng, scenes.FULL), rng)[1]
        if said.color and (ground := said.background or said.scene):
            assert not held_out(said.kind, said.color, ground)
            assert not (said.kind2 and held_out(said.kind2, said.color2, ground))


def test_attributes_become_class_indices() -> None:
    assert [f.name for f in fields(Said)] == list(VALUES)
    assert said_indices(Said()) == [0] * len(VALUES)


def test_same_seed_same_caption() -> None:
    picture = scenes.random_picture(random.Random(4), scenes.WIDE)
    assert caption(picture, random.Random(9)) == caption(picture, random.Random(9))


def test_plurals() -> None:
    plurals = ["crosses", "fish", "stars", "cups of tea"]
    assert [plural(k) for k in ("cross", "fish", "star", "cup of tea")] == plurals


def test_every_token_of_the_grammar_is_known() -> None:
    rng = random.Random(2)
    texts = [caption(scenes.random_picture(rng, scenes.FULL), rng)[0] for _ in range(2000)]
    assert int(tokens.compact(tokens.ids(texts)).max()) < len(tokens.known())


def test_ids_have_start_end_and_padding() -> None:
    row = tokens.ids(["a photo of a cat"])[0]
    assert row.tolist() == [tokens.START, 320, 1125, 539, 320, 2368] + [tokens.END] * 71


def test_tokens_outside_the_grammar_share_the_last_row() -> None:
    rows = tokens.compact(tokens.ids(["xylophone"]))[0]
    assert torch.equal(rows[1:2], torch.tensor([len(tokens.known())]))


def test_weighed_tokens_are_the_plain_ones_with_weights() -> None:
    ids, weights = tokens.weighed(["a (red:1.5) star", "a red star"])
    assert torch.equal(ids[0], ids[1])
    assert weights[0, 1:4].tolist() == [1.0, 1.5, 1.0]
    assert weights[1].eq(1).all()
