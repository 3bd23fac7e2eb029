"""Tags cut out of prompts."""

from __future__ import annotations

from typing import Any

import pytest

from modules.prompting.network_tags import Tag, extract

LORA = [
    ("a <lora:x:0.5> b", "a  b", ("x", "0.5"), {}),
    ("<lora:x>", "", ("x",), {}),
    ("<lora:x:0.5:0.7:32>", "", ("x", "0.5", "0.7", "32"), {}),
    ("<lora:x:te=0.5:unet=1:dyn=4>", "", ("x",), {"te": "0.5", "unet": "1", "dyn": "4"}),
    ("<lora:a:b=c=d=e>", "", ("a", "b=c=d=e"), {}),
    ("<lora:a<b:1>", "", ("a<b", "1"), {}),
    ("x<lora:a\nb:1>>", "x>", ("a\nb", "1"), {}),
]


@pytest.mark.parametrize(("text", "left", "positional", "named"), LORA)
def test_a_tag(text: str, left: str, positional: tuple[str, ...], named: dict[str, Any]) -> None:
    assert extract(text) == (left, (Tag("lora", positional, named),))


@pytest.mark.parametrize("text", ["<a b:c>", "<:x>", "<lora:>", "<lora:x:0.5", "a < b > c", ""])
def test_what_is_no_tag(text: str) -> None:
    assert extract(text) == (text, ())


def test_tags_keep_their_order_and_can_be_written_again() -> None:
    left, tags = extract("<hypernet:h:0.4> a <lora:x:te=1> <unknown:1> b >")
    assert left == " a   b >"
    assert [str(tag) for tag in tags] == ["<hypernet:h:0.4>", "<lora:x:te=1>", "<unknown:1>"]


@pytest.mark.timeout(60)  # takes no time; anything quadratic would take many seconds
def test_many_unclosed_tags_are_none() -> None:
    assert extract("<a:" * 33_000)[1] == ()
