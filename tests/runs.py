"""Running the engine in a test without a queue: a watcher that records, and `made`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modules.engine.hooks import Hooks
from modules.engine.plan import Made
from modules.engine.request import Request
from modules.engine.run import RunContext
from modules.foundation.errors import Interrupted

if TYPE_CHECKING:
    from torch import Tensor

    from modules.studio.context import Studio


class Watcher:
    """Cancel and Report in one. Stops before network call `stop_at` of the run, if that is given."""

    def __init__(self, stop_at: int | None = None, *, skip_only: bool = False) -> None:
        self.stop_at = stop_at
        self.skip_only = skip_only
        self.calls = 0
        self.work: tuple[int, int] = (0, 0)
        self.batches: list[int] = []
        self.steps: list[int] = []
        self.latents: list[Tensor] = []
        self.phases: list[str] = []
        self.comments: list[str] = []

    def check(self) -> None:
        self.calls += 1
        if self.stop_at is not None and self.calls > self.stop_at:
            if self.skip_only:
                self.stop_at = None
            raise Interrupted

    def next_batch(self) -> bool:
        return self.stop_at is None or self.calls <= self.stop_at

    def planned(self, batches: int, steps: int) -> None:
        self.work = (batches, steps)

    def batch(self, index: int) -> None:
        self.batches.append(index)

    def step(self, index: int, latent: Tensor) -> None:
        self.steps.append(index)
        self.latents.append(latent)

    def phase(self, text: str) -> None:
        self.phases.append(text)

    def comment(self, text: str) -> None:
        self.comments.append(text)


def made(studio: Studio, request: Request, watcher: Watcher | None = None, hooks: Hooks | None = None) -> list[Made]:
    """Everything the engine makes of a request under the studio's present settings."""
    from modules.engine.generate import generate

    watcher = watcher or Watcher()
    run = RunContext(
        studio.settings.snapshot,
        studio.models,
        studio.catalog,
        hooks or Hooks(),
        watcher,
        watcher,
        styles=studio.styles.known(),
        embeddings=studio.embeddings,
        inputs=studio.inputs,
        upscalers=studio.upscalers,
    )
    return list(generate(request, run))
