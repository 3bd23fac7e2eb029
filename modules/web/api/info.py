"""The `info` of a generation reply: A1111's JSON text about what was made.

What the pictures themselves say is taken from their infotexts, so that both always agree.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modules.engine.request import Request
from modules.prompting import infotext

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.result import SavedImage

_TOLD = frozenset(infotext.FIRST) | set(infotext.LAST) | {"Size-1", "Size-2", "Prompt", "Negative prompt"}
"""Labels that `info` has as keys of its own, or not at all."""


def of(request: Request, delivered: Sequence[SavedImage], job: Job) -> str:
    """`info` for what a finished job delivered, grids first; of the request alone if that is nothing."""
    images = [image for image in delivered if not (image.grid or image.beside)]
    text = images[0].infotext if images else ""
    labels = infotext.parse(text, backcompat=False) if text else {}
    return json.dumps(
        {
            "prompt": images[0].prompt if images else request.prompt,
            "all_prompts": [image.prompt for image in images],
            "negative_prompt": images[0].negative_prompt if images else request.negative_prompt,
            "all_negative_prompts": [image.negative_prompt for image in images],
            "seed": images[0].seed if images else request.seed,
            "all_seeds": [image.seed for image in images],
            "subseed": images[0].subseed if images else request.subseed,
            "all_subseeds": [image.subseed for image in images],
            "subseed_strength": request.subseed_strength or 0,
            "width": request.width,
            "height": request.height,
            "sampler_name": labels.get("Sampler", request.sampler_name),
            "cfg_scale": request.cfg_scale,
            "steps": request.steps,
            "batch_size": request.batch_size,
            "restore_faces": "Face restoration" in labels,
            "face_restoration_model": labels.get("Face restoration"),
            "sd_model_name": labels.get("Model"),
            "sd_model_hash": labels.get("Model hash"),
            "sd_vae_name": labels.get("VAE"),
            "sd_vae_hash": labels.get("VAE hash"),
            "seed_resize_from_w": request.seed_resize_from_w,
            "seed_resize_from_h": request.seed_resize_from_h,
            "denoising_strength": getattr(request, "denoising_strength", None),
            "extra_generation_params": _extra(text, labels),
            "index_of_first_image": sum(image.grid for image in delivered),
            "infotexts": [image.infotext for image in delivered if not image.beside],
            "styles": list(getattr(job.request, "styles", ())),
            "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(job.started_at or job.queued_at)),
            "clip_skip": int(labels.get("Clip skip", 1)),
            "is_using_inpainting_conditioning": "Conditional mask weight" in labels,
            "version": labels.get("Version"),
        }
    )


def _extra(text: str, labels: Mapping[str, Any]) -> dict[str, Any]:
    """What the parameter line says beyond the fixed labels; not what reading fills in."""
    line = text.rpartition("\n")[2]
    return {key: value for key, value in labels.items() if key not in _TOLD and f"{key}: " in line}
