"""One job as scripts see it: its settings, its progress over several runs, and the pictures it has delivered."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modules.foundation.settings import Snapshot
from modules.studio.result import SavedImage

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.jobs.job import Job
    from modules.studio.context import Studio


PAGE = ("modules.web.", "modules.studio.", "modules.host.")
"""Packages whose settings change no picture."""


class Relay:
    """The progress of runs one after another as that of one: satisfies `engine.run.Report`.

    `expected` is how many batches the whole job will have, if a script said so (`state.job_count`).
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._offset = 0
        self.done = 0
        self.expected = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def planned(self, batches: int, steps: int) -> None:
        self._offset = self.done
        self._job.planned(max(self.expected, self.done + batches), steps)
        if self._offset:
            self._job.batch(self._offset)

    def batch(self, index: int) -> None:
        self._job.batch(self._offset + index)
        self.done = max(self.done, self._offset + index + 1)

    def skipped(self, batches: int) -> None:
        """Batches whose pictures were there already."""
        self.done += batches
        self._job.planned(max(self.expected, self.done), 1)
        self._job.batch(self.done)


class Run:
    """A job while scripts have to do with it. `quiet`: a selected script decides what is shown in the end."""

    def __init__(self, job: Job, studio: Studio, *, quiet: bool) -> None:
        self.job = job
        self.studio = studio
        self.quiet = quiet
        self.settings: Snapshot = studio.settings.snapshot
        self.relay = Relay(job)
        # The same job draws the same seeds again when it is taken up after the program was stopped.
        self._random = random.Random(f"{job.id}/{job.queued_at}")
        self._saved: dict[int, tuple[Image, SavedImage]] = {}
        self.delivered: list[SavedImage] = []
        self.depth = 0

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """While the engine runs: what scripts run inside of that is not the job's own result."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def draw_seed(self) -> int:
        return self._random.randrange(2**32)

    def remember(self, saved: SavedImage) -> None:
        """A picture was delivered; a script may show it again."""
        self.delivered.append(saved)
        if saved.image is not None:
            # The picture itself is kept with it, so that its id is not given to another.
            self._saved[id(saved.image)] = (saved.image, saved)
            if saved.path is not None:
                saved.image.already_saved_as = str(saved.path)  # type: ignore[attr-defined] - A1111's mark

    def saved(self, image: Image) -> SavedImage | None:
        """What was delivered as this very picture."""
        found = self._saved.get(id(image))
        return found[1] if found else None

    @contextmanager
    def overridden(self, values: dict[str, Any]) -> Iterator[Snapshot]:
        """The settings with a request's overrides, seen as `shared.opts` inside."""
        before = self.settings
        self.settings = before.overridden(values) if values else before
        try:
            yield self.settings
        finally:
            self.settings = before

    def digest(self, *parts: Any) -> str:
        """What decides how pictures look, as one text: the parts, the settings and the checkpoint's file."""
        told = [*parts, self._changed_settings(), self._checkpoint()]
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()

    def _changed_settings(self) -> dict[str, Any]:
        """Those that are not at their defaults, but for the page's own and the checkpoint's name."""
        found: dict[str, Any] = {}
        for group, values in self.settings.groups.items():
            if not group.__module__.startswith(PAGE):
                found |= values.model_dump(exclude_defaults=True)
        return {key: value for key, value in found.items() if key not in ("sd_model_checkpoint", "sd_checkpoint_hash")}

    def _checkpoint(self) -> list[Any]:
        from modules.engine.options import ModelOptions

        wanted = self.settings[ModelOptions].sd_model_checkpoint
        files = self.studio.catalog.checkpoints()
        file = self.studio.catalog.find_checkpoint(wanted) if wanted else next(iter(files), None)
        if file is None:
            return []
        about = file.path.stat()
        return [str(file.path), about.st_size, about.st_mtime_ns]
