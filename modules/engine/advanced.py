"""What the advanced box of a generating tab holds: guidance beyond CFG, and noise levels chosen by hand. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from modules.foundation.lenient import Int

if TYPE_CHECKING:
    from modules.sampling.guides import Guide

LAST_TIMESTEP: Final = 999


def _levels(given: Any) -> Any:
    """Noise levels from a list or from text, apart by commas or blanks. The closing 0 goes without saying."""
    levels = given.replace(",", " ").split() if isinstance(given, str) else list(given or ())
    closes = len(levels) > 1 and str(levels[-1]).strip() in ("0", "0.0")
    return tuple(levels[:-1] if closes else levels)


def _falling(sigmas: tuple[float, ...]) -> tuple[float, ...]:
    for level in sigmas:
        if not 0 < level < 1e6:
            raise ValueError(f"a noise level must be above 0 and below a million, and {level:g} is not")
    for above, below in pairwise(sigmas):
        if below >= above:
            raise ValueError(f"noise levels must fall, and {below:g} does not follow {above:g}")
    return sigmas


Levels = Annotated[tuple[float, ...], BeforeValidator(_levels), AfterValidator(_falling)]


class Advanced(BaseModel):
    """Fields that A1111 does not have; each is off at its default."""

    guidance_rescale: float = Field(0.0, ge=0, le=1, description="share of Lin et al.'s rescaled guidance")
    pag_scale: float = Field(0.0, ge=0, le=30, description="perturbed-attention guidance; one more call a step")
    apg: bool = Field(False, description="adaptive projected guidance instead of plain CFG")
    apg_eta: float = Field(0.0, ge=0, le=1, description="how much of the parallel part APG keeps; 1 keeps all")
    apg_norm_threshold: float = Field(15.0, ge=0, description="greatest length of APG's pull; 0 is without limit")
    apg_momentum: float = Field(-0.5, ge=-1, le=1, description="share of earlier pulls that APG adds")
    sigmas: Levels = Field((), max_length=1000, description="noise levels, falling; beat steps and schedule")
    timestep_start: Int = Field(LAST_TIMESTEP, ge=0, le=LAST_TIMESTEP, description="first timestep a schedule uses")
    timestep_end: Int = Field(
        0, ge=0, le=LAST_TIMESTEP, validate_default=True, description="last timestep a schedule uses"
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_are_steps(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and (levels := _levels(data.get("sigmas"))):
            return {**data, "sigmas": levels, "steps": len(levels)}
        return data

    @field_validator("timestep_end")
    @classmethod
    def _ends_after_its_start(cls, end: int, info: ValidationInfo) -> int:
        start = info.data.get("timestep_start", LAST_TIMESTEP)
        if end >= start:
            raise ValueError(
                f"timesteps go down from noise (999) to the picture (0), so the end must be below the start, {start}"
            )
        return end

    def for_knobs(self) -> dict[str, Any]:
        """The arguments of `sampling.knobs.knobs_for`."""
        return {
            "sigmas": self.sigmas,
            "timestep_start": self.timestep_start if self.timestep_start != LAST_TIMESTEP else None,
            "timestep_end": self.timestep_end or None,
        }

    def guide(self) -> Guide | None:
        """How the estimates with and without the prompt are put together in one run; None is plain CFG."""
        if not (self.guidance_rescale or self.pag_scale or self.apg):
            return None
        from modules.sampling.guides import Perturbed, Projected, Rescaled, plain  # torch

        guide = Projected(self.apg_eta, self.apg_norm_threshold, self.apg_momentum) if self.apg else plain
        if self.guidance_rescale:
            guide = Rescaled(self.guidance_rescale, guide)
        return Perturbed(self.pag_scale, guide) if self.pag_scale else guide

    def recorded(self) -> dict[str, object]:
        """What an infotext has to tell of guidance, by the labels of LABELS."""
        told = {
            label: getattr(self, field)
            for label, field in LABELS.items()
            if getattr(self, field) != Advanced.model_fields[field].default
        }
        return told if self.apg else {label: value for label, value in told.items() if not label.startswith("APG")}


LABELS: Final[Mapping[str, str]] = {
    "CFG rescale": "guidance_rescale",
    "PAG scale": "pag_scale",
    "APG": "apg",
    "APG eta": "apg_eta",
    "APG norm threshold": "apg_norm_threshold",
    "APG momentum": "apg_momentum",
}
"""Infotext label to request field; those of the noise levels are written by sampling.knobs."""
LEVELS: Final[Mapping[str, str]] = {
    "Sigmas": "sigmas",
    "Timestep start": "timestep_start",
    "Timestep end": "timestep_end",
}
DEFAULTS: Final[Mapping[str, Any]] = {
    field: Advanced.model_fields[field].default for field in (*LABELS.values(), *LEVELS.values())
}
"""What an infotext tells by leaving it out."""
