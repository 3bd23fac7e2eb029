"""Prompts of different length and steps without the negative prompt, in whole runs and in the infotext."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from modules.boot import assemble
from modules.engine.plan import Made
from modules.engine.request import Txt2Img
from modules.foundation.flags import parse
from modules.studio.context import Studio
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

LONG = "a red circle, " * 30


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("data")
    checkpoints = write_checkpoint(tmp_path_factory.mktemp("checkpoints")).parent
    studio = assemble(parse(["--data-dir", str(folder), "--ckpt-dir", str(checkpoints)]))
    yield studio
    studio.history.close()


def picture(
    studio: Studio, prompt: str, negative_prompt: str = "", watcher: Watcher | None = None, **options: Any
) -> Made:
    request = Txt2Img(
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=5,
        steps=4,
        width=64,
        height=64,
        sampler_name="Euler",
        override_settings=options,
    )
    return made(studio, request, watcher)[0]


@pytest.mark.parametrize(
    ("option", "label"), [("pad_cond_uncond", "Pad conds"), ("pad_cond_uncond_v0", "Pad conds v0")]
)
@pytest.mark.parametrize("texts", [(LONG, "a square"), ("a square", LONG)], ids=["long prompt", "long negative"])
def test_padding_changes_the_picture_and_is_written_down(
    studio: Studio, option: str, label: str, texts: tuple[str, str]
) -> None:
    plain, padded = picture(studio, *texts), picture(studio, *texts, **{option: True})
    assert f", {label}: True," in padded.infotext
    assert "Pad conds" not in plain.infotext
    assert padded.image.tobytes() != plain.image.tobytes()


def test_the_old_padding_has_priority(studio: Studio) -> None:
    both = picture(studio, LONG, "a square", pad_cond_uncond=True, pad_cond_uncond_v0=True)
    old = picture(studio, LONG, "a square", pad_cond_uncond_v0=True)
    assert both.image.tobytes() == old.image.tobytes()
    assert ", Pad conds v0: True," in both.infotext
    assert "Pad conds: True" not in both.infotext


def test_prompts_of_one_length_are_left_alone(studio: Studio) -> None:
    padded = picture(studio, "a square", "a circle", pad_cond_uncond=True)
    assert padded.image.tobytes() == picture(studio, "a square", "a circle").image.tobytes()
    assert "Pad conds" not in padded.infotext


def test_steps_without_the_negative_prompt_are_written_down(studio: Studio) -> None:
    plain, early = picture(studio, "a square", "a circle"), picture(studio, "a square", "a circle", skip_early_cond=0.3)
    assert ", Skip Early CFG: 0.3," in early.infotext
    assert "Skip Early CFG" not in plain.infotext
    assert early.image.tobytes() != plain.image.tobytes()
    always = picture(studio, "a square", "a circle", skip_early_cond=1.0)
    assert always.image.tobytes() == picture(studio, "a square", "something else", skip_early_cond=1.0).image.tobytes()
