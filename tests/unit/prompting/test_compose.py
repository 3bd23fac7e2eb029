"""AND and weights where the recorded cases of tests/golden end."""

from __future__ import annotations

import pytest

from modules.prompting.compose import Part, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a:.5", (Part("a", 0.5),)),
        ("a: +2. AND b:-0", (Part("a", 2.0), Part(" b", 0.0))),
        (":3", (Part("", 3.0),)),
        ("a:1e2", (Part("a:1e2"),)),
        ("a:", (Part("a:"),)),
        ("a: 1 2", (Part("a: 1 2"),)),
        ("a\n:\n2\n", (Part("a", 2.0),)),
        ("AND AND", (Part(""), Part(""), Part(""))),
        ("_AND b", (Part("_AND b"),)),
        ("a,AND,b", (Part("a,"), Part(",b"))),
    ],
)
def test_parts(text: str, parts: tuple[Part, ...]) -> None:
    assert split(text) == parts
