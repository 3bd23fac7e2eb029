"""Prompt to token ids, with CLIP's byte-pair table as every Stable Diffusion 1.x model uses it."""

from functools import cache

import torch
from torch import Tensor

from modules.families import tokenizer
from modules.prompting import emphasis
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


def weighed(texts: list[str]) -> tuple[Tensor, Tensor]:
    """Token ids [B, 77] of prompts with emphasis such as "(red:1.4) and blue", and every token's weight [B, 77]."""
    out, weights = torch.full((len(texts), LENGTH), END), torch.ones(len(texts), LENGTH)
    for i, text in enumerate(texts):
        row, at = [START], [1.0]
        for span in emphasis.parse(text):
            words = tokenizer.clip().encode(span.text)
            row += words
            at += [span.weight] * len(words)
        row, at = row[: LENGTH - 1], at[: LENGTH - 1]
        out[i, : len(row)], weights[i, : len(at)] = torch.tensor(row), torch.tensor(at)
    return out, weights


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
