"""A studio for tests whose engine paints coloured squares, without torch or a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from PIL import Image

from modules.engine.options import ModelOptions
from modules.engine.plan import Made, plans, with_seeds
from modules.engine.request import Request, Txt2Img
from modules.engine.run import RunContext
from modules.foundation.errors import Interrupted
from modules.foundation.flags import parse
from modules.foundation.paths import Paths
from modules.foundation.settings import Settings
from modules.jobs.job import Job
from modules.jobs.queue import Queue
from modules.jobs.worker import Worker
from modules.prompting.options import PromptOptions
from modules.store.catalog import Catalog
from modules.store.database import Database
from modules.store.hash_cache import HashCache
from modules.store.history import History
from modules.store.options import EmbeddedTextOptions, FolderOptions, PathOptions, SavingOptions
from modules.store.outputs import Outputs
from modules.studio import generate
from modules.studio.context import Studio
from modules.studio.options import PreviewOptions, ResultOptions
from modules.studio.preview import Previews

GROUPS = (
    ModelOptions,
    SavingOptions,
    PathOptions,
    FolderOptions,
    EmbeddedTextOptions,
    PromptOptions,
    PreviewOptions,
    ResultOptions,
)


@dataclass
class Painter:
    """Takes the place of `modules.engine.generate`."""

    before_batch: Callable[[int], None] = field(default=lambda batch: None)
    latent: Any = None

    def generate(self, request: Request, run: RunContext) -> Iterator[Made]:
        request = with_seeds(request)
        run.report.planned(request.n_iter, request.steps)
        for plan in plans(request):
            if not run.cancel.next_batch():
                return
            run.report.batch(plan.batch_index)
            try:
                self.before_batch(plan.batch_index)
                for step in range(request.steps):
                    run.cancel.check()
                    run.report.step(step, self.latent)
            except Interrupted:
                pass
            for index, seed in enumerate(plan.seeds):
                image = Image.new("RGB", (plan.width, plan.height), (seed % 256, plan.batch_index, index))
                yield Made(image, f"{plan.prompts[index]}\nSteps: {request.steps}, Seed: {seed}", plan, index)

    def module(self) -> ModuleType:
        module = ModuleType("modules.engine.generate")
        module.__dict__["generate"] = self.generate
        return module


def model_in_memory() -> Any:
    """A residency whose model is loaded."""
    ref = SimpleNamespace(path=Path("models/starter.safetensors"), name="starter", hash="0123456789")
    return SimpleNamespace(current=SimpleNamespace(ref=ref, vae_ref=None))


def studio_at(root: Path, **settings: Any) -> Studio:
    paths = Paths(root=root)
    database = Database(paths.database)
    history = History(database, paths.data)
    store = Settings(GROUPS, paths.config)
    store.snapshot = store.snapshot.overridden(settings)
    studio = Studio(
        paths=paths,
        flags=parse([]),
        settings=store,
        catalog=Catalog(paths, HashCache(database)),
        models=model_in_memory(),
        jobs=Queue(history),
        outputs=Outputs(paths.data),
        history=history,
        previews=Previews(),
    )
    generate.register(studio, ready=True)
    return studio


def with_flags(studio: Studio, *flags: str) -> Studio:
    other = replace(studio, flags=parse(list(flags)))
    generate.register(other, ready=True)
    return other


def run(studio: Studio, **request: Any) -> Job:
    """Queue a small request and run it to its end."""
    job = studio.jobs.submit(
        "txt2img", Txt2Img(**{"prompt": "a cat", "seed": 5, "steps": 2, "width": 16, "height": 24, **request})
    )
    worker = Worker(studio.jobs)
    worker.start()
    assert job.wait(10)
    assert worker.stop()
    return job


def in_background(studio: Studio, **request: Any) -> tuple[Job, Worker]:
    job = studio.jobs.submit("txt2img", Txt2Img(**{"seed": 5, "steps": 2, "width": 16, "height": 24, **request}))
    worker = Worker(studio.jobs)
    worker.start()
    return job, worker


def gate() -> tuple[threading.Event, Callable[[int], None]]:
    """A painter's `before_batch` that holds the second batch back until the event is set."""
    opened = threading.Event()

    def wait(batch: int) -> None:
        assert batch == 0 or opened.wait(10)

    return opened, wait
