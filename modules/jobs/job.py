"""One piece of work for the device: what was asked, how far it is, what came of it.

A Job is made by `Queue.submit`, run by `Worker`, and watched by anybody: read `status` and
`progress`, `subscribe()` to its events, `wait()` for it or await its `result()`.
"""

from __future__ import annotations

import secrets
import string
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from modules.foundation.errors import Interrupted
from modules.jobs.cancel import CancelToken
from modules.jobs.events import Event, Subscription
from modules.jobs.progress import Pace, Paces, Progress, Stopwatch

if TYPE_CHECKING:
    from torch import Tensor

Status = Literal["queued", "running", "done", "failed", "interrupted"]


@runtime_checkable
class Slimmable(Protocol):
    """An outcome that can let go of what it can read again from disk."""

    def slim(self) -> Any: ...


def new_id(kind: str) -> str:
    """An id as A1111 makes them: `task(txt2img-A1B2C3D)`."""
    letters = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(7))
    return f"task({kind}-{letters})"


class Job:
    """Satisfies `engine.run.Report`; its `cancel` satisfies `engine.run.Cancel`.

    `queued_at`, `started_at` and `finished_at` are seconds since the epoch, 0 while they have not
    come. `outcome` is what the runner returned; an interrupted generation has the images it had.
    """

    def __init__(
        self, id: str, kind: str, request: BaseModel, owner: str | None = None, *, queued_at: float | None = None
    ) -> None:
        self.id = id
        self.kind = kind
        self.request = request
        self.owner = owner
        self.row: int | None = None
        self.queued_at = time.time() if queued_at is None else queued_at
        self.started_at = 0.0
        self.finished_at = 0.0
        self.status: Status = "queued"
        self.progress = Progress()
        self.outcome: Any = None
        self.error: str | None = None
        self.exception: BaseException | None = None
        self.cancel = CancelToken(self._interrupted)
        self._watch = Stopwatch()
        self._learn: Callable[[Pace], None] = lambda pace: None
        self._lock = threading.RLock()
        self._done = threading.Event()
        self._events: list[Event] = []
        self._subscriptions: list[Subscription] = []
        self._on_interrupt: Callable[[Job], None] | None = None

    # -- for everybody

    @property
    def finished(self) -> bool:
        return self._done.is_set()

    @property
    def events(self) -> tuple[Event, ...]:
        """All that happened so far, progress apart."""
        return tuple(self._events)

    @property
    def comments(self) -> tuple[str, ...]:
        """What the user should know of the result."""
        return tuple(event.data for event in self.events if event.name == "comment")

    @property
    def images(self) -> tuple[Any, ...]:
        """What was delivered so far, in order."""
        return tuple(event.data for event in self.events if event.name == "image")

    def eta(self) -> float | None:
        """Seconds until the job is done; None while it cannot be told."""
        return self.progress.eta(time.monotonic()) if self.status == "running" else None

    def subscribe(self) -> Subscription:
        """The job's events from its beginning on, for `for` or `async for`; ends with "finished"."""
        with self._lock:
            subscription = Subscription(self.events, self._unsubscribe)
            self._subscriptions.append(subscription)
            return subscription

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the job is finished; False if `timeout` seconds passed before."""
        return self._done.wait(timeout)

    async def result(self) -> Any:
        """The outcome, once there is one.

        Raises what the runner raised. Raises Interrupted if the job ended before it had anything.
        Giving up waiting does not cancel the job.
        """
        outcome = None
        async for event in self.subscribe():
            if event.name == "finished":  # read while subscribed: what nobody listens to may be slimmed
                outcome = self.outcome
        return outcome if outcome is not None else self.outcome_or_raise()

    def outcome_or_raise(self) -> Any:
        """As `result()`, for a job that is finished."""
        if self.exception is not None:
            raise self.exception
        if self.status == "interrupted" and self.outcome is None:
            raise Interrupted
        return self.outcome

    # -- engine.run.Report, called by the run on the worker's thread

    def planned(self, batches: int, steps: int) -> None:
        now = time.monotonic()
        self._report(batches=batches, steps=steps, batch=0, step=0, batch_at=now, step_at=now)

    def batch(self, index: int) -> None:
        now, was = time.monotonic(), self.progress
        if index > was.batch and was.step > 0:
            self._watch.tail(now - was.step_at)
        self._report(batch=index, step=0, batch_at=now, step_at=now, phase="", pace=self._watch.pace)

    def step(self, index: int, latent: Tensor | None = None) -> None:
        now, was = time.monotonic(), self.progress
        if was.step == 0:
            self._watch.first_step(now - was.batch_at)
        else:
            self._watch.step(now - was.step_at)
        self._report(step=index + 1, step_at=now, latent=latent, phase="", pace=self._watch.pace)

    def phase(self, text: str) -> None:
        self._report(phase=text)

    def comment(self, text: str) -> None:
        if text not in self.comments:
            self.announce("comment", text)

    # -- for the runner

    def show(self, picture: Any) -> None:
        """Preview this picture from now on instead of the forming one; None goes back to that."""
        self._report(picture=picture, pictures=self.progress.pictures + 1)

    def expect(self, paces: Paces, label: str, work: float) -> None:
        """Estimate by the last job of this label and work (see Paces) until its own steps are timed."""
        self._watch = paces.watch(label, work)
        self._learn = partial(paces.remember, label, work)
        self._report(pace=self._watch.pace)

    def announce(self, name: str, data: Any = None) -> None:
        """Add an event and tell the subscribers."""
        with self._lock:
            event = Event(len(self._events) + 1, name, data)
            self._events.append(event)
            self._tell(event)

    # -- for the queue and the worker

    def begin(self) -> None:
        """The worker starts it."""
        with self._lock:
            now = time.monotonic()
            self.status, self.started_at = "running", time.time()
            self.progress = Progress(started_at=now, batch_at=now, step_at=now)
            self.announce("started")

    def end(
        self, status: Status, outcome: Any = None, exception: BaseException | None = None, error: str | None = None
    ) -> None:
        """Final: later calls change nothing."""
        with self._lock:
            if self.finished:
                return
            was = self.progress
            if was.step > 0 and was.batch == was.batches - 1:
                self._watch.tail(time.monotonic() - was.step_at)
            if status == "done" and self._watch.pace is not None:
                self._learn(self._watch.pace)
            self.status, self.outcome, self.exception = status, outcome, exception
            self.error = error if error is not None else (str(exception) if exception is not None else None)
            self.finished_at = time.time()
            self.progress = replace(
                was, latent=None, picture=None, phase="", batch=was.batches if status == "done" else was.batch
            )
            self._done.set()
            self.announce("finished", status)

    def on_interrupt(self, listener: Callable[[Job], None]) -> None:
        """Tell the queue, which ends a job that has not started."""
        self._on_interrupt = listener

    def slim(self) -> None:
        """Let go of pictures that can be read again from disk, unless somebody still listens."""
        with self._lock:
            if self._subscriptions:
                return
            if isinstance(self.outcome, Slimmable):
                self.outcome = self.outcome.slim()
            self._events = [
                replace(event, data=event.data.slim()) if isinstance(event.data, Slimmable) else event
                for event in self._events
            ]

    def _report(self, **changes: Any) -> None:
        with self._lock:
            self.progress = replace(self.progress, **changes)
            if self._subscriptions:
                self._tell(Event(0, "progress", self.progress))

    def _tell(self, event: Event) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.put(event)

    def _unsubscribe(self, subscription: Subscription) -> None:
        with self._lock, suppress(ValueError):
            self._subscriptions.remove(subscription)

    def _interrupted(self) -> None:
        if self._on_interrupt is not None:
            self._on_interrupt(self)
