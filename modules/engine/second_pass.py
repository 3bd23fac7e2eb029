"""A second pass whose names were looked up: which sampler, size, upscaler and model it runs with. Torch-free.

The fields are `high_res`'s; `hires` does the work. Start with `SecondPass.of`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modules.engine.high_res import LATENT_MODES, STRENGTH, LatentMode, Target
from modules.engine.request import Txt2Img
from modules.engine.way import Way
from modules.prompting.options import TextCompatibility
from modules.sampling.catalog import effective

if TYPE_CHECKING:
    from modules.engine.plan import Plan
    from modules.engine.request import Request
    from modules.engine.run import RunContext
    from modules.foundation.settings import Snapshot
    from modules.store.model_files import CheckpointFile


@dataclass(frozen=True, slots=True)
class SecondPass:
    """A second pass whose names were looked up and whose size is known."""

    target: Target
    way: Way
    first_steps: int
    steps: int
    cfg_scale: float
    denoising_strength: float
    latent_mode: LatentMode | None
    upscaler: str
    checkpoint: CheckpointFile | None
    first_picture: str | None
    """Its name in `store.inputs`."""

    @classmethod
    def of(cls, request: Request, way: Way, run: RunContext) -> SecondPass | None:
        """None where none is asked for. Raises NotFound for names nobody knows, UserError for a size out of range."""
        if not isinstance(request, Txt2Img) or not request.enable_hr:
            return None
        asked = _as_second(request, way)
        modes = {mode.name: mode for mode in LATENT_MODES}
        mode = modes.get(request.hr_upscaler or LATENT_MODES[0].name)
        if mode is None:
            run.upscalers.find(request.hr_upscaler)
        found = run.catalog.closest_checkpoint(request.hr_checkpoint_name) if request.hr_checkpoint_name else None
        strength = request.denoising_strength
        return cls(
            target=Target.of(request.width, request.height, request.hr_scale, request.hr_resize_x, request.hr_resize_y),
            way=Way.of(asked, run),
            first_steps=request.steps,
            steps=asked.steps,
            cfg_scale=request.hr_cfg or request.cfg_scale,
            denoising_strength=STRENGTH if strength is None else strength,
            latent_mode=mode,
            upscaler=request.hr_upscaler,
            checkpoint=found,
            first_picture=request.firstpass_image,
        )

    @property
    def walked(self) -> int:
        """Steps that are made; none at a denoising strength of 0."""
        return self.steps if self.denoising_strength else 0

    def plan(self, first: Plan) -> Plan:
        """The batch of the second pass, a plan of its own."""
        request = first.request.model_copy(
            update={
                "steps": self.steps,
                "cfg_scale": self.cfg_scale,
                "sampler_name": self.way.sampler.name,
                "scheduler": self.way.schedule.label,
                "sigmas": (),
            }
        )
        width, height = self.target.final
        return replace(
            first,
            request=request,
            prompts=first.hr_prompts or first.prompts,
            negative_prompts=first.hr_negative_prompts or first.negative_prompts,
            width=width,
            height=height,
        )

    def recorded(self, first: Plan, index: int, way: Way) -> Mapping[str, object]:
        """What picture `index`'s infotext says of it, in A1111's order of keys; `way` is the first pass's."""
        request, second = first.request, self.plan(first)
        assert isinstance(request, Txt2Img)
        sized = bool(request.hr_resize_x or request.hr_resize_y)
        prompt, negative = second.prompts[index], second.negative_prompts[index]
        now, before = effective(self.way.sampler, self.way.schedule), effective(way.sampler, way.schedule)
        other_cfg = self.cfg_scale != request.cfg_scale
        return {
            "Denoising strength": self.denoising_strength,
            "Hires checkpoint": short_title(self.checkpoint) if self.checkpoint else None,
            "Hires sampler": self.way.sampler.name if self.way.sampler != way.sampler else None,
            "Hires prompt": prompt if prompt != first.prompts[index] else None,
            "Hires negative prompt": negative if negative != first.negative_prompts[index] else None,
            "Hires schedule type": now.label if now != before else None,
            "Hires CFG Scale": self.cfg_scale if other_cfg else None,
            "Hires resize": f"{request.hr_resize_x}x{request.hr_resize_y}" if sized else None,
            "Hires upscale": None if sized else request.hr_scale,
            "Hires steps": request.hr_second_pass_steps or None,
            "Hires upscaler": request.hr_upscaler or None,
        }


def short_title(file: CheckpointFile) -> str:
    """A1111's: the file's name without folder and ending, and ten characters of its checksum."""
    return f"{file.stem} [{file.sha256[:10]}]" if file.sha256 else file.stem


def laid_out(request: Request, settings: Snapshot) -> Request:
    """The same request with width and height those of the first pass, in whichever way they were given."""
    if not isinstance(request, Txt2Img) or not request.enable_hr or request.firstpass_image:
        return request
    width, height = request.firstphase_width, request.firstphase_height
    if not width and not height:
        if not settings[TextCompatibility].use_old_hires_fix_width_height:
            return request
        width, height = _first_of(request.width, request.height)
    width = width or height * request.width // request.height
    height = height or width * request.height // request.width
    return request.model_copy(
        update={
            "firstphase_width": 0,
            "firstphase_height": 0,
            "hr_resize_x": request.width,
            "hr_resize_y": request.height,
            "width": width,
            "height": height,
        }
    )


def _first_of(width: int, height: int) -> tuple[int, int]:
    """A first pass of about 512x512 pixels and the same shape, in multiples of 64 upwards: the old hires fix."""
    scale = math.sqrt(512 * 512 / (width * height))
    return math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64


def _as_second(request: Txt2Img, way: Way) -> Txt2Img:
    """The request as the second pass reads it: sampler, schedule and steps its own, or the first pass's."""
    update: dict[str, object] = {
        "sampler_name": request.hr_sampler_name or way.sampler.name,
        "scheduler": request.hr_scheduler or way.schedule.label,
        "steps": request.hr_second_pass_steps or request.steps,
        "sigmas": (),
    }
    return request.model_copy(update=update)
