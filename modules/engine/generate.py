"""The pipeline: a request and a model become images, one batch after another. Start with `generate`.

Always forward: it yields, and never saves, queues or knows who asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from modules.engine.conditioning import condition, empty_prompt
from modules.engine.infotext import infotext_of
from modules.engine.latents import decode, finite, to_images
from modules.engine.model import ModelHandle
from modules.engine.options import ModelOptions, VaeOptions
from modules.engine.plan import Made, Plan, counted, plans, styled, uncommented, with_seeds
from modules.engine.request import Request
from modules.engine.run import RunContext
from modules.families import stable_diffusion
from modules.foundation.errors import Interrupted, UserError
from modules.prompting.options import PromptOptions
from modules.sampling import sample
from modules.sampling.catalog import Sampler, Schedule, resolve
from modules.sampling.guidance import CfgDenoiser, Evaluation, Pad, Tally, padded_by, padded_v0
from modules.sampling.knobs import Knobs, knobs_for
from modules.sampling.noise import ImageNoise
from modules.sampling.options import GuidanceOptions, NoiseOptions, SamplerOptions
from modules.sampling.types import Prompted, Step

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Way:
    """How a request is sampled: what its names and settings come down to."""

    sampler: Sampler
    schedule: Schedule
    knobs: Knobs

    @classmethod
    def of(cls, request: Request, run: RunContext) -> Way:
        """Raises NotFound for a sampler nobody knows."""
        sampler, schedule = resolve(request.sampler_name, request.scheduler)
        asked = {name: getattr(request, name) for name in ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise")}
        return cls(sampler, schedule, knobs_for(sampler, run.settings, **asked))


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
    way = Way.of(request, run)
    handle = run.models.acquire(
        run.settings[ModelOptions].sd_model_checkpoint,
        run.settings[ModelOptions],
        run.settings[VaeOptions],
        run.report.phase,
    )
    run.report.planned(request.n_iter, request.steps)
    for plan in plans(request):
        if not run.cancel.next_batch():
            return
        run.report.batch(plan.batch_index)
        yield from _batch(handle, run.hooks.on_batch(plan), way, run)


def _batch(handle: ModelHandle, plan: Plan, way: Way, run: RunContext) -> Iterator[Made]:
    tally = Tally()
    sampled = partial(_sampled, handle, way, run, tally)
    try:
        plan = run.hooks.on_networks(plan)
        positive, negative = condition(handle, plan, run, counted(way.sampler, plan.request))
        latents = run.hooks.sample(sampled, plan, positive, negative)
    except Interrupted:
        return
    pixels = run.hooks.on_pixels(decode(handle, run.hooks.on_latents(latents), run))
    extra = _guidance_recorded(plan, tally, run)
    for index, image in enumerate(to_images(pixels)):
        made = run.hooks.on_image(Made(image, "", plan, index))
        told = {**extra, **run.hooks.recorded(plan, index)}
        infotext = infotext_of(plan, index, handle, run, way.sampler, way.schedule, way.knobs, told)
        yield replace(made, infotext=infotext)


def _sampled(
    handle: ModelHandle,
    way: Way,
    run: RunContext,
    tally: Tally,
    plan: Plan,
    positive: Prompted,
    negative: Prompted,
) -> Tensor:
    """Clean latents [B, C, h, w], float32. A network that answers NaNs is asked again in 32 bits."""
    latents = solve(handle, way, run, tally, plan, positive, negative)
    if run.check_nans and not finite(latents):
        if handle.in_fp32("unet"):
            run.report.comment("The network produced NaNs in 16 bits; the batch was sampled again in 32 bits.")
            tally.clear()
            latents = solve(handle, way, run, tally, plan, positive, negative)
        if not finite(latents):
            raise UserError(
                f"The network of '{handle.ref.name}' produced NaNs in 32 bits: the file is damaged, or the settings "
                "of the sampler (sigmas, eta, CFG scale) are out of reason."
            )
    return latents


def solve(
    handle: ModelHandle,
    way: Way,
    run: RunContext,
    tally: Tally,
    plan: Plan,
    positive: Prompted,
    negative: Prompted,
) -> Tensor:
    """Start noise and solver. Interrupted, it goes on with the last denoised latent, as A1111 does.

    Raises Interrupted if there is none yet.
    """
    watch = _Watch(run)
    pad = _pad(handle, run)
    with handle.unet.ready() as unet:
        denoiser = CfgDenoiser(
            handle.parametrization,
            partial(stable_diffusion.predict, unet),
            positive,
            negative,
            plan.request.cfg_scale,
            on_denoise=watch.before,
            on_denoised=watch.after,
            pad=pad,
            tally=tally,
            **_guidance(plan.request, run),
        )
        try:
            return sample.txt2img(
                way.sampler,
                way.schedule,
                denoiser,
                _noise(handle, plan, run),
                plan.request.steps,
                way.knobs,
                watch.step,
            )
        except Interrupted:
            if watch.denoised is None:
                raise
            return watch.denoised


class _Watch:
    """Stops at the user's wish before any call of the network, and reports every step."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self.denoised: Tensor | None = None

    def before(self, evaluation: Evaluation) -> Evaluation:
        self._run.cancel.check()
        return evaluation

    def after(self, _evaluation: Evaluation, denoised: Tensor) -> Tensor:
        self.denoised = denoised
        return denoised

    def step(self, step: Step) -> None:
        self._run.report.step(step.index, step.denoised)


def _noise(handle: ModelHandle, plan: Plan, run: RunContext) -> ImageNoise:
    request, latent = plan.request, handle.latent_format
    return ImageNoise(
        plan.seeds,
        (latent.channels, plan.height // latent.downscale, plan.width // latent.downscale),
        handle.device,
        run.settings[NoiseOptions].randn_source,
        subseeds=plan.subseeds,
        subseed_strength=request.subseed_strength,
        seed_resize_from=(request.seed_resize_from_w, request.seed_resize_from_h),
        eta_noise_seed_delta=run.settings[SamplerOptions].eta_noise_seed_delta,
    )


def _guidance(request: Request, run: RunContext) -> dict[str, Any]:
    options = run.settings[GuidanceOptions]
    asked = request.s_min_uncond
    return {
        "batch_cond_uncond": options.batch_cond_uncond,
        "s_min_uncond": options.s_min_uncond if asked is None else asked,
        "s_min_uncond_all": options.s_min_uncond_all,
        "skip_early_cond": run.settings[SamplerOptions].skip_early_cond,
    }


def _pad(handle: ModelHandle, run: RunContext) -> Pad | None:
    """How prompts of different length are brought to one, if they are to be."""
    options = run.settings[GuidanceOptions]
    if options.pad_cond_uncond_v0:
        return padded_v0
    return padded_by(empty_prompt(handle, run)) if options.pad_cond_uncond else None


def _guidance_recorded(plan: Plan, tally: Tally, run: RunContext) -> dict[str, Any]:
    guidance = _guidance(plan.request, run)
    found: dict[str, Any] = {}
    if tally.skipped_early:
        found["Skip Early CFG"] = guidance["skip_early_cond"]
    if tally.skipped:
        found["NGMS"] = guidance["s_min_uncond"]
        found |= {"NGMS all steps": True} if guidance["s_min_uncond_all"] else {}
    if tally.padded:
        found["Pad conds v0" if run.settings[GuidanceOptions].pad_cond_uncond_v0 else "Pad conds"] = True
    return found
