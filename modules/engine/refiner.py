"""The refiner: another checkpoint that goes on with the same latent in mid-run. Start with `Refiner.of`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modules.engine.options import PassCompatibility, PassOptions
from modules.engine.second_pass import short_title
from modules.foundation.errors import UserError

if TYPE_CHECKING:
    from modules.engine.course import Course
    from modules.engine.request import Request
    from modules.engine.run import RunContext
    from modules.families.types import Variant
    from modules.sampling.parametrization import Parametrization
    from modules.sampling.types import Prompted
    from modules.store.model_files import CheckpointFile

Reread = Callable[[], tuple["Prompted", "Prompted"]]
"""The prompts as the model now in use reads them, for a pass."""


@dataclass(frozen=True, slots=True)
class Refiner:
    """Takes over when the share `switch_at` of the way is done, by noise levels or `by_steps`; None at once.

    `passes` says in which of two passes, if there are two.
    """

    file: CheckpointFile
    switch_at: float | None
    by_steps: bool
    passes: str | None

    @classmethod
    def of(cls, request: Request, run: RunContext, *, has_second_pass: bool) -> Refiner | None:
        """None where none is asked for. Raises NotFound for a checkpoint there is not."""
        if not request.refiner_checkpoint:
            return None
        return cls(
            run.catalog.closest_checkpoint(request.refiner_checkpoint),
            request.refiner_switch_at,
            run.settings[PassCompatibility].refiner_switch_by_sample_steps,
            run.settings[PassOptions].hires_fix_refiner_pass if has_second_pass else None,
        )

    def in_pass(self, name: str) -> Refiner | None:
        """Itself if it has a part in the "first pass" or the "second pass", else None."""
        return self if self.passes in (None, name, "both passes") else None

    def is_due(self, course: Course, parametrization: Parametrization, sigma: float, done: float) -> bool:
        """Whether it is time before an evaluation at a noise level, `done` (0..1) of all evaluations being made."""
        if course.handle.ref.path == self.file.path:
            return False
        return self.switch_at is None or self._share(parametrization, sigma, done) >= self.switch_at

    def take_over(self, course: Course, run: RunContext) -> None:
        """Exchange the model. Raises as `Residency.acquire` does, UserError for one that has other latents."""
        file, channels, before = run.catalog.sha256(self.file), course.handle.latent_format.channels, course.handle.ref
        sees = course.handle.variant
        course.exchange(self.file.name)
        if course.handle.latent_format.channels != channels or _sees_more(course.handle.variant, sees):
            raise UserError(
                f"'{self.file.name}' cannot go on with what '{before.name}' began: it needs another kind of latent. "
                "Choose another refiner."
            )
        if self.passes not in (None, "second pass"):
            course.told["Hires refiner"] = self.passes
        course.told |= {"Refiner": short_title(file), "Refiner switch at": self.switch_at}

    def _share(self, parametrization: Parametrization, sigma: float, done: float) -> float:
        if self.by_steps:
            return done
        nearest = parametrization.sigmas[(parametrization.sigmas - sigma).abs().argmin()]
        return (999 - round(float(parametrization.to_t(nearest)))) / 1000


def _sees_more(variant: Variant, than: Variant) -> bool:
    return (variant.sees_mask, variant.sees_latent) != (than.sees_mask, than.sees_latent) and (
        variant.sees_mask or variant.sees_latent
    )
