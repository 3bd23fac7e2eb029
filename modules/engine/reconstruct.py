"""Beginning an img2img run with the noise its picture could have come from, see `sampling.inversion`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modules.engine.conditioning import condition
from modules.engine.request import Img2Img
from modules.engine.solve import denoiser_of, noise_of
from modules.foundation.errors import UserError
from modules.sampling.inversion import inverted, mixed
from modules.sampling.schedules import uniform

if TYPE_CHECKING:
    from modules.engine.course import Course
    from modules.engine.plan import Plan
    from modules.engine.run import RunContext
    from modules.engine.start import Start


def reconstructed(course: Course, plan: Plan, run: RunContext, start: Start) -> Start:
    """The start with its noise found, if the request asks for that; else as it is."""
    request = plan.request
    asked = request.reconstruction if isinstance(request, Img2Img) else None
    if asked is None or start.latent is None:
        return start
    if course.handle.parametrization.sigma_max <= 1:
        raise UserError("The noise of a picture can be found with Stable Diffusion models only, not with this one.")
    run.report.phase("Finding the noise of the picture")
    count = len(plan.seeds)
    original = replace(
        plan, prompts=(asked.prompt,) * count, negative_prompts=(asked.negative_prompt,) * count, request=request
    )
    told = condition(course.handle, original, run, asked.steps, course.words)
    plain = request.model_copy(
        update={"cfg_scale": asked.cfg_scale, "apg": False, "pag_scale": 0.0, "guidance_rescale": 0.0}
    )
    # A mask holds while the picture is painted, not while its noise is found.
    denoiser = denoiser_of(course, run, plain, replace(start, mask=None), *told)
    parametrization = course.handle.parametrization
    sigmas = uniform(
        asked.steps, parametrization.sigma_min, parametrization.sigma_max, parametrization=parametrization
    ).to(start.latent.device)
    model = denoiser.for_run(lambda same: same, levels_are_timesteps=False, planned=asked.steps)
    found = inverted(model, start.latent, sigmas, adjusted=asked.sigma_adjustment)
    noise = mixed(found, noise_of(course, plan, run).first(), asked.randomness)
    # The run will add the latent to it again, which at full strength is not to be seen twice.
    return replace(start, noise=noise - start.latent / float(sigmas[0]))
