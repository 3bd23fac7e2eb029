"""What is pasted is read with this studio's styles and its own names of networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.boot import assemble
from modules.foundation.flags import parse
from modules.studio.context import Studio
from modules.studio.pasting import read

LINE = 'Steps: 20, Sampler: Euler, Seed: 5, Lora hashes: "theirs: {0}, other: 000000000000, mine: 111111111111"'


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    folder = tmp_path / "models" / "Lora"
    folder.mkdir(parents=True)
    for number, name in enumerate(("mine", "second")):
        save_file({"x.lora_up.weight": torch.full((1, 1), float(number))}, folder / f"{name}.safetensors")
    made = assemble(parse(["--data-dir", str(tmp_path)]))
    yield made
    made.catalog.close()
    made.history.close()


def test_a_network_goes_by_its_name_here(studio: Studio) -> None:
    second = next(file for file in studio.catalog.loras() if file.stem == "second")
    digest = studio.catalog.lora_names.hash(second)
    found = read(studio, f"a <lora:theirs:0.7> <lora:other> <lora:mine:1>\n{LINE.format(digest)}")
    # One by its hash; one that is not here, and one whose name is here, stay as they are.
    assert found["Prompt"] == "a <lora:second:0.7> <lora:other> <lora:mine:1>"


def test_no_file_is_read_for_it(studio: Studio) -> None:
    found = read(studio, f"a <lora:theirs:0.7>\n{LINE.format('0123456789ab')}")
    assert found["Prompt"] == "a <lora:theirs:0.7>"
    for digest in ("", "0", "0123"):
        assert studio.catalog.lora_names.by_hash(digest) is None


def test_styles(studio: Studio) -> None:
    studio.styles.save("st", "masterpiece", "")
    found = read(studio, "a, masterpiece\nSteps: 20, Sampler: Euler, Seed: 5")
    assert (found["Prompt"], found["Styles array"]) == ("a", ["st"])
