"""The second pass of a batch: the first's latents or pictures made larger and sampled. Start with `second_pass`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from modules.engine import concat
from modules.engine.conditioning import condition
from modules.engine.latents import decode, encode, to_images, to_pixels
from modules.engine.options import Img2ImgOptions, MergingOptions, PassCompatibility
from modules.engine.plan import counted
from modules.engine.solve import Handover, solved
from modules.engine.start import Start
from modules.foundation.errors import Interrupted
from modules.store.options import SavingOptions

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from modules.engine.course import Course
    from modules.engine.plan import Plan
    from modules.engine.refiner import Refiner
    from modules.engine.run import RunContext
    from modules.engine.second_pass import LatentMode, SecondPass
    from modules.engine.way import Way
    from modules.sampling.types import Prompted

    Told = tuple[Prompted, Prompted]


def told_early(course: Course, second: SecondPass | None, way: Way, plan: Plan, run: RunContext) -> Told | None:
    """The second pass's prompts as the first pass's model and networks read them, if the settings want that."""
    if second is None or not run.settings[PassCompatibility].hires_fix_use_firstpass_conds:
        return None
    return _told(course, second, way, second.plan(plan), run)


def second_pass(
    course: Course,
    second: SecondPass,
    refiner: Refiner | None,
    way: Way,
    run: RunContext,
    plan: Plan,
    first: Tensor | Image.Image,
    told: Told | None = None,
) -> Tensor:
    """Clean latents [B, C, h, w] of the larger picture. `way` and `plan` are the first pass's.

    `first` are its latents, or a picture in their place. Interrupted before anything could be sampled, it answers
    with the first pass's latents; raises Interrupted where there are none.
    """
    try:
        run.cancel.check()
        latents, beside = _enlarged(course, second, run, plan, first)
        larger = course.networked(second.plan(plan))
        told = told or _told(course, second, way, larger, run)
    except Interrupted:
        if not isinstance(first, torch.Tensor):
            raise
        return first
    course.token_merging_ratio = run.settings[MergingOptions].high_res_pass()
    if course.token_merging_ratio:
        course.told["Token merging ratio hr"] = course.token_merging_ratio
    extra_noise = run.settings[Img2ImgOptions].img2img_extra_noise
    if extra_noise:
        course.told["Extra noise"] = extra_noise
    start = Start(
        latent=latents,
        denoising_strength=second.denoising_strength,
        exact_steps=True,
        extra_noise=extra_noise,
        concat=beside,
    )
    handover = Handover(refiner, lambda: _told(course, second, way, larger, run)) if refiner else None
    return solved(course, second.way, run, start, handover, larger, *told)


def _told(course: Course, second: SecondPass, way: Way, larger: Plan, run: RunContext) -> Told:
    before = counted(way.sampler, larger.request.model_copy(update={"steps": second.first_steps}))
    steps = counted(second.way.sampler, larger.request)
    return condition(course.handle, larger, run, steps, course.words, first_pass=before)


def _enlarged(
    course: Course, second: SecondPass, run: RunContext, plan: Plan, first: Tensor | Image.Image
) -> tuple[Tensor, Tensor | None]:
    """Latents at the second pass's size, of the model it runs with, and what that sees beside them."""
    if second.latent_mode is not None:
        return _latents_enlarged(course, second, second.latent_mode, run, plan, first)
    if isinstance(first, torch.Tensor):
        images = to_images(decode(course.handle, first, run))
        _keep(course, images, run)
    else:
        images = [first]
    _exchange(course, second)
    run.report.phase("Upscaling")
    target = second.target
    larger = [
        run.upscalers.to_size(
            second.upscaler, image, target.width, target.height, run.settings, cancel=run.cancel.check
        )
        for image in images
    ]
    pixels = to_pixels(larger)
    latents = encode(course.handle, pixels, run, plan.seeds)
    beside = concat.of_pixels(course.handle, pixels, None, _size(latents), run)
    return _cropped(latents, second), None if beside is None else _cropped(beside, second)


def _latents_enlarged(
    course: Course,
    second: SecondPass,
    mode: LatentMode,
    run: RunContext,
    plan: Plan,
    first: Tensor | Image.Image,
) -> tuple[Tensor, Tensor | None]:
    if isinstance(first, torch.Tensor):
        if run.settings[SavingOptions].save_images_before_highres_fix:
            _keep(course, to_images(decode(course.handle, first, run)), run)
    else:
        first = encode(course.handle, to_pixels([first]), run, plan.seeds)
    _exchange(course, second)
    downscale = course.handle.latent_format.downscale
    size = (second.target.height // downscale, second.target.width // downscale)
    latents = functional.interpolate(first, size=size, mode=mode.mode, antialias=mode.antialias)
    if course.handle.variant.sees_mask and run.settings[Img2ImgOptions].inpainting_mask_weight < 1:
        beside = concat.of_pixels(course.handle, decode(course.handle, latents, run), None, size, run)
    else:
        beside = concat.blank(course.handle, len(latents), size[1] * downscale, size[0] * downscale, run)
    return _cropped(latents, second), None if beside is None else _cropped(beside, second)


def _exchange(course: Course, second: SecondPass) -> None:
    """The model of the second pass: its own, or the first's again where a refiner took over."""
    if second.checkpoint is not None:
        course.exchange(second.checkpoint.name)
    elif course.exchanged:
        course.restore()


def _keep(course: Course, images: list[Image.Image], run: RunContext) -> None:
    """The first pass's pictures, if the settings want them saved."""
    if run.settings[SavingOptions].save_images_before_highres_fix:
        course.first_pictures = tuple(images)


def _size(latents: Tensor) -> tuple[int, int]:
    return latents.shape[-2], latents.shape[-1]


def _cropped(latents: Tensor, second: SecondPass) -> Tensor:
    """Without what the target's shape has no room for; of an odd excess the larger half goes at the end."""
    x, y = second.target.crop_x, second.target.crop_y
    h, w = latents.shape[-2:]
    return latents[..., y // 2 : h - (y + 1) // 2, x // 2 : w - (x + 1) // 2]
