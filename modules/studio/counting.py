"""What can be said of a prompt while it is being typed: its tokens, where chunks end, what looks wrong.

Start with `counted`. Needs no torch and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modules.engine.request import MAX_PROMPT
from modules.foundation.errors import UserError
from modules.foundation.settings import Snapshot
from modules.prompting import chunks, emphasis
from modules.prompting.brackets import unbalanced
from modules.prompting.comments import without_comments
from modules.prompting.compose import split
from modules.prompting.network_tags import extract
from modules.prompting.options import CounterOptions, PromptOptions, TextCompatibility
from modules.prompting.schedule import schedule
from modules.prompting.styles import Style, applied
from modules.prompting.words import NO_WORDS, Words

if TYPE_CHECKING:
    from modules.families.tokenizer import Tokenizer

TAIL: Final = 5
"""Tokens shown of the text that a chunk ends with; a word that stands for vectors counts as one."""
MOST_STEPS: Final = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens a prompt takes and the room its chunks have: 76 of 150.

    `ends` has the last words of every chunk but the last, `remarks` what looks wrong. `tokens` is None where the
    prompt cannot be read at all.
    """

    tokens: int | None
    limit: int = chunks.CONTENT
    ends: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def counted(
    prompt: str,
    negative_prompt: str,
    styles: Iterable[str],
    steps: float | None,
    settings: Snapshot,
    known: Mapping[str, Style],
    *,
    negative: bool = False,
    words: Words = NO_WORDS,
    remarks: Callable[[str], Iterable[str]] = lambda _text: (),
) -> Count:
    """The most that is encoded at once of a prompt (or of the negative one): of its parts joined with AND, of the
    texts of its edits.

    `styles` are names of those in `known` that are put in. `steps` is what edits are laid over; it may be anything
    that stands in a number box. `words` stand for trained vectors; `remarks` tells what is wrong with its networks.
    """
    text = negative_prompt if negative else prompt
    if len(text) > MAX_PROMPT:
        return Count(
            None, remarks=(f"The prompt has {len(text):,} characters; at most {MAX_PROMPT:,} can be encoded.",)
        )
    found_wrong = [*_brackets(text, settings), *_of_networks(text, settings, remarks)]
    if settings[CounterOptions].include_styles_into_token_counters:
        *merged, missing = applied(prompt, negative_prompt, styles, known)
        text = merged[negative]
        found_wrong += [f"There is no style named '{name}'." for name in missing if not negative]
    try:
        found = max(
            (_chunked(one, settings, words) for one in _texts(text, steps, settings, negative)),
            key=lambda one: (len(one.ends), one.tokens),
        )
    except UserError as error:
        return Count(None, remarks=(str(error), *found_wrong))
    return Count(found.tokens, found.limit, found.ends, tuple(found_wrong))


def _texts(text: str, steps: float | None, settings: Snapshot, negative: bool) -> set[str]:
    """Everything of a prompt that is encoded at one time or another."""
    if settings[PromptOptions].enable_prompt_comments:
        text = without_comments(text)
    parts = [text] if negative else [part.text for part in split(extract(text)[0])]
    evaluations = min(max(int(steps or 1), 1), MOST_STEPS)
    old = settings[TextCompatibility].use_old_scheduling
    return {entry.text for part in parts for entry in schedule(part, evaluations, old=old)}


def _chunked(text: str, settings: Snapshot, words: Words) -> Count:
    from modules.families.tokenizer import clip

    options, tokenizer = settings[PromptOptions], clip()
    spans = emphasis.read(text, options.emphasis)
    backtrack = options.comma_padding_backtrack
    tokens, limit = chunks.count(spans, tokenizer, backtrack, words)
    if limit == chunks.CONTENT and tokens <= chunks.CONTENT:
        return Count(tokens, limit)
    whole = chunks.chunked(spans, tokenizer, backtrack, words)
    return Count(tokens, limit, tuple(_end(chunk, tokenizer) for chunk in whole[:-1]))


def _end(chunk: chunks.Chunk, tokenizer: Tokenizer) -> str:
    """The last words of a chunk; "" of an empty one."""
    content = chunk.tokens[1:-1]
    length = content.index(tokenizer.eos) if tokenizer.eos in content else len(content)
    names = {start: word.name for start, word in chunk.words}
    vectors = {start + i for start, word in chunk.words for i in range(word.vectors)}
    shown = ""
    plain: list[int] = []
    for index in [index for index in range(1, 1 + length) if index in names or index not in vectors][-TAIL:]:
        if index in names:
            shown += f"{tokenizer.decode(plain)}{names[index]} "
            plain = []
        else:
            plain.append(chunk.tokens[index])
    return (shown + tokenizer.decode(plain)).replace(" ,", ",").strip()


def _of_networks(text: str, settings: Snapshot, remarks: Callable[[str], Iterable[str]]) -> Iterable[str]:
    return remarks(without_comments(text) if settings[PromptOptions].enable_prompt_comments else text)


def _brackets(text: str, settings: Snapshot) -> Iterable[str]:
    if settings[PromptOptions].emphasis == "None":
        return
    if settings[PromptOptions].enable_prompt_comments:
        text = without_comments(text)
    if alone := unbalanced(text):
        yield "Brackets without a partner: " + ", ".join(f"{number} × {bracket}" for bracket, number in alone.items())
