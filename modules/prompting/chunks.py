"""Weighted spans -> chunks of 75 tokens, the most a CLIP text encoder reads at once.

Start with `chunked`. A chunk too small for what follows is closed early at its last comma, so that
what stands between two commas is read together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from modules.prompting.emphasis import BREAK, Span
from modules.prompting.words import NO_WORDS, PLACEHOLDER, Word, Words

CONTENT: Final = 75
"""Tokens of text in a chunk; with the start and the end token it has 77."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer: the ids of a text and of the tokens that frame and split chunks."""

    @property
    def bos(self) -> int: ...
    @property
    def eos(self) -> int: ...
    @property
    def comma(self) -> int: ...
    def encode(self, text: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """77 token ids, start and end included, filled up with the end token, and the weight of each.

    `words` are words that stand for vectors, each with the index in `tokens` of its first vector.
    """

    tokens: tuple[int, ...]
    multipliers: tuple[float, ...]
    words: tuple[tuple[int, Word], ...] = ()


def chunked(
    spans: Iterable[Span], tokenizer: Tokenizer, backtrack: int = 20, words: Words = NO_WORDS
) -> tuple[Chunk, ...]:
    """The chunks of a prompt, at least one.

    `backtrack` is how many tokens, the comma included, may be left behind a chunk's last comma for them to
    move to the next chunk; 0 never moves any.
    """
    closed, last = _contents(spans, tokenizer, backtrack, words)
    # A BREAK at the very end opens no chunk of its own.
    contents = [*closed, last] if last.tokens or not closed else closed
    return tuple(_framed(content, tokenizer) for content in contents)


def count(spans: Iterable[Span], tokenizer: Tokenizer, backtrack: int = 20, words: Words = NO_WORDS) -> tuple[int, int]:
    """Tokens a prompt takes and the room its chunks have: what counters show as "76/150".

    Every closed chunk counts in full.
    """
    closed, last = _contents(spans, tokenizer, backtrack, words)
    used = len(closed) * CONTENT + len(last.tokens)
    return used, math.ceil(max(used, 1) / CONTENT) * CONTENT


@dataclass(slots=True)
class _Content:
    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    comma: int | None = None
    """Index of the last comma."""
    words: list[tuple[int, Word]] = field(default_factory=list)


def _contents(
    spans: Iterable[Span], tokenizer: Tokenizer, backtrack: int, words: Words
) -> tuple[list[_Content], _Content]:
    """The closed chunks and the one still open, at most 75 tokens each."""
    closed: list[_Content] = []
    current = _Content()
    for span in spans:
        if span == BREAK:
            closed.append(current)
            current = _Content()
            continue
        tokens, position = tokenizer.encode(span.text), 0
        while position < len(tokens):
            is_comma = tokens[position] == tokenizer.comma
            if len(current.tokens) == CONTENT:
                closed.append(current)
                current = _Content() if is_comma else _cut_at_comma(current, backtrack)
            if is_comma:
                current.comma = len(current.tokens)
            word = words.at(tokens, position)
            if word is None:
                added = [tokens[position]]
            else:
                added = [PLACEHOLDER] * word.vectors
                if len(current.tokens) + word.vectors > CONTENT:
                    closed.append(current)
                    current = _Content()
                current.words.append((len(current.tokens), word))
            current.tokens += added
            current.weights += [span.weight] * len(added)
            position += len(word.tokens) if word else 1
    return closed, current


def _cut_at_comma(full: _Content, backtrack: int) -> _Content:
    """Takes what stands behind the last comma, if that is near enough, out of a full chunk into a new one.

    As in A1111 a word's vectors stay in the old chunk, where they take the place of padding, and placeholders move.
    """
    if full.comma is None or CONTENT - full.comma > backtrack:
        return _Content()
    after = full.comma + 1
    rest = _Content(full.tokens[after:], full.weights[after:])
    del full.tokens[after:], full.weights[after:]
    return rest


def _framed(content: _Content, tokenizer: Tokenizer) -> Chunk:
    filling = CONTENT + 1 - len(content.tokens)
    tokens = (tokenizer.bos, *content.tokens, *[tokenizer.eos] * filling)
    words = tuple((1 + index, word) for index, word in content.words)
    return Chunk(tokens, (1.0, *content.weights, *[1.0] * filling), words)
