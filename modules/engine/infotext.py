"""What a picture's infotext says, and what it asks for when it is read again.

`infotext_of` writes what was done to one picture; `request_fields` turns a text that was read by `read`
into the request that makes the same picture. The form of the text is prompting.infotext's. Torch-free.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from modules.engine.options import ModelOptions, VaeOptions
from modules.engine.plan import Plan, counted
from modules.engine.request import Txt2Img
from modules.foundation.errors import NotFound, UserError
from modules.foundation.options import Options
from modules.foundation.settings import Snapshot
from modules.foundation.version import VERSION
from modules.prompting import infotext, network_tags
from modules.prompting.compose import split
from modules.prompting.options import InfotextOptions, PromptOptions, TextCompatibility
from modules.prompting.schedule import schedule
from modules.sampling.catalog import Sampler, Schedule, effective, resolve
from modules.sampling.knobs import Knobs, recorded
from modules.sampling.options import NoiseOptions, SamplerOptions, ScheduleCompatibility

if TYPE_CHECKING:
    from modules.engine.model import ModelHandle
    from modules.engine.run import RunContext

log = logging.getLogger(__name__)

PROGRAM: Final = f"Atelier {VERSION}"
"""Not a bare number: A1111 would take 0.1.0 for its own early version and turn compatibility settings on."""

FIELDS: Final[Mapping[str, str]] = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Steps": "steps",
    "CFG scale": "cfg_scale",
    "Seed": "seed",
    "Size-1": "width",
    "Size-2": "height",
    "Batch size": "batch_size",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Seed resize from-1": "seed_resize_from_w",
    "Seed resize from-2": "seed_resize_from_h",
}
"""Label to request field; "Sampler" and "Schedule type" are resolved together, other labels are settings."""
NO_VARIATION: Final = {"subseed_strength": 0.0, "seed_resize_from_w": -1, "seed_resize_from_h": -1}


def infotext_of(
    plan: Plan,
    index: int,
    handle: ModelHandle,
    run: RunContext,
    sampler: Sampler,
    schedule: Schedule,
    knobs: Knobs,
    extra: Mapping[str, object],
) -> str:
    """The infotext of picture `index` of a batch.

    `extra` is what only sampling could tell (steps skipped, prompts padded), by A1111's labels; a list has one
    value for each picture of the job.
    """
    request, settings = plan.request, run.settings
    values: dict[str, object] = {
        "Steps": request.steps,
        "Sampler": sampler.name,
        "Schedule type": effective(sampler, schedule).label,
        "CFG scale": request.cfg_scale,
        "Seed": plan.seeds[index],
        "Size": f"{request.width}x{request.height}",
        **_model(handle, settings[InfotextOptions]),
        **_variation(plan, index),
        **_text(plan.prompts[index], plan.negative_prompts[index], settings[PromptOptions]),
        **_timelines(plan, index, counted(sampler, request), settings),
        **_noise(sampler, knobs, settings),
        **recorded(sampler, schedule, knobs),
        **_unrecorded(sampler, schedule, knobs),
        **extra,
        "Version": PROGRAM if settings[InfotextOptions].add_version_to_infotext else None,
    }
    in_job = plan.batch_index * len(plan.prompts) + index
    return infotext.write(plan.prompts[index], plan.negative_prompts[index], values, in_job)


def read(text: str, settings: Snapshot) -> dict[str, Any]:
    """The labels and values of an infotext, as the settings want it read."""
    found = infotext.parse(text, backcompat=settings[TextCompatibility].auto_backcompat)
    skipped = settings[InfotextOptions].infotext_skip_pasting
    return {label: value for label, value in found.items() if label not in skipped}


def request_fields(parsed: Mapping[str, Any], settings: Snapshot) -> dict[str, Any]:
    """The fields of the request that makes the picture an infotext tells of; the others are left to the caller.

    Settings that must differ from `settings` are in `override_settings`. A value that does not fit its
    field is left out, for infotexts come from anywhere.
    """
    # A text that names the seed tells that there was no variation by leaving it out.
    fields: dict[str, Any] = dict(NO_VARIATION) if "Seed" in parsed else {}
    for label, field in FIELDS.items():
        if label in parsed:
            fields |= _fitting(field, parsed[label])
    if "Sampler" in parsed:
        fields |= _sampler_fields(str(parsed["Sampler"]), str(parsed.get("Schedule type", "")))
    overrides: dict[str, Any] = {}
    for key, group, told in _settings_told(parsed, settings):
        default = type(group).model_fields[key].default
        current, value = getattr(group, key), _cast(told, default)
        if value == current or (isinstance(value, float) and not math.isfinite(value)):
            continue
        if _is_allowed(settings, key, value):
            overrides[key] = value
        elif asked := _fitting(_FIELD_OF.get(key, key), value):
            # A request may ask for more than a slider has room for, but yields to a setting that was changed.
            fields |= asked
            if current != default:
                overrides[key] = default
    fields["override_settings"] = overrides | _checkpoint(parsed, settings)
    return fields


_FIELD_OF: Final = {"eta_ancestral": "eta", "eta_ddim": "eta"}
_CHURN: Final = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": math.inf, "s_noise": 1.0}


def _model(handle: ModelHandle, options: InfotextOptions) -> dict[str, object]:
    vae = handle.vae_ref
    return {
        "Model hash": handle.ref.hash if options.add_model_hash_to_info else None,
        "Model": handle.ref.path.stem if options.add_model_name_to_info else None,
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
        "RNG": source if source != "GPU" else None,
    }


def _draws_noise(sampler: Sampler, knobs: Knobs) -> bool:
    """Whether steps draw from the generators that the seed delta changes.

    A1111 asks its flag `uses_ensd` and so forgets DDIM, LCM, Restart and churn. Brownian noise is seeded apart.
    """
    if sampler.brownian_noise:
        return False
    eta, churn = "eta" in sampler.knobs and knobs.eta, "s_churn" in sampler.knobs and knobs.s_churn
    return bool(eta or churn or sampler.always_noisy)


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


def _settings_told(parsed: Mapping[str, Any], settings: Snapshot) -> Iterator[tuple[str, Options, Any]]:
    """Key, group and value of every setting that the infotext tells of.

    Our own infotexts also tell by leaving out: what is not mentioned was at its default.
    """
    ours = str(parsed.get("Version", "")).startswith(PROGRAM.split()[0])
    for group in settings.groups.values():
        for key, about in group.declared().items():
            if about.infotext is None or key in _FILES:
                continue
            if about.infotext in parsed:
                yield key, group, parsed[about.infotext]
            elif ours:
                yield key, group, type(group).model_fields[key].default
    vae = settings[VaeOptions]
    if "VAE" in parsed:
        yield "sd_vae", vae, parsed["VAE"]
    elif ours and settings[InfotextOptions].add_vae_name_to_info and vae.sd_vae != "Automatic":
        yield "sd_vae", vae, "None"


_FILES: Final = ("sd_model_checkpoint", "sd_vae")
"""Settings that name files; their labels say something else than the setting's value."""


def _checkpoint(parsed: Mapping[str, Any], settings: Snapshot) -> dict[str, Any]:
    if settings[InfotextOptions].disable_weights_auto_swap:
        return {}
    current = settings[ModelOptions].sd_model_checkpoint or ""
    name, _, rest = current.partition(" [")
    if found := parsed.get("Model hash"):
        return {} if rest == f"{found}]" else {"sd_model_checkpoint": str(found)}
    if found := parsed.get("Model"):
        return {} if PurePath(name).stem == found else {"sd_model_checkpoint": str(found)}
    return {}


def _sampler_fields(name: str, schedule: str) -> dict[str, Any]:
    try:
        sampler, resolved = resolve(name, schedule)
    except NotFound:
        # Whoever runs it is told which samplers there are.
        return {"sampler_name": name, "scheduler": schedule}
    return {"sampler_name": sampler.name, "scheduler": resolved.label}


def _fitting(field: str, value: Any) -> dict[str, Any]:
    """The field with its value in the field's type; nothing if there is no such field or it cannot hold that."""
    if field not in Txt2Img.model_fields:
        return {}
    try:
        return {field: getattr(Txt2Img.model_validate({field: value}), field)}
    except ValidationError:
        log.info("An infotext's %s cannot be %.80r.", field, value)
        return {}


def _cast(value: Any, default: Any) -> Any:
    """The value in the default's type, as A1111 does: of booleans only "False" is false."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value) != "False"
    try:
        if isinstance(default, int):
            return int(float(value))
        return type(default)(value) if isinstance(default, float | str) else value
    except (ValueError, OverflowError):
        return value


def _is_allowed(settings: Snapshot, key: str, value: Any) -> bool:
    try:
        settings.overridden({key: value})
    except UserError:
        return False
    return True
