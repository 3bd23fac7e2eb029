"""Numbers and text as A1111's clients send them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from modules.foundation.lenient import Int, Text


class Body(BaseModel):
    """One field of each kind."""

    number: Int = 0
    text: Text = ""


@pytest.mark.parametrize(
    ("sent", "taken"),
    [(3, 3), ("3", 3), (3.9, 3), (-3.9, -3), ("3.9", 3), (True, 1), ("18446744073709551615", 2**64 - 1)],
)
def test_whole_numbers(sent: Any, taken: int) -> None:
    assert Body(number=sent).number == taken


@pytest.mark.parametrize("sent", ["", "three", None, [], float("nan"), float("inf"), "inf"])
def test_what_is_no_number(sent: Any) -> None:
    with pytest.raises(ValidationError, match="number"):
        Body(number=sent)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("a", "a"), (5, "5"), (0.5, "0.5"), ("é🔴", "é🔴"), ("\ud83d\udd34", "🔴"), ("a\ud83d", "a\ufffd")],
)
def test_text(sent: Any, taken: str) -> None:
    assert Body(text=sent).text == taken


@pytest.mark.parametrize("sent", [None, [], {}, True])
def test_what_is_no_text(sent: Any) -> None:
    with pytest.raises(ValidationError, match="text"):
        Body(text=sent)
