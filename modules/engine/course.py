"""Course: what changes while a request runs. The model in use, what was counted, what the infotext has to tell."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from modules.engine.networks import Asked, activate, joined_hashes, read_networks, word_hashes
from modules.engine.options import ModelOptions, VaeOptions
from modules.families import stable_diffusion
from modules.families.perturbed import predict_perturbed
from modules.families.tiling import tiled
from modules.families.token_merging import merging
from modules.sampling.guidance import Tally

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from modules.engine.model import Known, ModelHandle
    from modules.engine.plan import Plan
    from modules.engine.run import RunContext
    from modules.engine.start import Start
    from modules.networks.embedding import Embedding
    from modules.sampling.types import Conditioning


class Course:
    """The model of a run and its doings; a refiner or a second pass may exchange the model for another.

    Nothing else may keep hold of a model's handle, or two models would be in memory where one was allowed.
    `told` are labels and values for the batch's infotexts that only its sampling could tell. `steps` counts what
    earlier passes of the batch reported. `token_merging_ratio` is that of the pass that runs. `start` is kept from the
    first batch on for those that start from pictures.
    """

    def __init__(self, run: RunContext, *, tiling: bool = False) -> None:
        """With the model the settings ask for. Raises as `Residency.acquire` does."""
        self._run = run
        self._tiling = tiling
        self._tiles = ExitStack()
        self._handle: ModelHandle | None = None
        self.tally = Tally()
        self.token_merging_ratio = 0.0
        self.told: dict[str, object] = {}
        self.words: dict[str, Embedding] = {}
        """The embeddings whose words stood in the batch's prompts."""
        self._asked: Asked | None = None
        self._lora_hashes: dict[str, str | None] = {}
        self.steps = 0
        self.start: Start | None = None
        self.first_pictures: tuple[Image, ...] = ()
        """Those of a batch's first pass of two, if they are to be saved."""
        self.restore()
        self.known: Known = self.handle.known
        """The model that every batch begins with and every infotext names."""

    def begin(self) -> None:
        """A batch begins."""
        self.tally.clear()
        self.told = {"Tiling": True} if self._tiling else {}
        self.steps, self.first_pictures = 0, ()
        self.words, self._lora_hashes = {}, {}
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
        self.close()
        self._handle = self._run.models.acquire(
            checkpoint, settings[ModelOptions], settings[VaeOptions], self._run.report.phase
        )
        if self._tiling:
            self._tiles.enter_context(tiled(self._handle.unet.network, self._handle.vae.network))
        if self._asked is not None:
            activate(self._handle, self._asked, self._run)

    def close(self) -> None:
        """Leave the model as it was found, and let go of it."""
        self._tiles.close()
        self._handle = None

    def networked(self, plan: Plan) -> Plan:
        """The batch with the networks of its prompts on the model, and the prompts with those that settings add."""
        prompts, asked = read_networks(plan.prompts, self._run, disabled=plan.request.disable_extra_networks)
        self.use(asked)
        return replace(plan, prompts=prompts)

    def use(self, asked: Asked) -> None:
        """Have the model, and those it is exchanged for, with these networks from now on."""
        self._asked = asked
        self._lora_hashes |= activate(self.handle, asked, self._run)

    @property
    def networks_told(self) -> dict[str, object]:
        """Labels and values of the batch's networks for its infotexts; they stand behind those in `told`."""
        told = {"Lora hashes": self._lora_hashes, "TI hashes": word_hashes(self.words, self._run)}
        return {label: joined for label, hashes in told.items() if (joined := joined_hashes(hashes))}

    def predict(self, x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        """The raw output of the network in use, as a `sampling.parametrization.Network`."""
        with self.handle.unet.ready() as unet, merging(unet, self.token_merging_ratio, *x.shape[-2:]):
            return stable_diffusion.predict(unet, x, t, conditioning)

    def predict_perturbed(self, x: Tensor, t: Tensor, conditioning: Conditioning) -> Tensor:
        """The same with the middle block's self-attention looking at nothing around it."""
        with self.handle.unet.ready() as unet, merging(unet, self.token_merging_ratio, *x.shape[-2:]):
            return predict_perturbed(unet, x, t, conditioning)
