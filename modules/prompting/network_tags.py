"""Network tags: "a cat <lora:name:0.8>" becomes the text without them and what they ask for. Start with `extract`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Tag:
    """`<kind:a:b:key=value>`. The first positional argument is by custom a network's name."""

    kind: str
    positional: tuple[str, ...]
    named: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"<{':'.join((self.kind, *self.positional, *(f'{key}={value}' for key, value in self.named.items())))}>"


_TAG: Final = re.compile(r"<(\w+):([^>]+)>")


def extract(text: str) -> tuple[str, tuple[Tag, ...]]:
    """The text without its tags, the spaces around them left, and the tags in order."""
    # Behind the last ">" nothing can match; not looking there keeps many an unclosed "<" from costing its square.
    end = text.rfind(">") + 1
    tags = tuple(_tag(match[1], match[2]) for match in _TAG.finditer(text, 0, end))
    return _TAG.sub("", text[:end]) + text[end:], tags


def _tag(kind: str, arguments: str) -> Tag:
    positional: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments.split(":"):
        if argument.count("=") == 1:
            key, _, value = argument.partition("=")
            named[key] = value
        else:
            positional.append(argument)
    return Tag(kind, tuple(positional), named)
