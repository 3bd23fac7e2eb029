"""The token counters count what is encoded, under every setting that changes it."""

from __future__ import annotations

from typing import Any

import pytest

from modules.boot import SETTINGS
from modules.families.tokenizer import clip
from modules.foundation.settings import Snapshot
from modules.prompting.styles import Style
from modules.prompting.words import Words
from modules.studio.counting import Count, counted

DEFAULTS = Snapshot({group: group() for group in SETTINGS})
STYLES = {"long": Style("long", "one two three {prompt}", "four")}


def count(prompt: str = "", negative_prompt: str = "", steps: Any = 20, styles: Any = (), **settings: Any) -> Count:
    negative = bool(negative_prompt)
    return counted(prompt, negative_prompt, styles, steps, DEFAULTS.overridden(settings), STYLES, negative=negative)


@pytest.mark.parametrize(
    ("text", "tokens", "limit"),
    [
        ("", 0, 75),
        ("a red circle", 3, 75),
        ("word " * 76, 76, 150),
        ("(a:1.2) [b]", 2, 75),
        ("a b # c d", 2, 75),
        ("a <lora:x:1> b", 2, 75),
        ("a [b c d:e:0.5]", 4, 75),
        ("a AND b c d:0.5", 3, 75),
        ("word " * 60 + ", " + "word " * 30, 105, 150),
    ],
)
def test_tokens(text: str, tokens: int, limit: int) -> None:
    found = count(text)
    assert (found.tokens, found.limit, found.remarks) == (tokens, limit, ())


def test_negative_prompts_know_no_and() -> None:
    assert (count(negative_prompt="a AND b").tokens, count("a AND b").tokens) == (3, 1)


@pytest.mark.parametrize(
    ("text", "changed", "before", "after"),
    [
        ("word " * 60 + ", " + "word " * 30, {"comma_padding_backtrack": 0}, 105, 91),
        ("(a:1.2)", {"emphasis": "None"}, 1, 7),
        ("a BREAK b", {"emphasis": "None"}, 76, 3),
        ("a # b c", {"enable_prompt_comments": False}, 1, 4),
        ("[a:b c d:1.0]", {"use_old_scheduling": True}, 1, 3),
    ],
)
def test_settings_are_obeyed(text: str, changed: dict[str, Any], before: int, after: int) -> None:
    assert (count(text).tokens, count(text, **changed).tokens) == (before, after)


def test_styles_count_too() -> None:
    assert count("a", styles=["long"]).tokens == 4
    assert count(negative_prompt="a", styles=["long"]).tokens == 3  # with the comma between them
    assert count("a", styles=["long"], include_styles_into_token_counters=False).tokens == 1
    assert count("a", styles=["nonesuch"]).remarks == ("There is no style named 'nonesuch'.",)


def test_what_an_edit_never_comes_to_is_not_counted() -> None:
    assert [count("[a:b c:10]", steps=steps).tokens for steps in (10, 20, 1e9, None)] == [1, 2, 2, 1]


def test_where_chunks_end() -> None:
    found = count("word " * 74 + "river, far beyond, the hills")
    assert found.limit == 150 and found.ends == ("word word word word river",)
    found = count("first BREAK BREAK last, (one:1.2), 猫 BREAK end")
    assert found.ends == ("first", "", "one, 猫")


def test_a_word_that_stands_for_vectors_ends_a_chunk() -> None:
    tokenizer = clip()
    words = Words([("my style", tuple(tokenizer.encode("my style")))], lambda name: 8)
    found = counted("dog " * 66 + "my style cat", "", (), 20, DEFAULTS, {}, words=words)
    assert (found.tokens, found.ends) == (75, ())
    found = counted("dog " * 67 + "my style cat", "", (), 20, DEFAULTS, {}, words=words)
    assert (found.tokens, found.ends) == (76, ("dog dog dog dog my style",))


def test_brackets_without_a_partner() -> None:
    assert count("((a) b] # [").remarks == ("Brackets without a partner: 1 × (, 1 × ]",)
    assert count(r"(a) \( [b:c:3]").remarks == ()
    assert count("((", emphasis="None").remarks == ()


def test_what_cannot_be_read() -> None:
    found = count("(a:1..2)")
    assert found.tokens is None and "1..2" in found.remarks[0]
    found = count("x" * 5_000_000)
    assert found.tokens is None and "5,000,000" in found.remarks[0]
