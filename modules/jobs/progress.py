"""How far a job is, as a value, and how long the rest will take.

Begin with Progress. The estimate knows two prices: that of a step and that of everything else in a
batch (reading the prompt, decoding, saving). Both are measured as the job runs; a price not yet
seen is taken from the last job of about the same work.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: of one step, and of a batch's other work before its first step and after its last."""

    step: float
    head: float = 0.0
    tail: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a running job. Replaced at every report, never changed.

    `step` counts finished steps of the running batch, `batch` finished batches. `latent` is the
    last estimate of the clean latents, [B, C, h, w], on the device. `picture` is what is shown in its place, if
    somebody wants that, and `pictures` counts those shown so far. Times are of `time.monotonic`.
    """

    batches: int = 0
    steps: int = 0
    batch: int = 0
    step: int = 0
    phase: str = ""
    latent: Any = None
    picture: Any = None
    pictures: int = 0
    started_at: float = 0.0
    batch_at: float = 0.0
    step_at: float = 0.0
    pace: Pace | None = None

    @property
    def fraction(self) -> float:
        """0..1, by steps as A1111 counts them."""
        if self.batches <= 0:
            return 0.0
        done = self.batch + (min(self.step / self.steps, 1.0) if self.steps > 0 else 0.0)
        return min(done / self.batches, 1.0)

    def elapsed(self, now: float) -> float:
        """Seconds since the job started."""
        return max(now - self.started_at, 0.0)

    def eta(self, now: float) -> float | None:
        """Seconds until the job is done; None while nothing is known to tell it from."""
        if self.pace is None or self.batches <= 0:
            return None
        pace, steps = self.pace, max(self.steps, 1)
        if self.step == 0:
            here = pace.head + steps * pace.step + pace.tail - (now - self.batch_at)
        else:
            here = (self.steps - self.step) * pace.step + pace.tail - (now - self.step_at)
        whole = pace.head + steps * pace.step + pace.tail
        return max(here, 0.0) + max(self.batches - self.batch - 1, 0) * whole


class Stopwatch:
    """Measures the pace of one job from the times of its reports, in seconds.

    `guess` is the pace of an earlier job. If that was of other work (`rough`), it is no word on the
    steps, only on what decoding costs beside them.
    """

    def __init__(self, guess: Pace | None = None, *, rough: bool = False) -> None:
        self._guess = guess
        self._rough = rough
        self._first: float | None = None
        self._steps: deque[float] = deque(maxlen=9)
        self._head: float | None = None
        self._tail: float | None = None

    @property
    def pace(self) -> Pace | None:
        """Measured where it can be, guessed elsewhere; None until a step was timed or is known."""
        guess = self._guess or Pace(0.0)
        step = self._step
        if step is None:
            return None
        # Decoding grows with the picture as steps do.
        ratio = min(max(step / guess.step, 0.1), 10.0) if guess.step > 0 else 1.0
        tail = self._tail if self._tail is not None else guess.tail * ratio
        return Pace(step, guess.head if self._head is None else self._head, tail)

    @property
    def _step(self) -> float | None:
        """The median forgets the first steps of a process, which are slow, and hiccups."""
        if self._steps:
            return median(self._steps)
        known = self._guess.step if self._guess and not self._rough else None
        if self._first is None or known is None:
            return known if self._first is None else self._first
        return min(known, self._first)

    def first_step(self, seconds: float) -> None:
        """From the start of a batch to the end of its first step; beyond a usual step it is head."""
        self._first = seconds
        if self._steps:
            self._head = max(seconds - median(self._steps), 0.0)

    def step(self, seconds: float) -> None:
        """A later step of a batch took this long."""
        self._steps.append(seconds)
        if self._head is None and self._first is not None:
            self._head = max(self._first - seconds, 0.0)

    def tail(self, seconds: float) -> None:
        """From the last step of a batch to its end."""
        self._tail = seconds if self._tail is None else (self._tail + seconds) / 2


class Paces:
    """What recent jobs took, to estimate the next one before it has been timed."""

    KEPT = 32

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, float], Pace] = {}

    def watch(self, label: str, work: float) -> Stopwatch:
        """For a job of this label and amount of work (pixels in a batch): it knows the pace of the
        last such job, or roughly that of one with the same label and another amount.
        """
        with self._lock:
            if (label, work) in self._known:
                return Stopwatch(self._known[label, work])
            near = (pace for (other, _), pace in reversed(self._known.items()) if other == label)
            return Stopwatch(next(near, None), rough=True)

    def remember(self, label: str, work: float, pace: Pace) -> None:
        with self._lock:
            self._known.pop((label, work), None)
            self._known[label, work] = pace
            while len(self._known) > self.KEPT:
                self._known.pop(next(iter(self._known)))
