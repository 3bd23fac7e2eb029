"""Embeddings inside pictures, as A1111 writes them beside its previews: in a text chunk and, again, in the pixels.

The data are JSON whose tensors are `{"TORCHTENSOR": nested lists}`. In the pixels they are compressed and their bytes
cut into two halves of four bits, which stand in the lower bits of a block left and one right of the picture, each set
off by a black column and mixed with a fixed stream of numbers.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from modules.foundation.errors import BadFile

CHUNK: Final = "sd-ti-embedding"
Bytes = NDArray[np.uint8]
_MOST: Final = 64 << 20
"""Bytes of JSON; 75 vectors of SDXL have 4 MB."""


def read(path: Path) -> dict[str, Any] | None:
    """The embedding's dictionary, tensors as nested lists; None for a picture that carries none.

    Raises BadFile for one that cannot be read.
    """
    try:
        with Image.open(path) as image:
            text = getattr(image, "text", {}).get(CHUNK) or image.info.get(CHUNK)
            data = base64.b64decode(text) if text else _hidden(np.asarray(image.convert("RGB")))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise BadFile(f"{path.name} cannot be read as a picture ({error}).") from None
    if data is None:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadFile(f"The embedding inside {path.name} is damaged.")
    return found


def _hidden(pixels: Bytes) -> bytes | None:
    """What the pixels [H, W, 3] carry besides the picture."""
    rows, columns = np.nonzero(np.all(pixels > 0, axis=2))
    if not len(rows):
        return None
    low_bits = np.bitwise_and(pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], np.uint8(0x0F))
    black = np.flatnonzero(low_bits.sum(axis=(0, 2)) == 0)
    if len(black) < 2:
        return None
    low, high = (_unmixed(block) for block in (low_bits[:, : black[0]], low_bits[:, black[-1] + 1 :]))
    if not low.size or low.shape != high.shape:
        return None
    try:
        return zlib.decompressobj().decompress((high << 4 | low).tobytes(), _MOST)
    except zlib.error:
        return None


def _unmixed(block: Bytes) -> Bytes:
    flat = block.reshape(-1)
    return np.bitwise_xor(flat, keystream(flat.size))


def keystream(length: int) -> Bytes:
    """The numbers 0 to 15 that each block is mixed with, from a linear congruential generator that starts at 0."""
    state = np.zeros(length, np.uint64)
    factor, step = np.uint64(1664525), np.uint64(1013904223)
    # s[i] = f(s[i-1]); a run of known states gives the next run of the same length with f applied so often.
    known = 0
    runs_factor, runs_step = factor, step
    if length:
        state[0] = step
        known = 1
    while known < length:
        more = min(known, length - known)
        state[known : known + more] = (state[:more] * runs_factor + runs_step) & np.uint64(0xFFFFFFFF)
        runs_step = (runs_factor * runs_step + runs_step) & np.uint64(0xFFFFFFFF)
        runs_factor = (runs_factor * runs_factor) & np.uint64(0xFFFFFFFF)
        known += more
    return ((state % np.uint64(255)) & np.uint64(0x0F)).astype(np.uint8)
