"""The stages of a run that others may join.

Each stage takes a value and returns the value to go on with; the defaults return what they got.
`sample` goes around: it is handed the default to call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from modules.engine.plan import Made, Plan
from modules.engine.request import Request

if TYPE_CHECKING:
    from torch import Tensor

    from modules.sampling.types import Prompted

    Sample = Callable[[Plan, Prompted, Prompted], Tensor]


class Hooks:
    """Nothing joins in. Subclasses override the stages they care for."""

    def on_request(self, request: Request) -> Request:
        """Before anything else; seeds are not drawn yet."""
        return request

    def on_batch(self, plan: Plan) -> Plan:
        """Before the batch's prompts are read."""
        return plan

    def on_networks(self, plan: Plan) -> Plan:
        """Once the prompts' networks are in place and before they are encoded."""
        return plan

    def sample(self, default: Sample, plan: Plan, positive: Prompted, negative: Prompted) -> Tensor:
        """Around start latent and solver; returns clean latents [B, C, h, w]."""
        return default(plan, positive, negative)

    def on_latents(self, latents: Tensor) -> Tensor:
        """Before decoding, [B, C, h, w]."""
        return latents

    def on_pixels(self, pixels: Tensor) -> Tensor:
        """After decoding, [B, 3, H, W] in 0..1."""
        return pixels

    def on_image(self, made: Made) -> Made:
        """Each image before its infotext is written, so that `recorded` can tell what was done to it."""
        return made

    def on_composited(self, made: Made) -> Made:
        """Each image once it is put back into the picture it came from, as it is in the end; without one at once."""
        return made

    def recorded(self, plan: Plan, index: int) -> Mapping[str, object]:
        """Labels and values that the infotext of picture `index` of the batch says besides the engine's own."""
        return {}
