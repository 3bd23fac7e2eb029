"""AND: "a cat AND a dog :0.5" is two prompts, each pulling the picture with its weight. Start with `split`.

Liu et al. 2022, composable diffusion (arXiv:2206.01714).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Part:
    """One of the prompts that AND joins."""

    text: str
    weight: float = 1.0


_AND: Final = re.compile(r"\bAND\b")
_WEIGHT: Final = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


def split(text: str) -> tuple[Part, ...]:
    """The prompts in order, at least one. A number behind a colon at a part's end is its weight, even without AND."""
    return tuple(_part(part.rstrip()) for part in _AND.split(text))


def _part(text: str) -> Part:
    before, colon, number = text.rpartition(":")
    number = number.strip()
    if colon and _WEIGHT.fullmatch(number):
        return Part(before.rstrip(), float(number))
    return Part(text)
