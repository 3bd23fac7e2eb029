"""From an infotext back to the request that makes the same picture. Start with `read`, then `request_fields`.

What is written into infotexts is engine.infotext's. Torch-free.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any, Final

from pydantic import BaseModel, ValidationError, create_model

from modules.engine import advanced
from modules.engine.infotext import PROGRAM
from modules.engine.options import ModelOptions, VaeOptions
from modules.engine.request import Request, Txt2Img
from modules.foundation.errors import NotFound, UserError
from modules.foundation.options import Options
from modules.foundation.settings import Snapshot
from modules.prompting import infotext
from modules.prompting.options import InfotextOptions, TextCompatibility
from modules.prompting.styles import Style
from modules.sampling.catalog import effective, resolve

log = logging.getLogger(__name__)

FIELDS: Final[Mapping[str, str]] = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Styles array": "styles",
    "Steps": "steps",
    "CFG scale": "cfg_scale",
    "Image CFG scale": "image_cfg_scale",
    "Seed": "seed",
    "Size-1": "width",
    "Size-2": "height",
    "Batch size": "batch_size",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Seed resize from-1": "seed_resize_from_w",
    "Seed resize from-2": "seed_resize_from_h",
    "Tiling": "tiling",
    "Denoising strength": "denoising_strength",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
    "Hires CFG Scale": "hr_cfg",
    "Hires resize-1": "hr_resize_x",
    "Hires resize-2": "hr_resize_y",
    "Hires checkpoint": "hr_checkpoint_name",
    "Hires prompt": "hr_prompt",
    "Hires negative prompt": "hr_negative_prompt",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
    "Face restoration": "restore_faces",
    "Mask blur": "mask_blur",
    "Mask mode": "inpainting_mask_invert",
    "Masked content": "inpainting_fill",
    "Inpaint area": "inpaint_full_res",
    "Masked area padding": "inpaint_full_res_padding",
    **advanced.LABELS,
    **advanced.LEVELS,
}
"""Label to request field; other labels than these and SAMPLING are settings."""
SAMPLING: Final = ("Sampler", "Schedule type", "Hires sampler", "Hires schedule type")
"""Labels that are resolved in pairs."""
NO_VARIATION: Final = {"subseed_strength": 0.0, "seed_resize_from_w": -1, "seed_resize_from_h": -1}
NOTHING_MORE: Final = {
    "enable_hr": False,
    "hr_second_pass_steps": 0,
    "hr_cfg": 0.0,
    "refiner_checkpoint": "",
    "tiling": False,
    "restore_faces": False,
}
SAME_SAMPLER: Final = "Use same sampler"
SAME_SCHEDULER: Final = "Use same scheduler"

_SPELLED: Final[Mapping[str, Mapping[str, Any]]] = {
    "Face restoration": {"CodeFormer": True, "GFPGAN": True},
    "Mask mode": {"Inpaint masked": 0, "Inpaint not masked": 1},
    "Masked content": {"fill": 0, "original": 1, "latent noise": 2, "latent nothing": 3},
    "Inpaint area": {"Whole picture": False, "Only masked": True},
}
"""Values that are words in an infotext and numbers in a request."""


def read(text: str, settings: Snapshot, styles: Sequence[Style] = ()) -> dict[str, Any]:
    """The labels and values of an infotext, as the settings want it read.

    `styles` are those to look for in its prompts; found ones are in "Styles array".
    """
    found = infotext.parse(
        text,
        backcompat=settings[TextCompatibility].auto_backcompat,
        final_size=settings[TextCompatibility].use_old_hires_fix_width_height,
        styles=styles,
        style_mode=settings[InfotextOptions].infotext_styles,
    )
    skipped = settings[InfotextOptions].infotext_skip_pasting
    return {label: value for label, value in found.items() if label not in skipped}


def request_fields(
    parsed: Mapping[str, Any], settings: Snapshot, kind: type[Request] = Txt2Img, *, complete: bool = False
) -> dict[str, Any]:
    """The fields of the request that makes the picture an infotext tells of; the others are left to the caller.

    Only fields that a request of `kind` has. Settings that must differ from `settings` are in
    `override_settings`; with `complete` also those that the text does not name and are not at their defaults.
    A value that does not fit its field is left out, for infotexts come from anywhere.
    """
    fields: dict[str, Any] = {}
    if "Seed" in parsed:
        # A text that names the seed tells by leaving them out that there was no variation, hires pass,
        # refiner, tiling or advanced guidance.
        for field, value in (NO_VARIATION | NOTHING_MORE | dict(advanced.DEFAULTS)).items():
            fields |= _fitting(kind, field, value)
        fields |= _fitting(kind, "enable_hr", asks_for_hires(parsed))
    for label, field in FIELDS.items():
        if label in parsed:
            value = _SPELLED.get(label, {}).get(str(parsed[label]), parsed[label])
            fields |= _fitting(kind, field, value)
    for field, value in _samplers(parsed).items():
        fields |= _fitting(kind, field, value)
    overrides: dict[str, Any] = {}
    for key, group, told in _settings_told(parsed, settings, kind, complete):
        default = type(group).model_fields[key].default
        current, value = getattr(group, key), _cast(told, default)
        if value == current or (isinstance(value, float) and not math.isfinite(value)):
            continue
        if _is_allowed(settings, key, value):
            overrides[key] = value
        elif asked := _fitting(kind, _FIELD_OF.get(key, key), value):
            # A request may ask for more than a slider has room for, but yields to a setting that was changed.
            fields |= asked
            if current != default:
                overrides[key] = default
    fields["override_settings"] = overrides | _checkpoint(parsed, settings)
    return fields


def api_fields(parsed: Mapping[str, Any], settings: Snapshot, kind: type[Request] = Txt2Img) -> dict[str, Any]:
    """As `request_fields`, the way A1111's API reads infotexts: it takes the sides of "Seed resize from" crosswise.

    What was asked of it that way must come out the same. Our own infotexts are read as they are meant.
    """
    fields = request_fields(parsed, settings, kind)
    if not _is_ours(parsed) and "Seed resize from-1" in parsed:
        width, height = fields["seed_resize_from_w"], fields["seed_resize_from_h"]
        fields |= {"seed_resize_from_w": height, "seed_resize_from_h": width}
    return fields


def asks_for_hires(parsed: Mapping[str, Any]) -> bool:
    """Whether the picture had a second pass."""
    named = any(parsed.get(label) for label in ("Hires upscale", "Hires upscaler", "Hires resize-1"))
    return "Denoising strength" in parsed and named


_FIELD_OF: Final = {"eta_ancestral": "eta", "eta_ddim": "eta"}
_FILES: Final = ("sd_model_checkpoint", "sd_vae")
"""Settings that name files; their labels say something else than the setting's value."""


def same_sampling(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two infotexts tell the same samplers and schedules, each in the spelling of its version."""
    names = [_samplers(parsed) for parsed in (one, other)]
    resolved = [resolve(found.get("sampler_name", ""), found.get("scheduler", "")) for found in names]
    return effective(*resolved[0]) == effective(*resolved[1]) and resolved[0][0] == resolved[1][0]


def _settings_told(
    parsed: Mapping[str, Any], settings: Snapshot, kind: type[Request], complete: bool
) -> Iterator[tuple[str, Options, Any]]:
    """Key, group and value of every setting that the infotext tells of, but those that a request has itself.

    Our own infotexts also tell by leaving out: what is not mentioned was at its default.
    """
    ours = complete or _is_ours(parsed)
    for group in settings.groups.values():
        for key, about in group.declared().items():
            if about.infotext is None or key in _FILES or FIELDS.get(about.infotext) == key in kind.model_fields:
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


def _is_ours(parsed: Mapping[str, Any]) -> bool:
    return str(parsed.get("Version", "")).startswith(PROGRAM.split()[0])


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


def _samplers(parsed: Mapping[str, Any]) -> dict[str, str]:
    """Sampler and schedule of both passes; the second pass's as A1111's lists call them."""
    if "Sampler" not in parsed:
        return {}
    name, schedule = str(parsed["Sampler"]), str(parsed.get("Schedule type", ""))
    first = _resolved(name, schedule)
    found: dict[str, str] = {"sampler_name": first[0], "scheduler": first[1]}
    second_name = str(parsed.get("Hires sampler", SAME_SAMPLER))
    second_schedule = str(parsed.get("Hires schedule type", SAME_SCHEDULER))
    if second_name == SAME_SAMPLER and second_schedule == SAME_SCHEDULER:
        return found | {"hr_sampler_name": SAME_SAMPLER, "hr_scheduler": SAME_SCHEDULER}
    second = _resolved(
        name if second_name == SAME_SAMPLER else second_name,
        schedule if second_schedule == SAME_SCHEDULER else second_schedule,
    )
    found["hr_sampler_name"] = SAME_SAMPLER if second[0] == first[0] else second[0]
    found["hr_scheduler"] = SAME_SCHEDULER if second[1] == first[1] else second[1]
    return found


def _resolved(name: str, schedule: str) -> tuple[str, str]:
    """Names of today for those of any version: "DPM++ 2M Karras" has its schedule in its name."""
    try:
        sampler, found = resolve(name, schedule)
    except NotFound:
        # Whoever runs it is told which samplers there are.
        return name, schedule
    return sampler.name, found.label


def _fitting(kind: type[Request], field: str, value: Any) -> dict[str, Any]:
    """The field with its value in the field's type; nothing if there is no such field or it cannot hold that."""
    if field not in kind.model_fields:
        return {}
    try:
        return {field: getattr(_alone(kind, field).model_validate({field: value}), field)}
    except ValidationError:
        log.info("An infotext's %s cannot be %.80r.", field, value)
        return {}


@cache
def _alone(kind: type[Request], field: str) -> type[BaseModel]:
    """A model of one field of a request, so that it can be validated without those that a request must have."""
    info = kind.model_fields[field]
    alone: dict[str, Any] = {field: (info.annotation, info)}
    return create_model(f"{kind.__name__}.{field}", **alone)


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
