"""Styles: pieces of prompt kept under a name, and how they go into a prompt and out of it again.

`applied` puts styles in, `extracted` finds which of them a finished prompt has. Where styles are kept is
told in store.styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PLACE: Final = "{prompt}"
"""In a style's text: where the prompt goes. Without one the style goes behind the prompt."""


@dataclass(frozen=True, slots=True)
class Style:
    """Both texts are None of a divider, which stands in a list to name the file of those behind it."""

    name: str
    prompt: str | None = ""
    negative_prompt: str | None = ""
    path: Path | None = None

    @property
    def is_divider(self) -> bool:
        return self.prompt is None


def merged(style: str, prompt: str) -> str:
    """A prompt with one style's text put in."""
    if PLACE in style:
        return style.replace(PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part)


def applied(
    prompt: str, negative_prompt: str, names: Iterable[str], known: Mapping[str, Style]
) -> tuple[str, str, tuple[str, ...]]:
    """Both prompts with the named styles put in, in their order, and the names nobody knows.

    As in A1111 an unknown style counts as an empty one: the prompt is stripped.
    """
    missing: list[str] = []
    for name in names:
        style = known.get(name)
        if style is None:
            missing.append(name)
        prompt = merged((style and style.prompt) or "", prompt)
        negative_prompt = merged((style and style.negative_prompt) or "", negative_prompt)
    return prompt, negative_prompt, tuple(missing)


def extracted(prompt: str, negative_prompt: str, styles: Sequence[Style]) -> tuple[tuple[str, ...], str, str]:
    """The styles that finished prompts have, in the order they were applied, and the prompts without them.

    A style counts only if both its texts are found. The first that fits in the order of `styles` is taken out,
    each once, until none fits.
    """
    left = [style for style in styles if style.prompt or style.negative_prompt]
    names: list[str] = []
    while found := _first_in(prompt, negative_prompt, left):
        style, prompt, negative_prompt = found
        left.remove(style)
        names.append(style.name)
    return tuple(reversed(names)), prompt, negative_prompt


def _first_in(prompt: str, negative_prompt: str, styles: Iterable[Style]) -> tuple[Style, str, str] | None:
    for style in styles:
        without = _without(style.prompt or "", prompt), _without(style.negative_prompt or "", negative_prompt)
        if without[0] is not None and without[1] is not None:
            return style, without[0], without[1]
    return None


def _without(style: str, prompt: str) -> str | None:
    """The prompt before this style's text was put in; None if that cannot be."""
    before, place, behind = style.strip().partition(PLACE)
    if place:
        fits = len(prompt) >= len(before) + len(behind) and prompt.startswith(before) and prompt.endswith(behind)
        return prompt[len(before) : len(prompt) - len(behind)] if fits else None
    return prompt.removesuffix(before).removesuffix(", ") if prompt.endswith(before) else None
