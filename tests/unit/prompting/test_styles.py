"""Styles go into prompts and come out again as A1111's do."""

from __future__ import annotations

import pytest

from modules.prompting.styles import Style, applied, extracted, merged

STYLES = (
    Style("---- FILE ----", None, None),
    Style("best", "masterpiece", "blurry"),
    Style("frame", "a painting of {prompt}, detailed", ""),
    Style("empty", "", ""),
    Style("negative", "", "worst, {prompt}"),
)
KNOWN = {style.name: style for style in STYLES}


@pytest.mark.parametrize(
    ("style", "prompt", "result"),
    [
        ("masterpiece", "1girl ", "1girl, masterpiece"),
        ("masterpiece, {prompt}, 4k", "1girl", "masterpiece, 1girl, 4k"),
        ("", " 1girl ", "1girl"),
        ("masterpiece", "", "masterpiece"),
        ("{prompt} and {prompt}", "a", "a and a"),
    ],
)
def test_one_style(style: str, prompt: str, result: str) -> None:
    assert merged(style, prompt) == result


def test_styles_are_applied_in_their_order() -> None:
    assert applied("a cat", "", ("best", "frame"), KNOWN)[0] == "a painting of a cat, masterpiece, detailed"
    assert applied("a cat", "", ("frame", "best"), KNOWN)[0] == "a painting of a cat, detailed, masterpiece"


def test_an_unknown_style_strips_the_prompt_and_is_told() -> None:
    assert applied(" a ", " b ", ("nonesuch", "empty"), KNOWN) == ("a", "b", ("nonesuch",))
    assert applied(" a ", " b ", (), KNOWN) == (" a ", " b ", ())


@pytest.mark.parametrize(
    "names", [(), ("best",), ("frame",), ("best", "frame"), ("frame", "best"), ("negative", "best")]
)
def test_what_was_put_in_is_found(names: tuple[str, ...]) -> None:
    prompt, negative, _ = applied("a cat", "dog", names, KNOWN)
    assert extracted(prompt, negative, STYLES) == (names, "a cat", "dog")


def test_both_texts_must_be_there() -> None:
    assert extracted("a, masterpiece", "", STYLES) == ((), "a, masterpiece", "")
    assert extracted("masterpiece", "blurry", STYLES) == (("best",), "", "")


def test_a_frame_that_overlaps_itself_is_none() -> None:
    assert extracted("aba", "", [Style("x", "ab{prompt}ba")]) == ((), "aba", "")
