"""ImageNoise: all random numbers of a batch, seeded per image so that batches equal single images.

`first()` is the noise an image starts from, every `next()` what a step adds; an ImageNoise is itself a
StepNoise. SDE samplers use `brownian` instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from modules.sampling.brownian import BrownianNoise
from modules.sampling.streams import Shape, Source, Stream, stream
from modules.sampling.types import Latent, Sigma, StepNoise


class ImageNoise:
    """Noise for one batch.

    `shape` is (C, h, w) of one latent; `seed_resize_from` is (width, height) in pixels, of which a part that
    is not positive means none. With `subseed_strength` between 0 and 1 the start moves from the seed's noise
    to the subseed's. `eta_noise_seed_delta` is added to the seeds for everything after the start. `given`
    [B, C, h, w] takes the start's place.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: Shape,
        device: torch.device | str,
        source: Source = "GPU",
        *,
        subseeds: Sequence[int] = (),
        subseed_strength: float = 0.0,
        seed_resize_from: tuple[int, int] = (0, 0),
        eta_noise_seed_delta: int = 0,
        given: Latent | None = None,
    ) -> None:
        self._given = given
        self.seeds = tuple(seeds)
        self.shape = shape
        self.device = torch.device(device)
        self._source: Source = source
        self._subseeds = tuple(subseeds)
        self._subseed_strength = subseed_strength
        self._seed_resize_from = seed_resize_from
        self._delta = eta_noise_seed_delta
        self._streams: list[Stream] | None = None

    def first(self) -> Latent:
        """The noise the images start from [B, C, h, w]; each call begins the streams anew."""
        streams = [self._stream(seed) for seed in self.seeds]
        noise = [self._start(i, stream) for i, stream in enumerate(streams)]
        self._streams = [self._stream(seed + self._delta) for seed in self.seeds] if self._delta else streams
        return self._together(noise) if self._given is None else self._given.to(self.device)

    def next(self) -> Latent:
        """The next noise of every image [B, C, h, w]."""
        if self._streams is None:
            self.first()
        assert self._streams is not None
        return self._together([draw(self.shape) for draw in self._streams])

    def __call__(self, sigma: Sigma, sigma_next: Sigma) -> Latent:
        return self.next()

    def brownian(self, sigma_min: float, sigma_max: float) -> StepNoise:
        """Noise of one Brownian path per image over the schedule's levels above 0."""
        return BrownianNoise(sigma_min, sigma_max, self.seeds, self._draw_each)

    def _draw_each(self, seeds: Sequence[int]) -> Latent:
        return self._together([self._stream(seed)(self.shape) for seed in seeds])

    def _start(self, i: int, draw: Stream) -> Tensor:
        """The start of image i [C, h, w]; `draw` is its stream, read from only at the size of the image."""
        resized = self._resized_shape()
        noise = draw(self.shape) if resized == self.shape else self._stream(self.seeds[i])(resized)
        if self._subseed_strength:
            subseed = self._subseeds[i] if i < len(self._subseeds) else 0
            noise = slerp(self._subseed_strength, noise, self._stream(subseed)(resized))
        return noise if resized == self.shape else paste_centred(noise, draw(self.shape))

    def _resized_shape(self) -> Shape:
        width, height = self._seed_resize_from
        return (self.shape[0], height // 8, width // 8) if width > 0 and height > 0 else self.shape

    def _stream(self, seed: int) -> Stream:
        return stream(self._source, seed, self.device)

    def _together(self, noise: list[Tensor]) -> Latent:
        return torch.stack(noise).to(self.device)


def slerp(strength: float, low: Tensor, high: Tensor) -> Tensor:
    """Spherical mixture of two noises [C, h, w], column by column as in A1111 (angles are taken along h)."""
    low_unit = low / low.norm(dim=1, keepdim=True)
    high_unit = high / high.norm(dim=1, keepdim=True)
    dot = (low_unit * high_unit).sum(1)
    if dot.mean() > 0.9995:
        # A1111's fallback has the weights the other way round; its pictures depend on it.
        return low * strength + high * (1 - strength)
    angle = torch.acos(dot)
    sine = torch.sin(angle)
    weights = (
        (torch.sin((1.0 - strength) * angle) / sine).unsqueeze(1),
        (torch.sin(strength * angle) / sine).unsqueeze(1),
    )
    return weights[0] * low + weights[1] * high


def paste_centred(noise: Tensor, onto: Tensor) -> Tensor:
    """`noise` [C, h', w'] in the middle of `onto` [C, h, w], cropped where it is larger; changes `onto`."""
    (target, source) = zip(*(_overlap(a, b) for a, b in zip(onto.shape[1:], noise.shape[1:], strict=True)), strict=True)
    onto[:, target[0], target[1]] = noise[:, source[0], source[1]]
    return onto


def _overlap(outer: int, inner: int) -> tuple[slice, slice]:
    """Where a length `inner` centred on `outer` lies: (in outer, in inner)."""
    offset = (outer - inner) // 2
    # A1111 rounds the offset down and crops by it on both sides, so an odd excess loses one row more.
    length = inner if offset >= 0 else inner + 2 * offset
    return slice(max(offset, 0), max(offset, 0) + length), slice(max(-offset, 0), max(-offset, 0) + length)
