"""Prompt to token ids, with CLIP's byte-pair table as every Stable Diffusion 1.x model uses it."""

from functools import cache

import torch
from torch import Tensor

from modules.families import tokenizer
from starter.draw.captions import vocabulary

LENGTH = 77
START, END = tokenizer.BOS, tokenizer.EOS
"""Start and end of text; the end token also pads."""


def ids(texts: list[str]) -> Tensor:
    """Token ids [B, 77]: start, words, end, and the end token again to the full length."""
    out = torch.full((len(texts), LENGTH), END)
    for i, text in enumerate(texts):
        row = [START, *tokenizer.clip().encode(text)[: LENGTH - 2]]
        out[i, : len(row)] = torch.tensor(row)
    return out


@cache
def known() -> Tensor:
    """The sorted ids of all tokens the grammar uses; row i of the compact table belongs to known()[i]."""
    used = {START, END}
    for phrase in vocabulary():
        used.update(tokenizer.clip().encode(phrase))
    return torch.tensor(sorted(used))


def compact(full: Tensor) -> Tensor:
    """Full ids as rows of the compact table; any token outside the grammar becomes the one last row."""
    table = known()
    at = torch.searchsorted(table, full.contiguous()).clamp(max=len(table) - 1)
    return torch.where(table[at] == full, at, len(table))
