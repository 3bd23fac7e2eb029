"""Prompt editing: "a [cat:dog:0.5] in [red|blue]" becomes the text of each step, exactly A1111's.

`[from:to:when]`, `[to:when]` and `[from::when]` change the text after step `when`, a number of steps or,
written with a decimal point, a fraction of them. `[a|b]` takes turns, one step each. Start with `schedule`.

A bracket that is none of these, and no plain bracket around such, is text, and so is every bracket it stands in.
A `|` outside of an alternation, or a backslash with nothing behind it, makes the whole prompt plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The text of the steps up to and with `last`, counted from 1."""

    last: int
    text: str


def schedule(text: str, steps: int, *, old: bool = False, first_pass: int | None = None) -> tuple[Scheduled, ...]:
    """The texts of a run of `steps` in order, the last one's `last` being `steps`; neighbours may be equal.

    With `old`, as before A1111 1.6, a `when` below 1 is a fraction and any other a number of steps. In a second pass
    numbers count on from the steps of the `first_pass` and fractions from 1.0; with `old` it is edited as the first.
    """
    if old and first_pass is not None:
        steps, first_pass = first_pass, None
    parsed = _parsed(text)
    if parsed is None:
        return (Scheduled(steps, text),)
    changes = {edit: _boundary(edit.when, steps, old, first_pass) for edit in parsed.edits}
    lasts = {steps, *(last for last in changes.values() if last >= 1)}
    if parsed.alternates:
        lasts.update(range(1, steps + 1))
    # A thousand steps of a long prompt are a thousand texts, but mostly of the same few.
    same: dict[str, str] = {}
    texts = ((last, _text_at(text, parsed.whole, last, changes)) for last in sorted(lasts))
    return tuple(Scheduled(last, same.setdefault(found, found)) for last, found in texts)


@dataclass(frozen=True, slots=True)
class _Part:
    """The stretch of the prompt from `start` to before `end`, and what in it changes with the steps."""

    start: int
    end: int
    nodes: tuple[_Edit | _Alternation, ...]


# Compared as objects: equal edits at different places are different edits.
@dataclass(frozen=True, slots=True, eq=False)
class _Edit:
    start: int
    end: int
    before: _Part | None
    after: _Part
    when: str


@dataclass(frozen=True, slots=True, eq=False)
class _Alternation:
    start: int
    end: int
    options: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Parsed:
    whole: _Part
    edits: tuple[_Edit, ...]
    alternates: bool


@dataclass(slots=True)
class _Frame:
    """A bracket still open: where its sections start, each with the number of nodes found before it."""

    opening: str
    at: int
    starts: list[tuple[int, int]]
    dividers: list[str] = field(default_factory=list)


_TOKEN: Final = re.compile(r"\\.|[\\\[\]():|]|[^\\\[\]():|]+")
_WHEN: Final = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")


def _parsed(text: str) -> _Parsed | None:
    """None for a prompt that is plain text altogether. Linear in the text, and without recursion."""
    nodes: list[_Edit | _Alternation] = []
    edits: list[_Edit] = []
    frames: list[_Frame] = []
    alternates = False
    for match in _TOKEN.finditer(text):
        token, end = match[0], match.end()
        if token == "\\" or (token == "|" and not frames):
            return None
        if token in ("(", "["):
            frames.append(_Frame(token, match.start(), [(end, len(nodes))]))
        elif token in (":", "|") and frames:
            frames[-1].dividers.append(token)
            frames[-1].starts.append((end, len(nodes)))
        elif token in (")", "]") and frames:
            node = _closed(frames[-1], token, end, text, nodes)
            if node is _STRAY:
                # A bracket that is text makes text of those around it.
                if any("|" in frame.dividers for frame in frames):
                    return None
                frames.clear()
                continue
            frame = frames.pop()
            if isinstance(node, _Edit | _Alternation):
                del nodes[frame.starts[0][1] :]
                nodes.append(node)
            if isinstance(node, _Edit):
                edits.append(node)
            alternates = alternates or isinstance(node, _Alternation)
    if any("|" in frame.dividers for frame in frames):
        return None
    return _Parsed(_Part(0, len(text), tuple(nodes)), tuple(edits), alternates)


_STRAY: Final = "stray"
_PLAIN: Final = "plain"


def _closed(
    frame: _Frame, closing: str, end: int, text: str, nodes: list[_Edit | _Alternation]
) -> _Edit | _Alternation | str:
    """What a bracket is now that it closes: something that changes, a plain bracket, or a stray one."""
    dividers = frame.dividers
    if (frame.opening == "[") != (closing == "]"):
        return _STRAY
    if not dividers or (frame.opening == "(" and dividers == [":"]):
        return _PLAIN
    if frame.opening == "(":
        return _STRAY
    ends = [*(start - 1 for start, _ in frame.starts[1:]), end - 1]
    counts = [*(count for _, count in frame.starts[1:]), len(nodes)]
    parts = [
        _Part(start, stop, tuple(nodes[first:last]))
        for (start, first), stop, last in zip(frame.starts, ends, counts, strict=True)
    ]
    if set(dividers) == {"|"}:
        return _Alternation(frame.at, end, tuple(parts))
    when = _WHEN.fullmatch(text, parts[-1].start, parts[-1].end)
    if dividers in ([":"], [":", ":"]) and when:
        return _Edit(frame.at, end, parts[0] if len(parts) == 3 else None, parts[-2], when[1])
    return _STRAY


def _boundary(when: str, steps: int, old: bool, first_pass: int | None) -> int:
    """The last step before the change; below 1 the change comes before the first."""
    value = float(when)
    if value < 1 if old else "." in when:
        value = (value - (first_pass is not None)) * steps
    else:
        value -= first_pass or 0
    return int(max(min(value, steps), 0))


def _text_at(text: str, whole: _Part, step: int, changes: dict[_Edit, int]) -> str:
    found: list[str] = []
    ahead: list[_Part | slice] = [whole]
    while ahead:
        piece = ahead.pop()
        if isinstance(piece, _Part):
            ahead.extend(reversed([*_pieces(piece, step, changes)]))
        else:
            found.append(text[piece])
    return "".join(found)


def _pieces(part: _Part, step: int, changes: dict[_Edit, int]) -> Iterator[_Part | slice]:
    """The text between the nodes of a part, and what stands in their place at a step."""
    at = part.start
    for node in part.nodes:
        yield slice(at, node.start)
        if isinstance(node, _Alternation):
            yield node.options[(step - 1) % len(node.options)]
        elif step > changes[node]:
            yield node.after
        elif node.before is not None:
            yield node.before
        at = node.end
    yield slice(at, part.end)
