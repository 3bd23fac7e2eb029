r"""Emphasis: "a (cat:1.2) [dog]" becomes spans of text with weights, exactly A1111's.

`(text)` multiplies the weight by 1.1, `[text]` divides by it, `(text:1.3)` multiplies by the number;
nesting multiplies. `\(` and its like are the characters themselves. Upper-case BREAK ends a chunk.
Start with `parse`; `read` knows the emphasis modes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Final

from modules.foundation.errors import UserError

ROUND: Final = 1.1
SQUARE: Final = 1 / 1.1


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of prompt whose tokens all weigh the same."""

    text: str
    weight: float = 1.0


BREAK: Final = Span("BREAK", -1.0)
"""Not text: the chunk ends here. A BREAK inside brackets has another weight and is a mere word, as in A1111."""

_TOKEN: Final = re.compile(r"\\[()\[\]\\]|[\\()\[\]]|:\s*([+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|:")
_BREAK: Final = re.compile(r"\bBREAK\b")
_EXACT: Final = 2_000_000
"""Multiplications, a tenth of a second's. Brackets nested by the ten thousand need the square of that."""

_LARGEST: Final = math.log(1e300)


@dataclass(frozen=True, slots=True)
class _Range:
    """A closed bracket: the pieces from `start` to before `end` are multiplied by `weight`."""

    start: int
    end: int
    weight: float


def parse(text: str) -> tuple[Span, ...]:
    """The spans of a prompt in order; neighbours of equal weight are one. Never empty.

    Unclosed brackets act to the end of the text, unmatched closing ones are text.
    Raises UserError for a weight that is no number, such as (a:1..5).
    """
    pieces: list[Span] = []
    ranges: list[_Range] = []
    open_round: list[int] = []
    open_square: list[int] = []

    def close(opened: list[int], weight: float) -> None:
        ranges.append(_Range(opened.pop(), len(pieces), weight))

    for match in _TOKEN.finditer(text):
        token, weight = match[0], match[1]
        if token == "(":
            open_round.append(len(pieces))
        elif token == "[":
            open_square.append(len(pieces))
        elif weight is not None and open_round:
            close(open_round, _number(weight))
        elif token == ")" and open_round:
            close(open_round, ROUND)
        elif token == "]" and open_square:
            close(open_square, SQUARE)
        elif token[0] == "\\":
            pieces.append(Span(token[1:]))
        else:
            pieces.extend(_around_breaks(token))
    # The unclosed act from the outermost inwards, closed ones from the innermost outwards: as in A1111, so that
    # products have the same last digit and equal weights are found equal.
    ranges.extend(_Range(start, len(pieces), ROUND) for start in open_round)
    ranges.extend(_Range(start, len(pieces), SQUARE) for start in open_square)
    weights = _weights([piece.weight for piece in pieces], ranges)
    return _merged([piece.text for piece in pieces], weights) or (Span(""),)


def read(text: str, mode: str = "Original") -> tuple[Span, ...]:
    """The spans of a prompt in an emphasis mode: "None" takes brackets, backslashes and BREAK literally."""
    return (Span(text),) if mode == "None" else parse(text)


def is_used(text: str) -> bool:
    """Whether some part of the text weighs more or less than the rest."""
    try:
        return any(span.weight != 1 and span.text != BREAK.text for span in parse(text))
    except UserError:
        return True


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"The prompt weight '{text}' is not a number; write one such as (text:1.2).") from None


def _around_breaks(text: str) -> Iterator[Span]:
    """The text between BREAKs, white space around them removed, and the BREAKs."""
    parts = _BREAK.split(text)
    for i, part in enumerate(parts):
        if i > 0:
            yield BREAK
            part = part.lstrip()
        yield Span(part.rstrip() if i < len(parts) - 1 else part)


def _weights(weights: list[float], ranges: Sequence[_Range]) -> list[float]:
    """Each piece's weight times those of the ranges it lies in, multiplied in their order."""
    if sum(r.end - r.start for r in ranges) > _EXACT:
        return _weights_by_sums(weights, ranges)
    for r in ranges:
        for i in range(r.start, r.end):
            weights[i] *= r.weight
    return weights


def _weights_by_sums(weights: list[float], ranges: Sequence[_Range]) -> list[float]:
    """The same in linear time, by sums of logarithms; the last digits differ."""
    logs, signs, zeros = ([0.0] * (len(weights) + 1) for _ in range(3))
    for r in ranges:
        log = math.log(abs(r.weight)) if r.weight else 0.0
        for changes, value in ((logs, log), (signs, float(r.weight < 0)), (zeros, float(r.weight == 0))):
            changes[r.start] += value
            changes[r.end] -= value
    sums = zip(weights, accumulate(logs), accumulate(signs), accumulate(zeros), strict=False)
    return [
        0.0 if zero else weight * (-1) ** int(sign) * math.exp(min(log, _LARGEST)) for weight, log, sign, zero in sums
    ]


def _merged(texts: Sequence[str], weights: Sequence[float]) -> tuple[Span, ...]:
    numbered = zip(weights, texts, strict=True)
    return tuple(Span("".join(text for _, text in run), weight) for weight, run in groupby(numbered, lambda it: it[0]))
