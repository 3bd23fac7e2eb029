"""Streams of normal noise, one per image: torch's generators and a software copy of CUDA's.

Start with `stream`. A stream gives float32 tensors; equal seeds give equal streams whatever else is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Shape = tuple[int, ...]
Source = Literal["CPU", "GPU", "NV"]
Stream = Callable[[Shape], Tensor]
"""The next noise of a shape, on the CPU except for GPU streams."""

SEEDS = 2**64


def stream(source: Source, seed: int, device: torch.device) -> Stream:
    """A new stream. GPU draws on `device`; CPU and NV are the same on every machine.

    Seeds beyond 64 bits wrap around.
    """
    seed %= SEEDS
    if source == "NV":
        return _Philox(seed)
    # Apple's generator has no per-generator state worth the name; A1111 draws on the CPU there too.
    here = torch.device("cpu") if source == "CPU" or device.type == "mps" else device
    generator = torch.Generator(here).manual_seed(seed)
    return lambda shape: torch.randn(shape, generator=generator, device=here)


class _Philox:
    """What torch draws on an NVIDIA device: Philox4x32-10, then Box-Muller.

    Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". Element j of call n has the counter
    (n, 0, j, 0) and the seed as key; of the four words the first two become one number.
    """

    def __init__(self, seed: int) -> None:
        self._key = (seed & 0xFFFFFFFF, seed >> 32)
        self._calls = 0

    def __call__(self, shape: Shape) -> Tensor:
        words = _philox(self._calls, int(np.prod(shape)), self._key)
        self._calls += 1
        return torch.from_numpy(_box_muller(*words).reshape(shape))


def _philox(call: int, count: int, key: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The first two words of each counter, after ten rounds; uint64 arrays holding 32-bit words."""
    word, bits = np.uint64(0xFFFFFFFF), np.uint64(32)
    a, b = np.full(count, call, np.uint64), np.zeros(count, np.uint64)
    c, d = np.arange(count, dtype=np.uint64), np.zeros(count, np.uint64)
    for turn in range(10):
        a *= np.uint64(0xD2511F53)
        c *= np.uint64(0xCD9E8D57)
        # In place: this runs once a step for each image, and allocating would take twice as long.
        b ^= c >> bits
        d ^= a >> bits
        b ^= np.uint64((key[0] + turn * 0x9E3779B9) & 0xFFFFFFFF)
        d ^= np.uint64((key[1] + turn * 0xBB67AE85) & 0xFFFFFFFF)
        a &= word
        c &= word
        a, b, c, d = b, c, d, a
    return a, b


def _box_muller(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # CUDA's constants have float32 precision; the rest is done in float64 as A1111's copy does.
    unit, turn = np.float64(np.float32(2.3283064e-10)), np.float64(np.float32(2.3283064e-10 * 6.2831855))
    radius = np.sqrt(-2.0 * np.log(first * unit + unit / 2))
    return (radius * np.sin(second * turn + turn / 2)).astype(np.float32)
