"""Captions say what is in the record and nothing else."""

import random
from dataclasses import fields

import torch

from starter import tokens
from starter.draw import scenes
from starter.draw.captions import VALUES, Said, caption, plural, said_indices
from starter.draw.holdout import held_out


def test_what_is_said_is_in_the_picture() -> None:
    rng = random.Random(0)
    for _ in range(500):
        picture = scenes.random_picture(rng, scenes.WIDE)
        _, said = caption(picture, rng)
        first = picture.things[0]
        assert (said.color, said.kind) == (first.color, first.kind)
        assert said.background in ("", picture.background)
        assert said.position == picture.position
        assert said.size in ("", picture.size)
        assert said.count == str(1 if picture.relation else len(picture.things))


def test_no_caption_names_a_held_out_combination() -> None:
    rng = random.Random(1)
    for _ in range(1000):
        said = caption(scenes.random_picture(rng, scenes.WIDE), rng)[1]
        if said.background:
            assert not held_out(said.kind, said.color, said.background)
            assert not (said.kind2 and held_out(said.kind2, said.color2, said.background))


def test_attributes_become_class_indices() -> None:
    assert [f.name for f in fields(Said)] == list(VALUES)
    assert said_indices(Said()) == [0] * len(VALUES)


def test_same_seed_same_caption() -> None:
    picture = scenes.random_picture(random.Random(4), scenes.WIDE)
    assert caption(picture, random.Random(9)) == caption(picture, random.Random(9))


def test_plurals() -> None:
    assert [plural(k) for k in ("cross", "fish", "star")] == ["crosses", "fish", "stars"]


def test_every_token_of_the_grammar_is_known() -> None:
    rng = random.Random(2)
    texts = [caption(scenes.random_picture(rng, scenes.WIDE), rng)[0] for _ in range(300)]
    assert int(tokens.compact(tokens.ids(texts)).max()) < len(tokens.known())


def test_ids_have_start_end_and_padding() -> None:
    row = tokens.ids(["a photo of a cat"])[0]
    assert row.tolist() == [tokens.START, 320, 1125, 539, 320, 2368] + [tokens.END] * 71


def test_tokens_outside_the_grammar_share_the_last_row() -> None:
    rows = tokens.compact(tokens.ids(["xylophone"]))[0]
    assert torch.equal(rows[1:2], torch.tensor([len(tokens.known())]))
