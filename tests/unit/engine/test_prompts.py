"""The prompt language in whole runs: what is made, what the infotext says, and that no text breaks a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from modules.boot import assemble
from modules.engine.plan import Made, counted
from modules.engine.request import Txt2Img
from modules.foundation.flags import parse
from modules.sampling.catalog import resolve
from modules.studio.context import Studio
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

CAT, DOG = "a cat", "three dogs, blue"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("data")
    checkpoints = write_checkpoint(tmp_path_factory.mktemp("checkpoints")).parent
    studio = assemble(parse(["--data-dir", str(folder), "--ckpt-dir", str(checkpoints)]))
    yield studio
    studio.history.close()


def picture(studio: Studio, prompt: str, watcher: Watcher | None = None, **fields: Any) -> Made:
    values: dict[str, Any] = {
        "prompt": prompt,
        "seed": 5,
        "steps": 4,
        "width": 64,
        "height": 64,
        "sampler_name": "Euler",
    }
    return made(studio, Txt2Img.model_validate(values | fields), watcher)[0]


def difference(one: Made, other: Made) -> int:
    return int(np.abs(np.asarray(one.image, int) - np.asarray(other.image, int)).max())


def test_an_edit_is_its_texts_at_the_ends(studio: Studio) -> None:
    cat, dog = picture(studio, CAT), picture(studio, DOG)
    assert difference(cat, dog) > 1
    assert difference(picture(studio, f"[{CAT}:{DOG}:4]"), cat) == 0
    assert difference(picture(studio, f"[{CAT}:{DOG}:0]"), dog) == 0
    half = picture(studio, f"[{CAT}:{DOG}:2]")
    assert difference(half, cat) > 0
    assert difference(half, dog) > 0
    assert difference(half, picture(studio, f"[{CAT}:{DOG}:0.5]")) == 0


def test_negative_prompts_are_edited_too(studio: Studio) -> None:
    plain, other = (picture(studio, "", negative_prompt=text) for text in (CAT, DOG))
    assert difference(picture(studio, "", negative_prompt=f"[{CAT}:{DOG}:4]"), plain) == 0
    assert difference(picture(studio, "", negative_prompt=f"[{CAT}:{DOG}:0]"), other) == 0


def test_samplers_that_evaluate_twice_a_step_count_twice() -> None:
    assert counted(resolve("DPM++ SDE")[0], Txt2Img(steps=7)) == 14
    assert counted(resolve("Euler")[0], Txt2Img(steps=7)) == 7


def test_a_prompt_joined_with_weight_nought_changes_nothing(studio: Studio) -> None:
    assert difference(picture(studio, f"{CAT} AND {DOG} :0"), picture(studio, CAT)) <= 1
    assert difference(picture(studio, f"{CAT} AND {DOG}"), picture(studio, CAT)) > 1


def test_images_of_a_batch_have_the_prompts_of_their_own(studio: Studio) -> None:
    fields: dict[str, Any] = {"prompt": f"{CAT} AND {DOG} :0.5", "seed": 5, "steps": 2, "width": 64, "height": 64}
    batch = made(studio, Txt2Img.model_validate(fields | {"batch_size": 2}))
    alone = [made(studio, Txt2Img.model_validate(fields | {"seed": seed}))[0] for seed in (5, 6)]
    assert [difference(one, other) <= 1 for one, other in zip(batch, alone, strict=True)] == [True, True]


def test_comments_are_left_out_everywhere(studio: Studio) -> None:
    found = picture(studio, f"{CAT}# not a dog", negative_prompt="# nothing")
    assert difference(found, picture(studio, CAT)) == 0
    assert "not a dog" not in found.infotext
    kept = picture(studio, f"{CAT}# not a dog", override_settings={"enable_prompt_comments": False})
    assert kept.infotext.startswith(f"{CAT}# not a dog\n")
    assert difference(kept, found) > 0


def test_tags_of_networks_that_are_not_there_stay_in_the_infotext_and_are_told_of(studio: Studio) -> None:
    watcher = Watcher()
    found = picture(studio, f"{CAT}<lora:x:0.5>", watcher, negative_prompt="")
    assert found.infotext.startswith(f"{CAT}<lora:x:0.5>\n")
    assert difference(found, picture(studio, CAT)) == 0
    assert watcher.comments == ["Lora not found: x"]


def test_the_infotext_has_the_prompts_as_typed(studio: Studio) -> None:
    prompt, negative = f"[{CAT}|{DOG}:0.5] AND [a:b:2] :0.5", "[a::2] AND"
    assert picture(studio, prompt, negative_prompt=negative).infotext.startswith(
        f"{prompt}\nNegative prompt: {negative}\nSteps: 4,"
    )


@pytest.mark.parametrize(
    ("prompt", "told"), [("[a:b:1.0]", True), ("[a:b:2]", False), ("a", False), ("[<lora:x:1>a:b:1.0]", True)]
)
def test_old_timelines_are_told_of_where_they_matter(studio: Studio, prompt: str, told: bool) -> None:
    found = picture(studio, prompt, override_settings={"use_old_scheduling": True})
    assert ("Old prompt editing timelines: True" in found.infotext) == told
    assert "Old prompt" not in picture(studio, prompt).infotext


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[a:b:",
        "|",
        "\\",
        "((([[[:::",
        "AND AND",
        ":3",
        "a:-1",
        "[a|",
        "<lora:x",
        "<x:>",
        "#",
        "[a:b:1e999]",
        "[|]",
    ],
)
def test_no_text_breaks_a_run(studio: Studio, text: str) -> None:
    assert picture(studio, text, negative_prompt=text, steps=1).image.size == (64, 64)
