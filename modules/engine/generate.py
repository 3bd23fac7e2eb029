"""The pipeline: a request and a model become images, one batch after another. Start with `generate`.

Always forward: it yields, and never saves, queues or knows who asked. A batch is read (`conditioning`), sampled
(`solve`), decoded (`latents`) and told of (`infotext`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

import torch

from modules.engine import faces, img2img
from modules.engine.concat import blank
from modules.engine.conditioning import condition
from modules.engine.course import Course
from modules.engine.infotext import infotext_of
from modules.engine.latents import decode, to_images
from modules.engine.options import Img2ImgOptions, MergingOptions, PassOptions
from modules.engine.painting import Painting, prepared
from modules.engine.plan import Beside, Made, Plan, counted, plans, styled, uncommented, with_seeds
from modules.engine.reconstruct import reconstructed
from modules.engine.request import Img2Img, Request
from modules.engine.run import RunContext
from modules.engine.second_pass import laid_out
from modules.engine.solve import guidance_recorded
from modules.engine.stages import Stages, sampled
from modules.engine.start import Start
from modules.foundation.errors import Interrupted
from modules.prompting.options import PromptOptions


@torch.no_grad()
def generate(request: Request, run: RunContext) -> Iterator[Made]:
    """Every image the request asks for, in order, each as soon as it exists.

    An interrupted batch yields what it had come to; a batch interrupted before its first step nothing.
    """
    request = with_seeds(run.hooks.on_request(request))
    run = run.overridden_by(request)
    request, unknown = styled(request, run.styles)
    if unknown:
        run.report.comment(f"There is no style named {', '.join(map(repr, unknown))}; it was left out.")
    if run.settings[PromptOptions].enable_prompt_comments:
        request = uncommented(request)
    request = laid_out(request, run.settings)
    painting = None
    if isinstance(request, Img2Img):
        request = img2img.filled_batch(request)
        painting = prepared(request, run)
    stages = Stages.of(request, run, painting)
    tiling = run.settings[PassOptions].tiling if request.tiling is None else request.tiling
    with closing(Course(run, tiling=tiling)) as course:
        run.report.planned(request.n_iter, stages.steps(request, run))
        for plan in plans(request):
            if not run.cancel.next_batch():
                return
            run.report.batch(plan.batch_index)
            course.begin()
            yield from _batch(course, run.hooks.on_batch(plan), stages, run)


def _batch(course: Course, plan: Plan, stages: Stages, run: RunContext) -> Iterator[Made]:
    way, painting = stages.way, stages.painting
    try:
        plan = run.hooks.on_networks(course.networked(plan))
        _merge_tokens(course, plan.request, run)
        positive, negative = condition(course.handle, plan, run, counted(way.sampler, plan.request), course.words)
        start = reconstructed(course, plan, run, _start(course, plan, run, painting))
        latents = run.hooks.sample(partial(sampled, course, stages, run, start), plan, positive, negative)
    except Interrupted:
        return
    latents = run.hooks.on_latents(latents)
    pixels = run.hooks.on_pixels(decode(course.handle, latents, run))
    finish = img2img.finish(painting, plan.request, start, latents, run)
    extra = {**course.told, **course.networks_told, **guidance_recorded(course, plan, run)}
    for index, image in enumerate(to_images(pixels)):
        earlier = tuple(Beside(one, "-before-highres-fix", saved=True) for one in course.first_pictures[index:][:1])
        image, before, restoring = faces.restored(image, plan.request, run)
        made = run.hooks.on_composited(finish(run.hooks.on_image(Made(image, "", plan, index, (*earlier, *before)))))
        second = stages.second.recorded(plan, index, way) if stages.second else {}
        told = {**second, **extra, **restoring, **run.hooks.recorded(plan, index)}
        infotext = infotext_of(plan, index, course.known, run, way.sampler, way.schedule, way.knobs, told)
        yield replace(made, infotext=infotext)


def _merge_tokens(course: Course, request: Request, run: RunContext) -> None:
    options = run.settings[MergingOptions]
    course.token_merging_ratio = options.first_pass(from_picture=isinstance(request, Img2Img))
    if course.token_merging_ratio:
        course.told["Token merging ratio"] = course.token_merging_ratio


def _start(course: Course, plan: Plan, run: RunContext, painting: Painting | None) -> Start:
    """What the batch begins with besides noise."""
    handle, request = course.handle, plan.request
    if handle.variant.sees_mask:
        course.told["Conditional mask weight"] = run.settings[Img2ImgOptions].inpainting_mask_weight
    if painting is None or not isinstance(request, Img2Img):
        return Start(concat=blank(handle, len(plan.seeds), plan.width, plan.height, run))
    if course.start is None:
        first = next(plans(request))
        course.start = img2img.beginning(painting, request, handle, first.seeds, run)
    course.told |= img2img.told(painting, request, handle, course.start)
    return course.start.of_first(len(plan.seeds))
