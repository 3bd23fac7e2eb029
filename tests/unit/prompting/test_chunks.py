"""Chunks of 75 tokens. The tokenizer here makes one token of each word and each comma."""

from __future__ import annotations

import pytest

from modules.prompting.chunks import CONTENT, chunked, count
from modules.prompting.emphasis import parse


class Words:
    bos, eos, comma = 1, 2, 3

    def encode(self, text: str) -> list[int]:
        return [self.comma if word == "," else 10 + int(word[1:] or 0) for word in text.replace(",", " , ").split()]


WORDS = Words()


def numbered(n: int, first: int = 0) -> str:
    return " ".join(f"w{first + i}" for i in range(n))


def lengths(text: str, backtrack: int = 20) -> list[int]:
    return [chunk.tokens.index(WORDS.eos) - 1 for chunk in chunked(parse(text), WORDS, backtrack)]


@pytest.mark.parametrize(
    ("text", "expected", "used", "room"),
    [
        ("", [0], 0, 75),
        ("   ", [0], 0, 75),
        (numbered(75), [75], 75, 75),
        (numbered(76), [75, 1], 76, 150),
        (f"{numbered(60)}, {numbered(30)}", [61, 30], 105, 150),
        (f"{numbered(55)}, {numbered(30)}", [56, 30], 105, 150),
        (f"{numbered(54)}, {numbered(30)}", [75, 10], 85, 150),
        (f"{numbered(74)}, {numbered(10)}", [75, 10], 85, 150),
        (f"{numbered(75)}, {numbered(10)}", [75, 11], 86, 150),
        (f"{numbered(10)} BREAK {numbered(10)}", [10, 10], 85, 150),
        ("BREAK w", [0, 1], 76, 150),
        ("w BREAK", [1], 75, 75),
        ("w BREAK BREAK w", [1, 0, 1], 151, 225),
        (f"{numbered(75)} BREAK {numbered(5)}", [75, 5], 80, 150),
    ],
)
def test_lengths_and_counter(text: str, expected: list[int], used: int, room: int) -> None:
    assert lengths(text) == expected
    assert count(parse(text), WORDS) == (used, room)


def test_without_backtracking_commas_mean_nothing() -> None:
    assert lengths(f"{numbered(60)}, {numbered(30)}", backtrack=0) == [75, 16]


def test_what_moves_keeps_its_order_and_weight() -> None:
    first, second = chunked(parse(f"{numbered(70)}, (w100 w101:1.5) {numbered(30, 200)}"), WORDS)
    assert first.tokens[70:73] == (10 + 69, WORDS.comma, WORDS.eos)
    assert second.tokens[:4] == (WORDS.bos, 10 + 100, 10 + 101, 10 + 200)
    assert second.multipliers[:4] == (1.0, 1.5, 1.5, 1.0)


def test_every_chunk_is_framed_and_filled() -> None:
    for chunk in chunked(parse(f"{numbered(100)} BREAK (a:0.3)".replace("a", "w7")), WORDS):
        assert len(chunk.tokens) == len(chunk.multipliers) == CONTENT + 2
        assert chunk.tokens[0] == WORDS.bos
        assert set(chunk.tokens[chunk.tokens.index(WORDS.eos) :]) == {WORDS.eos}
        assert (chunk.multipliers[0], chunk.multipliers[-1]) == (1.0, 1.0)


def test_a_break_with_a_weight_is_a_word() -> None:
    class Letters(Words):
        def encode(self, text: str) -> list[int]:
            return [ord(letter) + 10 for letter in text if not letter.isspace()]

    (chunk,) = chunked(parse("(a BREAK b)"), Letters())
    assert bytes(token - 10 for token in chunk.tokens[1:8]) == b"aBREAKb"
    assert chunk.multipliers[1:8] == (1.1, *[-1.1] * 5, 1.1)


def test_a_book() -> None:
    chunks = chunked(parse(", ".join([numbered(9)] * 2_000)), WORDS)
    assert sum(chunk.tokens.index(WORDS.eos) - 1 for chunk in chunks) == 2_000 * 10 - 1
    assert all(chunk.tokens[1] != WORDS.comma for chunk in chunks)
