"""Brownian motion that can be asked for any increment, in any order, with the same answer.

The SDE samplers of k-diffusion draw their noise from torchsde's `BrownianTree`, one tree an image. This is
the same tree (Li et al. 2020, "Scalable gradients for stochastic differential equations", the virtual
Brownian tree), for a whole batch at once and over any source of random numbers; a test compares them
bit for bit. Start with `BrownianNoise`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modules.sampling.types import Latent, Sigma

Draw = Callable[[Sequence[int]], Tensor]
"""One seed an image -> unit noise [B, C, h, w]."""

DECIMALS = 6
"""Times are resolved to a millionth, torchsde's tolerance as k-diffusion sets it."""
POOL = 24
"""Words of entropy a seed is spread over; torchsde's default for trees."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A dyadic part of the whole interval: the `index`-th of the 2^depth spans of its depth."""

    start: float
    end: float
    depth: int = 0
    index: int = 0

    @property
    def middle(self) -> float:
        return round(0.5 * (self.end + self.start), DECIMALS)

    def halves(self) -> tuple[_Span, _Span]:
        return (
            _Span(self.start, self.middle, self.depth + 1, 2 * self.index),
            _Span(self.middle, self.end, self.depth + 1, 2 * self.index + 1),
        )


class BrownianTree:
    """Increments of one Brownian path per seed over [start, end].

    The whole increment is drawn first; halving a span draws how it divides. What the last query passed through
    is kept, because the next one is usually next to it: some fifty tensors at most.
    """

    def __init__(self, start: float, end: float, seeds: Sequence[int], draw: Draw) -> None:
        self._seeds = seeds
        self._draw = draw
        self._whole = _Span(round(start, DECIMALS), round(end, DECIMALS))
        self._root = self._noise(()) * math.sqrt(end - start)
        self._known: dict[_Span, Tensor] = {}

    def increment(self, start: float, end: float) -> Tensor:
        """W(end) - W(start) [B, C, h, w]; times outside the interval are moved to its ends."""
        start, end = (min(max(round(time, DECIMALS), self._whole.start), self._whole.end) for time in (start, end))
        used: dict[_Span, Tensor] = {}
        parts: list[Tensor] = []
        self._collect(self._whole, self._root, start, end, parts, used)
        self._known = used
        total = parts[0] if parts else torch.zeros_like(self._root)
        for part in parts[1:]:
            total = total + part
        return total

    def _collect(
        self, span: _Span, value: Tensor, start: float, end: float, parts: list[Tensor], used: dict[_Span, Tensor]
    ) -> None:
        """Append the increments of the largest spans that make up [start, end] within `span`, left to right."""
        if start >= end:
            return
        if start == span.start and end == span.end:
            parts.append(value)
            return
        left, right = span.halves()
        left_value = self._known.get(left)
        if left_value is None:
            left_value = self._left_half(span, value)
        used[left] = left_value
        self._collect(left, left_value, start, min(end, span.middle), parts, used)
        if end > span.middle:
            self._collect(right, value - left_value, max(start, span.middle), end, parts, used)

    def _left_half(self, span: _Span, value: Tensor) -> Tensor:
        """The increment of a span's left half: a Brownian bridge's value in the middle."""
        left, right = span.middle - span.start, span.end - span.middle
        share = 1 / (span.end - span.start)
        noise = self._noise((span.index, span.depth))
        return left * value * share + math.sqrt(left * right * share) * noise

    def _noise(self, spawn_key: tuple[int, ...]) -> Tensor:
        sequences = (np.random.SeedSequence(seed, spawn_key=spawn_key, pool_size=POOL) for seed in self._seeds)
        return self._draw([int(sequence.generate_state(1)[0]) for sequence in sequences])


class BrownianNoise:
    """A StepNoise: the increment between two noise levels, scaled to unit variance."""

    def __init__(self, sigma_min: float, sigma_max: float, seeds: Sequence[int], draw: Draw) -> None:
        self._tree = BrownianTree(sigma_min, sigma_max, seeds, draw)

    def __call__(self, sigma: Sigma, sigma_next: Sigma) -> Latent:
        sigma, sigma_next = float(sigma), float(sigma_next)
        increment = self._tree.increment(min(sigma, sigma_next), max(sigma, sigma_next))
        # Going down in sigma turns the path around.
        return increment / math.copysign(math.sqrt(abs(sigma_next - sigma)), sigma_next - sigma)
