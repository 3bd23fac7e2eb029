"""Prepared: what a run takes for a denoiser; and Relay, one that hands over to another in mid-run, a refiner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from modules.sampling.parametrization import Parametrization
from modules.sampling.types import GuidedDenoiser, Latent, Sigma

Read = Callable[[Parametrization], Parametrization]
"""How a run reads a model: its own noise table, or another made of it."""


class Prepared(Protocol):
    """A denoiser that can be made ready for a sampler. `parametrization` is the model's own."""

    @property
    def parametrization(self) -> Parametrization: ...

    def for_run(self, read: Read, *, levels_are_timesteps: bool, planned: int) -> GuidedDenoiser:
        """As it is asked during one run of `planned` evaluations."""
        ...


@dataclass(frozen=True, slots=True)
class Relay:
    """Starts with `first`. Before each evaluation `successor` is asked, until it answers with who goes on.

    It is told the parametrization as the sampler reads it, the noise level, and the share of the planned
    evaluations that is done (0..1).
    """

    first: Prepared
    successor: Callable[[Parametrization, float, float], Prepared | None]

    @property
    def parametrization(self) -> Parametrization:
        return self.first.parametrization

    def for_run(self, read: Read, *, levels_are_timesteps: bool, planned: int) -> GuidedDenoiser:
        def prepared(denoiser: Prepared) -> GuidedDenoiser:
            return denoiser.for_run(read, levels_are_timesteps=levels_are_timesteps, planned=planned)

        as_read = read(self.parametrization)

        def successor(sigma: float, done: int) -> GuidedDenoiser | None:
            found = self.successor(as_read, sigma, done / planned)
            return prepared(found) if found else None

        return _Running(prepared(self.first), successor)


class _Running:
    """One run of a Relay."""

    def __init__(self, first: GuidedDenoiser, successor: Callable[[float, int], GuidedDenoiser | None]) -> None:
        self._now = first
        self._successor: Callable[[float, int], GuidedDenoiser | None] | None = successor
        self._evaluations = 0

    def __call__(self, x: Latent, sigma: Sigma) -> Latent:
        return self._current(sigma)(x, sigma)

    def guided(self, x: Latent, sigma: Sigma, strength: float = 1.0) -> tuple[Latent, Latent]:
        return self._current(sigma).guided(x, sigma, strength)

    def _current(self, sigma: Sigma) -> GuidedDenoiser:
        if self._successor and (found := self._successor(float(sigma), self._evaluations)):
            self._now, self._successor = found, None
        self._evaluations += 1
        return self._now
