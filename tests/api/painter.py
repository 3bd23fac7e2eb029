"""A studio whose jobs are painted by a few lines of Pillow, so that the API is tested without torch.

Everything else is real: queue, worker, delivery, catalogue, settings, history.
"""

from __future__ import annotations

import threading
from pathlib import Path

from PIL import Image

from modules import boot
from modules.engine.infotext import PROGRAM
from modules.engine.plan import Made, Plan, plans, with_seeds
from modules.foundation.errors import Interrupted, UserError
from modules.foundation.flags import parse
from modules.jobs.job import Job
from modules.jobs.worker import Worker
from modules.prompting import infotext
from modules.sampling.catalog import effective, resolve
from modules.studio import checkpoints, generate
from modules.studio.context import Studio
from modules.studio.deliver import Delivery
from modules.studio.result import Result

TITLE = "one.safetensors"


class Painter:
    """Runs generations. A prompt with "wait" in it holds at step 1 until `go` is set or it is interrupted."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.go = threading.Event()
        self.waiting = threading.Event()
        self.loaded: list[str] = []
        self.hold: threading.Event | None = None

    def run(self, job: Job) -> Result:
        request = with_seeds(job.request)  # type: ignore[type-var]
        if "fail" in request.prompt:
            raise UserError("This prompt cannot be painted.")
        if "crash" in request.prompt:
            raise ZeroDivisionError("the painter fell")
        settings = self.studio.settings.snapshot.overridden(request.override_settings)
        delivery = Delivery(job, self.studio, settings)
        job.planned(request.n_iter, request.steps)
        for plan in plans(request):
            if not job.cancel.next_batch():
                break
            job.batch(plan.batch_index)
            self._sample(job, plan)
            for index in range(len(plan.seeds)):
                delivery.deliver(Made(_picture(plan, index), _infotext(plan, index), plan, index))
        delivery.deliver_grid()
        return generate.result_of(job, request, delivery, 0.1)

    def load(self, job: Job) -> None:
        task = job.request
        assert isinstance(task, checkpoints.Task)
        if "broken" in task.load:
            raise UserError(f"{task.load} is damaged.")
        if self.hold is not None:
            assert self.hold.wait(10)
            self.hold = None
        self.loaded.append(task.load or task.do)

    def _sample(self, job: Job, plan: Plan) -> None:
        for step in range(plan.request.steps):
            job.step(step, None)  # type: ignore[arg-type]
            if "wait" in plan.request.prompt and step == 0:
                self.waiting.set()
                while not self.go.wait(0.01):
                    try:
                        job.cancel.check()
                    except Interrupted:
                        return


def _picture(plan: Plan, index: int) -> Image.Image:
    seed = plan.seeds[index]
    return Image.new("RGB", (plan.width, plan.height), (seed % 256, seed // 256 % 256, plan.request.steps % 256))


def _infotext(plan: Plan, index: int) -> str:
    request = plan.request
    sampler, schedule = resolve(request.sampler_name, request.scheduler)
    values = {
        "Steps": request.steps,
        "Sampler": sampler.name,
        "Schedule type": effective(sampler, schedule).label,
        "CFG scale": request.cfg_scale,
        "Seed": plan.seeds[index],
        "Size": f"{plan.width}x{plan.height}",
        "Model hash": "0123456789",
        "Model": "one",
        "Version": PROGRAM,
    }
    return infotext.write(request.prompt, request.negative_prompt, values)


def painted(folder: Path, *arguments: str) -> tuple[Studio, Painter, Worker]:
    """A studio over an empty folder with two checkpoints' names in it, its worker running."""
    models = folder / "models" / "Stable-diffusion"
    models.mkdir(parents=True)
    for name in (TITLE, "sub/two.safetensors", "broken.safetensors"):
        (models / name).parent.mkdir(exist_ok=True)
        (models / name).write_bytes(name.encode() * 100)
    studio = boot.assemble(parse(["--data-dir", str(folder), *arguments]))
    painter = Painter(studio)
    for kind, request in generate.KINDS.items():
        studio.jobs.register(kind, request, painter.run, generate.restored)
    studio.jobs.register(checkpoints.KIND, checkpoints.Task, painter.load)
    studio.ready.set()
    worker = Worker(studio.jobs)
    worker.start()
    return studio, painter, worker
