"""The values the page opens with, and how they follow the checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.foundation.errors import BadFile
from modules.web import defaults

YAML = "atelier: {native_resolution: 256, recommended: {steps: 12, cfg_scale: 4.5, sampler_name: Euler}}"


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(YAML)
    return path


def test_without_a_word_from_the_checkpoint_they_are_a1111s():
    assert defaults.of_config(None).values() == {
        "sampler_name": "DPM++ 2M",
        "scheduler": "Automatic",
        "steps": 20,
        "width": 512,
        "height": 512,
        "cfg_scale": 7.0,
    }


def test_the_checkpoint_recommends(yaml):
    found = defaults.of_config(yaml)
    assert (found.width, found.height, found.steps, found.cfg_scale, found.sampler_name) == (256, 256, 12, 4.5, "Euler")
    assert found.scheduler == "Automatic", "what it says nothing of stays"


def test_a_yaml_that_cannot_be_read(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("atelier: [")
    with pytest.raises(BadFile):
        defaults.of_config(broken)


def test_what_the_user_chose_stays(yaml):
    before, after = defaults.plain().values(), defaults.of_config(yaml).values()
    shown = {**before, "steps": 33}
    changed = defaults.followed(shown, before, after)
    assert "steps" not in changed
    assert changed == {"width": 256, "height": 256, "cfg_scale": 4.5, "sampler_name": "Euler"}
    assert defaults.followed(after, after, before).keys() == {"width", "height", "steps", "cfg_scale", "sampler_name"}
