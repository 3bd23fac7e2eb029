"""TAESD previews: the decoder of the checkpoint's name, read whatever its width, and none where none fits."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from modules.families import taesd
from modules.families.catalog import SD_PREVIEW
from modules.families.preview import decoded
from modules.foundation.errors import BadFile
from modules.studio.tiny_decoders import TinyDecoders
from tests.unit.studio.bench import studio_at


def model(name: str, preview: Any = SD_PREVIEW) -> Any:
    return SimpleNamespace(ref=SimpleNamespace(path=Path(name)), latent_format=SimpleNamespace(preview=preview))


def put(folder: Path, name: str, width: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(taesd.Decoder(4, width).state_dict(), folder / name)


def test_the_checkpoints_own_decoder_comes_first(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    folder = studio.paths.folder("VAE-taesd")
    put(folder, "mine_decoder.safetensors", 8)
    put(folder, "taesd_decoder.safetensors", 4)
    studio.catalog.refresh()
    tiny = TinyDecoders()
    own, published = tiny.of(model("mine.safetensors"), studio.catalog), tiny.of(model("sd.ckpt"), studio.catalog)
    assert own is not None and own.get_submodule("1").out_channels == 8
    assert published is not None and published.get_submodule("1").out_channels == 4
    assert tiny.of(model("other.ckpt", preview=None), studio.catalog) is None
    assert decoded(torch.zeros(2, 4, 3, 5), own).shape == (2, 3, 24, 40)


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    studio = studio_at(tmp_path)
    folder = studio.paths.folder("VAE-taesd")
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"a": torch.zeros(1)}, folder / "mine_decoder.safetensors")
    studio.catalog.refresh()
    assert TinyDecoders().of(model("mine.safetensors"), studio.catalog) is None
    assert "mine_decoder.safetensors is no TAESD decoder" in caplog.text
    with pytest.raises(BadFile, match="no TAESD decoder"):
        taesd.built({"1.weight": torch.zeros(4, 4, 3, 3)}, "x")
