"""One tiny model for all tests of this folder; each must leave it without networks, bit by bit.

This file is read before tests may import the model libraries, so they are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.tiny import write_checkpoint
from tests.unit.networks.model_weights import weights

if TYPE_CHECKING:
    from modules.engine.model import ModelHandle


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> ModelHandle:
    import torch

    from modules.engine.device import Compute
    from modules.engine.loader import Loader
    from modules.engine.model import ModelRef

    path = write_checkpoint(tmp_path_factory.mktemp("model"))
    loader = Loader(Compute(torch.device("cpu"), torch.float32, torch.float32))
    return loader.prepare(ModelRef(path.stem, path.name, path)).load(lambda _text: None)


@pytest.fixture
def model(loaded: ModelHandle) -> Iterator[ModelHandle]:
    import torch

    from modules.networks.patch import NOTHING, ensure

    before = weights(loaded)
    yield loaded
    ensure(loaded, NOTHING)
    after = weights(loaded)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
