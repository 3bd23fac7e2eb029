"""Combinations that no training picture or caption ever shows, so that following a new prompt can be measured."""

import hashlib

PAIRS = frozenset(
    {
        ("star", "purple"), ("heart", "green"), ("circle", "pink"), ("square", "orange"), ("triangle", "cyan"),
        ("ring", "brown"), ("cross", "yellow"), ("diamond", "gray"), ("car", "green"), ("fish", "purple"),
        ("house", "blue"), ("flower", "black"), ("balloon", "brown"), ("cat", "blue"), ("tree", "pink"),
        ("boat", "yellow"),
    }
)  # fmt: skip
"""(kind, colour) pairs held out on every background."""


def held_out(kind: str, color: str, background: str) -> bool:
    """Whether this combination is kept from training: a listed pair, or in the hashed tenth of all triples."""
    if (kind, color) in PAIRS:
        return True
    digest = hashlib.sha256(f"atelier/{kind}/{color}/{background}".encode()).digest()
    return digest[0] < 26
