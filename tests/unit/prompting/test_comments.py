"""What a `#` hides."""

from __future__ import annotations

import pytest

from modules.prompting.comments import without_comments


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a # b", "a \n"),
        ("a\n# whole line\nb", "a\nb"),
        ("# x\nb", "\nb"),
        ("a, b#c\nd", "a, b\nd"),
        ("a\n#x", "a\n"),
        ("##", "\n"),
        ("a \\# b", "a \\\n"),
        ("a\n\n# c\n\nb", "a\n\n\nb"),
        ("a # b # c\nd", "a \nd"),
        ("a # b\n# c\nd", "a \nd"),
        ("a\n# b\n# c\nd", "a\n\nd"),
        ("a\nb", "a\nb"),
        ("", ""),
    ],
)
def test_comments(text: str, left: str) -> None:
    assert without_comments(text) == left
