"""One pass of a batch: noise, a start, conditioning and a solver make clean latents. Start with `solved`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from modules.engine.conditioning import empty_prompt
from modules.engine.latents import finite
from modules.engine.start import Start
from modules.foundation.errors import Interrupted, UserError
from modules.sampling import sample
from modules.sampling.guidance import CfgDenoiser, Evaluation, Pad, padded_by, padded_v0
from modules.sampling.noise import ImageNoise
from modules.sampling.options import GuidanceOptions, NoiseOptions, SamplerOptions
from modules.sampling.relay import Prepared, Relay

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from modules.engine.course import Course
    from modules.engine.plan import Plan
    from modules.engine.refiner import Refiner
    from modules.engine.request import Request
    from modules.engine.run import RunContext
    from modules.engine.way import Way
    from modules.sampling.parametrization import Parametrization
    from modules.sampling.types import Prompted, Step

FROM_NOISE = Start()


@dataclass(frozen=True, slots=True)
class Handover:
    """A refiner, and the pass's prompts as the model then in use reads them."""

    refiner: Refiner
    reread: Callable[[], tuple[Prompted, Prompted]]


def solved(
    course: Course,
    way: Way,
    run: RunContext,
    start: Start,
    handover: Handover | None,
    plan: Plan,
    positive: Prompted,
    negative: Prompted,
) -> Tensor:
    """Clean latents [B, C, h, w], float32. A network that answers NaNs is asked again in 32 bits."""
    before, model = course.steps, course.handle.ref.path
    latents = solve(course, way, run, plan, positive, negative, start, handover)
    if run.check_nans and not finite(latents):
        if course.handle.ref.path == model and course.handle.in_fp32("unet"):
            run.report.comment("The network produced NaNs in 16 bits; the batch was sampled again in 32 bits.")
            course.steps = before
            latents = solve(course, way, run, plan, positive, negative, start, handover)
        if not finite(latents):
            raise UserError(
                f"The network of '{course.handle.ref.name}' produced NaNs: the file is damaged, the settings of the "
                "sampler (sigmas, eta, CFG scale) are out of reason, or 16 bits are too few for it ('Compute in 32 "
                "bits' in the settings)."
            )
    return latents


def solve(
    course: Course,
    way: Way,
    run: RunContext,
    plan: Plan,
    positive: Prompted,
    negative: Prompted,
    start: Start = FROM_NOISE,
    handover: Handover | None = None,
) -> Tensor:
    """Start and solver. Interrupted, it goes on with the last denoised latent, as A1111 does, or with the start's.

    Raises Interrupted if there is neither.
    """
    watch = _Watch(run, course)
    request, noise = plan.request, noise_of(course, plan, run, start)
    course.tally.evaluations = 0
    denoiser: Prepared = _denoiser(course, run, watch, request, start, positive, negative)
    if handover:
        denoiser = Relay(denoiser, _successor(course, run, watch, request, start, handover))
    try:
        if start.latent is None:
            return sample.txt2img(way.sampler, way.schedule, denoiser, noise, request.steps, way.knobs, watch.step)
        latents = sample.img2img(
            way.sampler,
            way.schedule,
            denoiser,
            noise,
            start.latent,
            request.steps,
            start.denoising_strength,
            way.knobs,
            watch.step,
            exact_steps=start.exact_steps,
            noise_multiplier=start.noise_multiplier,
            extra_noise=start.extra_noise,
        )
        return start.finished(latents)
    except Interrupted:
        found = start.latent if watch.denoised is None else watch.denoised
        if found is None:
            raise
        return start.finished(found)
    finally:
        course.steps += watch.steps


class _Watch:
    """Stops at the user's wish before any call of the network, and reports every step."""

    def __init__(self, run: RunContext, course: Course) -> None:
        self._run = run
        self._earlier = course.steps
        self.steps = 0
        self.denoised: Tensor | None = None

    def before(self, evaluation: Evaluation) -> Evaluation:
        self._run.cancel.check()
        return evaluation

    def after(self, _evaluation: Evaluation, denoised: Tensor) -> Tensor:
        self.denoised = denoised
        return denoised

    def step(self, step: Step) -> None:
        self.steps = step.index + 1
        self._run.report.step(self._earlier + step.index, step.denoised)


def _successor(
    course: Course, run: RunContext, watch: _Watch, request: Request, start: Start, handover: Handover
) -> Callable[[Parametrization, float, float], Prepared | None]:
    """Asked before each evaluation: the refiner's denoiser once it is its turn."""

    def successor(parametrization: Parametrization, sigma: float, done: float) -> Prepared | None:
        if not handover.refiner.is_due(course, parametrization, sigma, done):
            return None
        handover.refiner.take_over(course, run)
        seen = course.handle.variant.sees_latent or course.handle.variant.sees_mask
        told = start if seen else replace(start, concat=None)
        return _denoiser(course, run, watch, request, told, *handover.reread())

    return successor


def _denoiser(
    course: Course,
    run: RunContext,
    watch: _Watch,
    request: Request,
    start: Start,
    positive: Prompted,
    negative: Prompted,
) -> CfgDenoiser:
    return CfgDenoiser(
        course.handle.parametrization,
        course.predict,
        start.told(positive),
        start.told(negative),
        request.cfg_scale,
        on_denoise=watch.before,
        on_denoised=watch.after,
        pad=_pad(course, run),
        tally=course.tally,
        blend=start.blend,
        image_cfg_scale=start.image_cfg_scale,
        guide=request.guide(),
        perturbed=course.predict_perturbed,
        **_guidance(request, run),
    )


def noise_of(course: Course, plan: Plan, run: RunContext, start: Start = FROM_NOISE) -> ImageNoise:
    """The noise of a batch, by its seeds; it begins with the start's where that has some."""
    request, latent = plan.request, course.handle.latent_format
    return ImageNoise(
        plan.seeds,
        (latent.channels, plan.height // latent.downscale, plan.width // latent.downscale),
        course.handle.device,
        run.settings[NoiseOptions].randn_source,
        subseeds=plan.subseeds,
        subseed_strength=request.subseed_strength,
        seed_resize_from=(request.seed_resize_from_w, request.seed_resize_from_h),
        eta_noise_seed_delta=run.settings[SamplerOptions].eta_noise_seed_delta,
        given=start.noise,
    )


def denoiser_of(
    course: Course, run: RunContext, request: Request, start: Start, positive: Prompted, negative: Prompted
) -> CfgDenoiser:
    """The model in use, guided by the request, for evaluations that are no steps of a run but can be interrupted."""
    return _denoiser(course, run, _Watch(run, course), request, start, positive, negative)


def _guidance(request: Request, run: RunContext) -> dict[str, Any]:
    options = run.settings[GuidanceOptions]
    asked = request.s_min_uncond
    return {
        "batch_cond_uncond": options.batch_cond_uncond,
        "s_min_uncond": options.s_min_uncond if asked is None else asked,
        "s_min_uncond_all": options.s_min_uncond_all,
        "skip_early_cond": run.settings[SamplerOptions].skip_early_cond,
    }


def _pad(course: Course, run: RunContext) -> Pad | None:
    """How prompts of different length are brought to one, if they are to be."""
    options = run.settings[GuidanceOptions]
    if options.pad_cond_uncond_v0:
        return padded_v0
    return padded_by(empty_prompt(course.handle, run)) if options.pad_cond_uncond else None


def guidance_recorded(course: Course, plan: Plan, run: RunContext) -> dict[str, Any]:
    """What guidance did that the settings alone do not tell, by A1111's labels."""
    guidance, tally = _guidance(plan.request, run), course.tally
    found: dict[str, Any] = plan.request.recorded()
    if tally.skipped_early:
        found["Skip Early CFG"] = guidance["skip_early_cond"]
    if tally.skipped:
        found["NGMS"] = guidance["s_min_uncond"]
        found |= {"NGMS all steps": True} if guidance["s_min_uncond_all"] else {}
    if tally.padded:
        found["Pad conds v0" if run.settings[GuidanceOptions].pad_cond_uncond_v0 else "Pad conds"] = True
    return found
