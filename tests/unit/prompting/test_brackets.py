"""Brackets without a partner."""

from __future__ import annotations

import pytest

from modules.prompting.brackets import unbalanced


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("a (b:1.2) [c:d:3] ((e))", {}),
        ("((a)", {"(": 1}),
        ("a))(", {"(": 1, ")": 2}),
        ("[[a", {"[": 2}),
        ("a]", {"]": 1}),
        ("([)]", {}),
        (r"\(a \[ b\\(c)", {}),
        ("a \\", {}),
        ("", {}),
    ],
)
def test_unbalanced(text: str, alone: dict[str, int]) -> None:
    assert unbalanced(text) == alone
