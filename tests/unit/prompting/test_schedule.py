"""Prompt editing beyond the recorded cases of tests/golden: odd text, size, and that no text fails."""

from __future__ import annotations

import random

import pytest

from modules.prompting.schedule import schedule


def texts(prompt: str, steps: int = 10) -> list[tuple[int, str]]:
    return [(entry.last, entry.text) for entry in schedule(prompt, steps)]


@pytest.mark.parametrize(
    "prompt",
    [
        "[a:b:5",  # never closed
        "[a:(b:5]",  # closed crosswise
        "[a)b:c:5]",
        "[(a:b:c):d:5]",  # a round bracket with two colons is text, and so is what it stands in
        "[[a:b]:c:5]",  # a bracket that is no edit
        "[a|b:c:5]",
        "x | [a:b:5]",
        "[a:b:5] \\",
        "[a:b:5] \\\n c",
        "[a:b:٣]",  # digits, but not those a number is written with
        "[a:b:5\\]",
    ],
)
def test_text_that_stays_as_it_is(prompt: str) -> None:
    assert texts(prompt) == [(10, prompt)]


def test_a_stray_bracket_leaves_the_edits_around_it() -> None:
    assert texts("[x (a [b:c:5]] ) [d:e:7") == [(5, "[x (a b] ) [d:e:7"), (10, "[x (a c] ) [d:e:7")]
    assert texts(":] [a:b:5])[c:5]") == [(5, ":] a)"), (10, ":] b)c")]


def test_equal_edits_are_apart() -> None:
    assert texts("[a:b:5][a:b:5][a:b:7]") == [(5, "aaa"), (7, "bba"), (10, "bbb")]


def test_alternation_within_an_edit_that_is_over_still_counts_every_step() -> None:
    assert [last for last, _ in texts("[[a|b]:c:2]")] == list(range(1, 11))


@pytest.mark.parametrize("when", ["1e999", "9" * 400, "1.e999", "+1e5"])
def test_numbers_out_of_reason_are_the_last_step(when: str) -> None:
    assert texts(f"[a:b:{when}]") == [(10, "a")]
    assert texts(f"[a:b:-{when.removeprefix('+')}]") == [(10, "b")]


def test_no_text_fails() -> None:
    pieces = ["[", "]", "(", ")", ":", "|", "\\", "a", " ", "3", "0.5", "-", "\n", "🔴"]
    draw = random.Random(0)
    for _ in range(3000):
        prompt = "".join(draw.choices(pieces, k=draw.randrange(25)))
        found = texts(prompt, 4)
        lasts = [last for last, _ in found]
        assert lasts == sorted(set(lasts)) and lasts[-1] == 4, prompt
        assert all(len(text) <= len(prompt) for _, text in found)


@pytest.mark.parametrize(
    "prompt",
    [
        "[" * 50_000,
        "[" * 20_000 + "a" + ":1]" * 20_000,
        "[a|" * 20_000 + "]" * 20_000,
        "(" * 30_000 + "[a:b:5]" + ")" * 30_000,
        "[a:b:5]" * 14_000,
        "[a" * 30_000 + "]:" * 20_000,
    ],
    ids=lambda prompt: prompt[:12],
)
@pytest.mark.timeout(60)  # takes a third of a second; anything quadratic would take hours
def test_long_and_deep_text_is_read(prompt: str) -> None:
    assert schedule(prompt, 10)[-1].last == 10


# A1111's own answers.
SECOND_PASS = [
    (10, "a [b:.5] c", [(10, "a b c")]),
    (10, "a [b:1.5] c", [(5, "a  c"), (10, "a b c")]),
    (10, "[a:b:5]", [(10, "b")]),
    (10, "[a:b:10]", [(10, "b")]),
    (10, "[a:b:15]", [(5, "a"), (10, "b")]),
    (10, "[a:b:20]", [(10, "a")]),
    (10, "[a:b:0.5]", [(10, "b")]),
    (10, "[a:b:1.0]", [(10, "b")]),
    (10, "[a:b:1.25]", [(2, "a"), (10, "b")]),
    (10, "[a:b:2.0]", [(10, "a")]),
    (20, "[a:b:5]", [(10, "b")]),
    (20, "[a:b:25]", [(5, "a"), (10, "b")]),
    (20, "[a:b:0.5]", [(10, "b")]),
    (20, "[a:b:1.5]", [(5, "a"), (10, "b")]),
]


@pytest.mark.parametrize(("first", "prompt", "expected"), SECOND_PASS)
def test_a_second_pass_counts_on_from_the_first(first: int, prompt: str, expected: list[tuple[int, str]]) -> None:
    assert [(entry.last, entry.text) for entry in schedule(prompt, 10, first_pass=first)] == expected


def test_the_old_timeline_edits_a_second_pass_as_the_first() -> None:
    for prompt in ("[a:b:0.5]", "[a:b:1.5]", "[a:b:15]"):
        assert schedule(prompt, 10, old=True, first_pass=20) == schedule(prompt, 20, old=True)
