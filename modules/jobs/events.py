"""What happens to a job, told to whoever listens, on any thread or event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """`number` counts a job's events from 1; progress events all have 0 and are not kept.

    Names: "queued", "started", "image" (data: what was delivered), "comment" (data: text),
    "progress" (data: Progress), "finished" (data: status), always the last.
    """

    number: int
    name: str
    data: Any = None


class Subscription:
    """One listener's events: first those that already happened, then new ones until "finished".

    Iterate with `for` (blocks the thread) or `async for`. Of progress events a slow reader sees
    the latest only. `close()` ends the iteration from any thread.
    """

    def __init__(self, past: tuple[Event, ...], on_close: Callable[[Subscription], None]) -> None:
        self._condition = threading.Condition()
        self._events = deque(past)
        self._progress: Event | None = None
        self._closed = False
        self._on_close = on_close
        self._wake: Callable[[], None] | None = None

    def put(self, event: Event) -> None:
        """Called by the job."""
        with self._condition:
            if event.name == "progress":
                self._progress = event
            else:
                self._events.append(event)
            self._condition.notify_all()
            wake = self._wake
        if wake:
            wake()

    def close(self) -> None:
        self._on_close(self)
        with self._condition:
            self._closed = True
            self._condition.notify_all()
            wake = self._wake
        if wake:
            wake()

    def __iter__(self) -> Iterator[Event]:
        try:
            while True:
                with self._condition:
                    self._condition.wait_for(self._has_news)
                    event = self._take()
                if event is None:
                    return
                yield event
                if event.name == "finished":
                    return
        finally:
            self.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody is left to read
                loop.call_soon_threadsafe(news.set)

        with self._condition:
            self._wake = wake
        try:
            while True:
                with self._condition:
                    ready = self._has_news()
                    event = self._take() if ready else None
                    if not ready:
                        news.clear()
                if not ready:
                    await news.wait()
                    continue
                if event is None:
                    return
                yield event
                if event.name == "finished":
                    return
        finally:
            with self._condition:
                self._wake = None
            self.close()

    def _has_news(self) -> bool:
        return bool(self._closed or self._events or self._progress)

    def _take(self) -> Event | None:
        """The next event; None when closed. Progress is told before "finished", after the rest."""
        if self._closed and not self._events:
            return None
        if self._progress and (not self._events or self._events[0].name == "finished"):
            event, self._progress = self._progress, None
            return event
        return self._events.popleft()
