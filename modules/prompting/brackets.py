"""Brackets of a prompt that have no partner: no error, for they are read as text or to the end, but seldom meant."""

from __future__ import annotations

import re
from typing import Final

_BRACKET: Final = re.compile(r"\\.|[()\[\]]", re.DOTALL)
_PARTNER: Final = {")": "(", "]": "["}


def unbalanced(text: str) -> dict[str, int]:
    """How many of each bracket have no partner; () and [] pair by themselves, as they do for weights."""
    alone = dict.fromkeys("()[]", 0)
    for match in _BRACKET.finditer(text):
        token = match[0]
        opening = _PARTNER.get(token, "")
        if opening and alone[opening]:
            alone[opening] -= 1
        elif token in alone:
            alone[token] += 1
    return {bracket: count for bracket, count in alone.items() if count}
