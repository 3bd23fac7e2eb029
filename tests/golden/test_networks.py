"""A1111's own differences of weights for network files of each kind, module by module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from modules.engine.device import Compute
from modules.engine.loader import Loader
from modules.engine.model import ModelHandle, ModelRef
from modules.networks.patch import NOTHING, File, PatchSet, WeightPatch, ensure

HERE = Path(__file__).parent
RECORDED = np.load(HERE / "data" / "network_deltas.npz")
TOLERANCE = 2e-7
"""Of weights around 0.1; one rounding of their sum."""


@pytest.fixture(scope="module")
def model() -> ModelHandle:
    path = HERE / "checkpoints" / "tiny-sd15.safetensors"
    loader = Loader(Compute(torch.device("cpu"), torch.float32, torch.float32))
    return loader.prepare(ModelRef(path.stem, path.name, path)).load(lambda _text: None)


@pytest.mark.parametrize("name", sorted({key.split("|")[0] for key in RECORDED}))
def test_a_network_changes_weights_as_a1111_does(name: str, model: ModelHandle) -> None:
    recorded = [key.split("|") for key in RECORDED if key.startswith(f"{name}|")]
    before = {part: {k: v.clone() for k, v in _state(model, part).items()} for part in ("unet", "text")}
    file = File(name, HERE / "networks" / f"{name}.safetensors", 0)
    [outcome] = ensure(model, PatchSet((WeightPatch(file),)))
    assert outcome.applied and not outcome.unknown and not outcome.refused
    for _, module, what in recorded:
        place = model.patched.places(model.parts).find(module)
        assert place is not None, module
        key = f"{place.module}.{what.removeprefix('delta_')}"
        delta = torch.from_numpy(RECORDED[f"{name}|{module}|{what}"])
        expected = before[place.part][key] + delta.reshape(before[place.part][key].shape)
        torch.testing.assert_close(_state(model, place.part)[key], expected, atol=TOLERANCE, rtol=0)
    ensure(model, NOTHING)
    assert all(torch.equal(v, before[part][k]) for part in before for k, v in _state(model, part).items())


def _state(model: ModelHandle, part: str) -> dict[str, torch.Tensor]:
    with model.parts[part].ready() as network:  # type: ignore[index]
        return dict(network.state_dict())
