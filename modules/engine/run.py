"""RunContext: everything a run may use besides the request. It replaces A1111's `shared`.

`Cancel` and `Report` are protocols that a Job satisfies, so the engine does not know the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from modules.engine.request import Request
from modules.networks.embedding import Embeddings
from modules.store.inputs import Inputs
from modules.vision.faces import FaceRestorers
from modules.vision.upscale import Upscalers

if TYPE_CHECKING:
    from torch import Tensor

    from modules.engine.hooks import Hooks
    from modules.engine.residency import Residency
    from modules.foundation.settings import Snapshot
    from modules.prompting.styles import Style
    from modules.store.catalog import Catalog


class Cancel(Protocol):
    """The user's wish to stop."""

    def check(self) -> None:
        """Raise `Interrupted` if the user interrupted the run or skipped this batch."""

    def next_batch(self) -> bool:
        """Forget a skip; False when no further batch should start."""
        ...


class Report(Protocol):
    """Where a run says how far it is."""

    def planned(self, batches: int, steps: int) -> None:
        """How many batches of how many steps will run."""

    def batch(self, index: int) -> None:
        """Batch `index` (from 0) starts."""

    def step(self, index: int, latent: Tensor) -> None:
        """Step `index` (from 0) of the batch was evaluated; `latent` [B, C, h, w] is its estimate."""

    def phase(self, text: str) -> None:
        """What is being done when it is not sampling: "Loading starter", "Decoding"."""

    def comment(self, text: str) -> None:
        """Something the user should know of the result, such as a stage that was retried in fp32."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The engine's only argument besides the request."""

    settings: Snapshot
    models: Residency
    catalog: Catalog
    hooks: Hooks
    cancel: Cancel
    report: Report
    check_nans: bool = True
    """False with --disable-nan-check."""
    upscalers: Upscalers = field(default_factory=Upscalers)
    styles: Mapping[str, Style] = field(default_factory=dict)
    """Those that a request can name."""
    user: str | None = None
    """Who asked, where people log in."""
    inputs: Inputs = field(default_factory=Inputs)
    """The pictures that a request can name."""
    embeddings: Embeddings = field(default_factory=Embeddings)
    """The trained words that prompts may use."""
    faces: FaceRestorers = field(default_factory=FaceRestorers)

    def overridden_by(self, request: Request) -> RunContext:
        """The same context with the request's `override_settings` in a snapshot of its own."""
        if not request.override_settings:
            return self
        return replace(self, settings=self.settings.overridden(request.override_settings))
