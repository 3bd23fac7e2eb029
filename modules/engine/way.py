"""Way: how a request is sampled, what its names and settings come down to. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modules.sampling.catalog import Sampler, Schedule, resolve
from modules.sampling.knobs import Knobs, knobs_for

if TYPE_CHECKING:
    from modules.engine.request import Request
    from modules.engine.run import RunContext


@dataclass(frozen=True, slots=True)
class Way:
    """Sampler, schedule and everything that tunes them."""

    sampler: Sampler
    schedule: Schedule
    knobs: Knobs

    @classmethod
    def of(cls, request: Request, run: RunContext) -> Way:
        """Raises NotFound for a sampler nobody knows."""
        sampler, schedule = resolve(request.sampler_name, request.scheduler)
        asked = {name: getattr(request, name) for name in ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise")}
        return cls(sampler, schedule, knobs_for(sampler, run.settings, **asked, **request.for_knobs()))
