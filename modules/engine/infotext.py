"""What a picture's infotext says: `infotext_of` writes what was done to one picture.

The way back is engine.recipe's, the form of the text prompting.infotext's. Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from modules.engine.plan import Plan, counted
from modules.foundation.options import Options
from modules.foundation.settings import Snapshot
from modules.foundation.version import VERSION
from modules.prompting import infotext, network_tags
from modules.prompting.compose import split
from modules.prompting.options import InfotextOptions, PromptOptions, TextCompatibility
from modules.prompting.schedule import schedule
from modules.sampling.catalog import Sampler, Schedule, effective
from modules.sampling.knobs import Knobs, recorded
from modules.sampling.options import NoiseOptions, SamplerOptions, ScheduleCompatibility

if TYPE_CHECKING:
    from modules.engine.model import Known
    from modules.engine.run import RunContext

PROGRAM: Final = f"Atelier {VERSION}"
"""Not a bare number: A1111 would take 0.1.0 for its own early version and turn compatibility settings on."""


def infotext_of(
    plan: Plan,
    index: int,
    known: Known,
    run: RunContext,
    sampler: Sampler,
    schedule: Schedule,
    knobs: Knobs,
    extra: Mapping[str, object],
) -> str:
    """The infotext of picture `index` of a batch.

    `extra` is what only sampling could tell (steps skipped, prompts padded), by A1111's labels; a list has one
    value for each picture of the job. A label that has a place of its own among A1111's stands there.
    """
    request, settings = plan.request, run.settings
    values: dict[str, object] = {
        "Steps": request.steps,
        "Sampler": sampler.name,
        "Schedule type": effective(sampler, schedule).label,
        "CFG scale": request.cfg_scale,
        "Image CFG scale": None,
        "Seed": plan.seeds[index],
        "Face restoration": None,
        "Size": f"{request.width}x{request.height}",
        **_model(known, settings[InfotextOptions]),
        **_variation(plan, index),
        **dict.fromkeys(("Denoising strength", "Conditional mask weight")),
        **_text(plan.prompts[index], plan.negative_prompts[index], settings[PromptOptions]),
        **_timelines(plan, index, counted(sampler, request), settings),
        **_noise(sampler, knobs, settings),
        **recorded(sampler, schedule, knobs),
        **_unrecorded(sampler, schedule, knobs),
        **extra,
        "Version": PROGRAM if settings[InfotextOptions].add_version_to_infotext else None,
        "User": run.user if settings[InfotextOptions].add_user_name_to_info else None,
    }
    in_job = plan.batch_index * len(plan.prompts) + index
    return infotext.write(plan.prompts[index], plan.negative_prompts[index], values, in_job)


def _model(known: Known, options: InfotextOptions) -> dict[str, object]:
    vae = known.vae_ref
    return {
        "Model hash": known.ref.hash if options.add_model_hash_to_info else None,
        "Model": known.ref.path.stem if options.add_model_name_to_info else None,
        "VAE hash": vae.hash if vae and options.add_vae_hash_to_info else None,
        "VAE": vae.path.name if vae and options.add_vae_name_to_info else None,
    }


def _variation(plan: Plan, index: int) -> dict[str, object]:
    request = plan.request
    found: dict[str, object] = {}
    if request.subseed_strength:
        found["Variation seed"] = plan.subseeds[index]
        found["Variation seed strength"] = request.subseed_strength
    if request.seed_resize_from_w > 0 and request.seed_resize_from_h > 0:
        found["Seed resize from"] = f"{request.seed_resize_from_w}x{request.seed_resize_from_h}"
    return found


def _text(prompt: str, negative_prompt: str, options: PromptOptions) -> dict[str, object]:
    # A1111 looks for brackets only, but mode None takes these others literally as well.
    marks = ("(", "[", "\\", "BREAK") if options.emphasis == "None" else ("(", "[")
    matters = options.emphasis != "Original" and any(mark in prompt + negative_prompt for mark in marks)
    default_wrap = PromptOptions.model_fields["comma_padding_backtrack"].default
    return {
        "Clip skip": options.CLIP_stop_at_last_layers if options.CLIP_stop_at_last_layers > 1 else None,
        "Emphasis": options.emphasis if matters else None,
        _label(PromptOptions, "comma_padding_backtrack"): options.comma_padding_backtrack
        if options.comma_padding_backtrack != default_wrap
        else None,
    }


def _timelines(plan: Plan, index: int, steps: int, settings: Snapshot) -> dict[str, object]:
    """Recorded where the two ways to read [a:b:when] differ."""
    if not settings[TextCompatibility].use_old_scheduling:
        return {}
    parts = split(network_tags.extract(plan.prompts[index])[0])
    texts = (*(part.text for part in parts), plan.negative_prompts[index])
    differs = any(schedule(text, steps, old=True) != schedule(text, steps) for text in texts)
    return {_label(TextCompatibility, "use_old_scheduling"): True if differs else None}


def _noise(sampler: Sampler, knobs: Knobs, settings: Snapshot) -> dict[str, object]:
    delta = settings[SamplerOptions].eta_noise_seed_delta
    source = settings[NoiseOptions].randn_source
    return {
        "ENSD": delta if delta and _draws_noise(sampler, knobs) else None,
        **dict.fromkeys(("Token merging ratio", "Token merging ratio hr", "Init image hash")),
        "RNG": source if source != "GPU" else None,
        "Tiling": None,
    }


def _draws_noise(sampler: Sampler, knobs: Knobs) -> bool:
    """Whether steps draw from the generators that the seed delta changes.

    A1111 asks its flag `uses_ensd` and so forgets DDIM, LCM, Restart and churn. Brownian noise is seeded apart.
    """
    if sampler.brownian_noise:
        return False
    eta, churn = "eta" in sampler.knobs and knobs.eta, "s_churn" in sampler.knobs and knobs.s_churn
    return bool(eta or churn or sampler.always_noisy)


_CHURN: Final = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": math.inf, "s_noise": 1.0}


def _unrecorded(sampler: Sampler, schedule: Schedule, knobs: Knobs) -> dict[str, object]:
    """What changes the picture and A1111 does not write: a request's own churn, UniPC's settings, old sigmas."""
    found: dict[str, object] = {}
    for name, default in _CHURN.items():
        if name in sampler.knobs and name not in knobs.churn_options and getattr(knobs, name) != default:
            found[_label(SamplerOptions, name)] = getattr(knobs, name)
    if sampler.family == "unipc":
        for name, info in SamplerOptions.model_fields.items():
            if name.startswith("uni_pc_") and getattr(knobs, name) != info.default:
                found[_label(SamplerOptions, name)] = getattr(knobs, name)
    if knobs.old_karras_sigmas and effective(sampler, schedule).path:
        found[_label(ScheduleCompatibility, "use_old_karras_scheduler_sigmas")] = True
    return found


def _label(group: type[Options], key: str) -> str:
    return group.declared()[key].infotext or key
