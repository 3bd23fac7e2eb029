"""Reading a checkpoint's yaml, with our own keys, and refusing what is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modules.families.original_config import beside, read, read_atelier
from modules.families.types import Recommended
from modules.foundation.errors import BadFile
from tests.tiny import YAML


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.yaml"


def _written(path: Path, prediction: str = "eps", extra: str = "") -> Path:
    path.write_text(YAML.format(prediction=prediction, in_channels=4, native=64) + extra)
    return path


def test_everything_the_weights_cannot_tell(path: Path) -> None:
    config = read(_written(path, "v"))
    assert config.prediction == "v_prediction"
    assert config.scale_factor == 0.18215
    assert (config.linear_start, config.linear_end, config.timesteps) == (0.00085, 0.012, 1000)
    assert config.unet.whole("num_heads") == 2
    assert config.unet.wholes("channel_mult") == (1, 2)
    assert config.vae.whole("norm_num_groups") == 4
    assert config.text.whole("num_attention_heads") == 2
    assert config.recommended == Recommended(64, 4, 3.0, "Euler a", "Automatic")
    assert config.preview is None


def test_the_preview_is_read(path: Path) -> None:
    rows = "[[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]]"
    config = read(_written(path, extra=f"  preview: {{ weight: {rows}, bias: [0, 0.25, -1] }}\n"))
    assert config.preview is not None
    assert config.preview.weight[3] == (0.5, 0.5, 0.5)
    assert config.preview.bias == (0.0, 0.25, -1.0)


def test_a_plain_ldm_yaml_predicts_noise_and_recommends_nothing(path: Path) -> None:
    path.write_text("model:\n  target: ldm.LatentDiffusion\n  params:\n    scale_factor: 1.8e-1\n")
    config = read(path)
    assert config.prediction == "epsilon"
    assert config.scale_factor == 0.18
    assert config.recommended is None
    assert read_atelier(path) is None


def test_minus_one_means_not_set_as_in_ldm(path: Path) -> None:
    path.write_text("model: { params: { unet_config: { params: { num_heads: -1, num_head_channels: 64 } } } }")
    unet = read(path).unet
    assert unet.whole("num_heads") is None
    assert unet.whole("num_head_channels") == 64


def test_the_page_reads_recommendations_without_torch(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from modules.families.original_config import read_atelier;"
        "print(read_atelier(Path(sys.argv[1])).native_resolution);"
        "assert not {'torch', 'diffusers', 'transformers'} & sys.modules.keys()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(_written(path))], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "64"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("just words", "does not describe a model"),
        ("[1, 2]", "does not describe a model"),
        ("other: 1", "no 'model.params'"),
        ("model: { params: [1] }", "'model.params' must hold settings"),
        ("model: {{{", "cannot be read as yaml"),
        ("a: !!python/object/apply:os.system ['true']", "cannot be read as yaml"),
        ("\x00\x01", "cannot be read as yaml"),
        ("model: { params: { parameterization: x0 } }", "'x0'"),
        ("model: { params: { scale_factor: many } }", "scale_factor' must be a number"),
        ("model: { params: { timesteps: 10.5 } }", "timesteps' must be a whole number"),
        ("model: { params: { timesteps: -5 } }", "timesteps' must be a number above 0"),
        ("model: { params: { timesteps: 1 } }\natelier: { recommended: { steps: [4] } }", "recommended.steps"),
        ("model: { params: { timesteps: 1 } }\natelier: { preview: { weight: [[1, 2]] } }", "rows of three numbers"),
    ],
)
def test_a_wrong_yaml_names_the_place(path: Path, text: str, reason: str) -> None:
    path.write_text(text)
    with pytest.raises(BadFile, match=reason) as raised:
        read(path)
    assert "model.yaml" in str(raised.value)


def test_a_huge_yaml_is_not_parsed(path: Path) -> None:
    path.write_text("a: 1\n" * 300_000)
    with pytest.raises(BadFile, match="far too large"):
        read(path)


def test_the_yaml_beside_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.v2.safetensors"
    assert beside(checkpoint) is None
    (tmp_path / "model.v2.yaml").write_text("")
    assert beside(checkpoint) == tmp_path / "model.v2.yaml"
