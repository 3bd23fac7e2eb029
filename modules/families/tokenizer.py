"""CLIP's byte-pair tokenizer, for the text encoders of all Stable Diffusion families. Torch-free.

Start with `of`. `clip()` is OpenAI's, `open_clip()` the one of models trained with OpenCLIP: they have the
same 49408 tokens and clean texts a little differently. The table ships with the code, nothing is fetched.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import ftfy
import tokenizers
from tokenizers import Regex, pre_tokenizers
from tokenizers.models import BPE

BOS: Final = 49406
EOS: Final = 49407
COMMA: Final = 267

_TABLE = Path(__file__).with_name("clip_merges.txt.gz")
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
# Bytes with a printable Latin-1 character are written as that, the others in order from U+0100 (Radford et al. 2019).
_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = sorted(set(range(256)) - set(_PRINTABLE))
_BYTES = {chr(byte): bytes([byte]) for byte in _PRINTABLE} | {
    chr(0x100 + i): bytes([byte]) for i, byte in enumerate(_OTHERS)
}


def of(family: str) -> Tokenizer:
    """The tokenizer of a family by its name."""
    return open_clip() if family == "sd2" else clip()


class Tokenizer:
    """Text to token ids, without start and end."""

    bos = BOS
    eos = EOS
    comma = COMMA

    def __init__(self, *, specials: tuple[str, str], unescape: bool) -> None:
        """`specials` are the texts that mean start and end; `unescape` reads "&amp;" even beside a "<"."""
        self._unescape = unescape
        merges = gzip.decompress(_TABLE.read_bytes()).decode().splitlines()
        letters = [chr(byte) for byte in _PRINTABLE] + [chr(0x100 + i) for i in range(256 - len(_PRINTABLE))]
        words = [*letters, *(letter + "</w>" for letter in letters), *(merge.replace(" ", "", 1) for merge in merges)]
        pairs = [(first, second) for first, _, second in (merge.partition(" ") for merge in merges)]
        vocabulary = {word: i for i, word in enumerate([*words, *specials])}
        self._pairs = tokenizers.Tokenizer(BPE(vocab=vocabulary, merges=pairs, end_of_word_suffix="</w>"))
        self._pairs.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        self._pairs.add_special_tokens(list(specials))

    def encode(self, text: str) -> list[int]:
        """Token ids of any text; equal up to case, white space and what ftfy mends, such as curly quotes."""
        if not text or text.isspace():
            return []
        text = ftfy.fix_text(text)
        if self._unescape:
            text = html.unescape(html.unescape(text))
        return self._pairs.encode(text.lower(), add_special_tokens=False).ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids, for people: a space behind every word, bytes that are no character left out."""
        text = "".join(self._pairs.id_to_token(token) or "" for token in tokens).replace("</w>", " ")
        return b"".join(_BYTES.get(letter, letter.encode()) for letter in text).decode("utf-8", "ignore")


@cache
def clip() -> Tokenizer:
    """OpenAI's CLIP: SD 1.x, and the first encoder of SDXL."""
    return Tokenizer(specials=("<|startoftext|>", "<|endoftext|>"), unescape=False)


@cache
def open_clip() -> Tokenizer:
    """OpenCLIP: SD 2.x, and the second encoder of SDXL."""
    return Tokenizer(specials=("<start_of_text>", "<end_of_text>"), unescape=True)
