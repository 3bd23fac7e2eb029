"""Course: what changes while a request runs. The model in use, what was counted, what the infotext has to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modules.engine.options import ModelOptions, VaeOptions
from modules.families import stable_diffusion
from modules.sampling.guidance import Tally

if TYPE_CHECKING:
    from torch import Tensor

    from modules.engine.model import Known, ModelHandle
    from modules.engine.run import RunContext
    from modules.engine.start import Start
    from modules.sampling.types import Conditioning


class Course:
    """The model of a run and its doings; a refiner or a second pass may exchange the model for another.

    Nothing else may keep hold of a model's handle, or two models would be in memory where one was allowed.
    `told` are labels and values for the batch's infotexts that only its sampling could tell. `steps` counts what
    earlier passes of the batch reported. `start` is kept from the first batch on for those that start from pictures.
    """

    def __init__(self, run: RunContext) -> None:
        """With the model the settings ask for. Raises as `Residency.acquire` does."""
        self._run = run
        self._handle: ModelHandle | None = None
        self.tally = Tally()
        self.told: dict[str, object] = {}
        self.steps = 0
        self.start: Start | None = None
        self.restore()
        self.known: Known = self.handle.known
        """The model that every batch begins with and every infotext names."""

    def begin(self) -> None:
        """A batch begins."""
        self.tally.clear()
        self.told, self.steps = {}, 0
        if self.exchanged:
            self.restore()

    @property
    def handle(self) -> ModelHandle:
        """The model in use. Do not keep it beyond the next exchange."""
        assert self._handle is not None
        return self._handle

    @property
    def exchanged(self) -> bool:
        """Whether another model than the one a batch begins with is in use, or none since one could not be loaded."""
        return self._handle is None or self._handle.ref.path != self.known.ref.path

    def restore(self) -> None:
        """Go on with the model the settings ask for."""
        self.exchange(self._run.settings[ModelOptions].sd_model_checkpoint)

    def exchange(self, checkpoint: str | None) -> None:
        """Go on with another model, which is loaded unless it is in memory. Raises as `Residency.acquire` does."""
        settings = self._run.settings
        self._handle = None
        self._handle = self._run.models.acquire(
            checkpoint, settings[ModelOptions], settings[VaeOptions], self._run.report.phase
        )

    def predict(self, x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        """The raw output of the network in use, as a `sampling.parametrization.Network`."""
        with self.handle.unet.ready() as unet:
            return stable_diffusion.predict(unet, x, t, conditioning)
