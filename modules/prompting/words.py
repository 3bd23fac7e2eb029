"""Words that stand for trained vectors (textual inversion), found among the tokens of a text. Torch-free.

A word is found wherever its name's tokens stand, so case does not matter and it may be part of a longer text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PLACEHOLDER: Final = 0
"""The token that holds a vector's place until the text encoder's first layer."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word found: its name, the tokens it stands for, and how many vectors take their place."""

    name: str
    tokens: tuple[int, ...]
    vectors: int


class Words:
    """Words by their first token, the longest first."""

    def __init__(self, named: Iterable[tuple[str, tuple[int, ...]]] = (), measure: Callable[[str], int] = len) -> None:
        """`named` are names with their tokens. `measure` tells the vectors of a name once it stands in a prompt.

        It answers 0 for one that cannot be used, which then is no word.
        """
        self._measure = measure
        self._by_first: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
        for name, tokens in named:
            if tokens:
                self._by_first.setdefault(tokens[0], []).append((name, tokens))
        for found in self._by_first.values():
            found.sort(key=lambda one: len(one[1]), reverse=True)

    def at(self, tokens: Sequence[int], position: int) -> Word | None:
        """The longest word whose tokens begin at `position`."""
        for name, own in self._by_first.get(tokens[position], ()):
            if tuple(tokens[position : position + len(own)]) == own and (vectors := self._measure(name)):
                return Word(name, own, vectors)
        return None

    def unusable(self, tokens: Sequence[int]) -> Iterator[str]:
        """The names that stand in the text but cannot be used."""
        for position, first in enumerate(tokens):
            for name, own in self._by_first.get(first, ()):
                if tuple(tokens[position : position + len(own)]) == own and not self._measure(name):
                    yield name


NO_WORDS: Final = Words()
