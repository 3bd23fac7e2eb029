"""The values the page opens with: those its checkpoint recommends, else A1111's.

A checkpoint recommends by the `atelier` block of the .yaml beside it, which is read without torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from modules.engine.request import Txt2Img
from modules.families.original_config import read_atelier
from modules.sampling.catalog import SAMPLERS, SCHEDULES

FIELDS = ("sampler_name", "scheduler", "steps", "width", "height", "cfg_scale")


@dataclass(frozen=True, slots=True)
class Defaults:
    """Request fields that depend on the checkpoint; width and height are pixels."""

    sampler_name: str
    scheduler: str
    steps: int
    width: int
    height: int
    cfg_scale: float

    def values(self) -> dict[str, Any]:
        """By request field, in the order of FIELDS."""
        return asdict(self)


def plain() -> Defaults:
    """What A1111 opens with."""
    fields = Txt2Img.model_fields
    return Defaults(
        sampler_name=next((sampler.name for sampler in SAMPLERS if sampler.name == "DPM++ 2M"), SAMPLERS[0].name),
        scheduler=SCHEDULES[0].label,
        steps=fields["steps"].default,
        width=fields["width"].default,
        height=fields["height"].default,
        cfg_scale=fields["cfg_scale"].default,
    )


def of_config(config: Path | None) -> Defaults:
    """What the checkpoint with this .yaml recommends, in place of the plain values."""
    found = read_atelier(config) if config else None
    if found is None:
        return plain()
    wanted: dict[str, Any] = {
        "width": found.native_resolution,
        "height": found.native_resolution,
        "steps": found.steps,
        "cfg_scale": found.cfg_scale,
        "sampler_name": found.sampler_name,
        "scheduler": found.scheduler,
    }
    return replace(plain(), **{field: value for field, value in wanted.items() if value})


def followed(shown: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The fields that go from one checkpoint's defaults to the next one's: those the user left alone."""
    return {field: after[field] for field in FIELDS if shown.get(field) == before.get(field) != after[field]}
