"""Reading infotexts from anywhere: as the settings want, with the studio's own styles and names of networks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from modules.engine import recipe

if TYPE_CHECKING:
    from modules.studio.context import Studio

_NAMED: Final = re.compile(r"<(lora|lyco):([^:>]+)")
_PROMPTS: Final = ("Prompt", "Hires prompt")


def read(studio: Studio, text: str) -> dict[str, Any]:
    """Labels and values. A LoRA that has another name here, but the hash that is told, goes by its name here."""
    labels = recipe.read(text, studio.settings.snapshot, studio.styles.all())
    hashes = _hashes(str(labels.get("Lora hashes", "")))
    for label in _PROMPTS:
        if hashes and labels.get(label):
            labels[label] = _NAMED.sub(lambda match: _here(studio, match, hashes), str(labels[label]))
    return labels


def _hashes(told: str) -> dict[str, str]:
    """ "a: 123, b: 456" by name."""
    pairs = (part.partition(":") for part in told.split(","))
    return {name.strip(): digest.strip() for name, _, digest in pairs if digest.strip()}


def _here(studio: Studio, match: re.Match[str], hashes: dict[str, str]) -> str:
    names = studio.catalog.lora_names
    name = match[2]
    digest = hashes.get(re.sub("[:,]", "", name))
    if digest is None or names.is_known(name):
        return match[0]
    file = names.by_hash(digest)
    return match[0] if file is None else f"<{match[1]}:{names.inserted(file, prefer_alias=True)}"
