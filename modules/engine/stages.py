"""Stages: what the batches of a request go through; `sampled` goes through them, from noise to the last latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modules.engine import hires
from modules.engine.conditioning import condition
from modules.engine.options import Img2ImgOptions, PassCompatibility
from modules.engine.plan import counted
from modules.engine.refiner import Refiner
from modules.engine.request import Img2Img
from modules.engine.second_pass import SecondPass
from modules.engine.solve import Handover, solved
from modules.engine.way import Way
from modules.sampling.sample import part_of_schedule
from modules.vision.opening import flattened, opened

if TYPE_CHECKING:
    from torch import Tensor

    from modules.engine.course import Course
    from modules.engine.painting import Painting
    from modules.engine.plan import Plan
    from modules.engine.request import Request
    from modules.engine.run import RunContext
    from modules.engine.start import Start
    from modules.sampling.types import Prompted


@dataclass(frozen=True, slots=True)
class Stages:
    """What the batches of a request go through, every name in it looked up."""

    way: Way
    second: SecondPass | None
    refiner: Refiner | None
    painting: Painting | None

    @classmethod
    def of(cls, request: Request, run: RunContext, painting: Painting | None) -> Stages:
        """Raises NotFound or UserError for what cannot be done, before anything is."""
        way = Way.of(request, run)
        second = SecondPass.of(request, way, run)
        return cls(way, second, Refiner.of(request, run, has_second_pass=second is not None), painting)

    def steps(self, request: Request, run: RunContext) -> int:
        """Steps of one batch, for the progress."""
        first = request.steps
        if isinstance(request, Img2Img):
            exact = run.settings[Img2ImgOptions].img2img_fix_steps
            first = part_of_schedule(request.steps, request.denoising_strength, exact=exact)[1] + 1
        if self.second is None:
            return first
        return self.second.walked + (0 if self.second.first_picture else first)


def sampled(
    course: Course, stages: Stages, run: RunContext, start: Start, plan: Plan, positive: Prompted, negative: Prompted
) -> Tensor:
    """Clean latents [B, C, h, w] after every pass there is, of the model in use by then."""
    way, second = stages.way, stages.second
    if run.settings[PassCompatibility].refiner_switch_by_sample_steps:
        # With or without a refiner, as in A1111.
        course.told["Refiner switch by sampling steps"] = True
    if second is None:
        return solved(
            course, way, run, start, _handover(course, stages, run, plan, "first pass"), plan, positive, negative
        )
    told = hires.told_early(course, second, way, plan, run)
    refiner = stages.refiner.in_pass("second pass") if stages.refiner else None
    if second.first_picture:
        picture = opened(run.inputs.read(second.first_picture), "The picture of the first pass")
        first = flattened(picture, run.settings[Img2ImgOptions].img2img_background_color)
    else:
        handover = _handover(course, stages, run, plan, "first pass")
        first = solved(course, way, run, start, handover, plan, positive, negative)
    return hires.second_pass(course, second, refiner, way, run, plan, first, told)


def _handover(course: Course, stages: Stages, run: RunContext, plan: Plan, name: str) -> Handover | None:
    refiner = stages.refiner.in_pass(name) if stages.refiner else None
    if refiner is None:
        return None
    steps = counted(stages.way.sampler, plan.request)
    return Handover(refiner, lambda: condition(course.handle, plan, run, steps, course.words))
