"""A1111's own answers: the conditioning of prompts, with clip skip and emphasis modes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import CLIPTextModel

from modules.engine.conditioning import condition
from modules.engine.plan import Plan
from modules.engine.request import Txt2Img
from modules.families import single_file
from modules.families.catalog import find
from modules.foundation.settings import Snapshot
from modules.networks.embedding import Embeddings
from modules.prompting.options import PromptOptions, TextCompatibility

HERE = Path(__file__).parent
CASES = json.loads((HERE / "data" / "text_cond_tiny-sd15.json").read_text(encoding="utf-8"))
LDM = "cond_stage_model.transformer.text_model."


@pytest.fixture(scope="module")
def encoder() -> CLIPTextModel:
    empty = single_file.text_encoder(
        {"hidden_size": 48, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 192},
        penultimate=False,
    )
    with safe_open(HERE / "checkpoints" / "tiny-sd15.safetensors", "pt") as file:
        weights = [(key, file.get_tensor(LDM + key.removeprefix("text_model."))) for key in empty.state_dict()]
    single_file.fill(empty, weights, torch.device("cpu"), torch.float32)
    return empty


@pytest.fixture(scope="module")
def expected() -> Any:
    return np.load(HERE / "data" / "text_cond_tiny-sd15.npz")


class Text:
    """The text encoder's door."""

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(self, encoder: CLIPTextModel) -> None:
        self._encoder = encoder

    @contextmanager
    def ready(self) -> Iterator[CLIPTextModel]:
        with torch.no_grad():
            yield self._encoder


def conditioned(encoder: CLIPTextModel, options: PromptOptions, prompts: tuple[str, ...]) -> torch.Tensor:
    """[B, T, 48]"""
    handle: Any = SimpleNamespace(
        family=find("sd1"),
        text=Text(encoder),
        text_width=48,
        contexts={},
        device=Text.device,
        patched=SimpleNamespace(text_patches=(), bundled={}),
    )
    settings = Snapshot({PromptOptions: options, TextCompatibility: TextCompatibility()})
    cancel = SimpleNamespace(check=lambda: None)
    run: Any = SimpleNamespace(settings=settings, cancel=cancel, embeddings=Embeddings())
    plan = Plan(Txt2Img(), 0, prompts, prompts, (0,) * len(prompts), (0,) * len(prompts), 512, 512)
    positive, negative = (prompted.at(0) for prompted in condition(handle, plan, run, 10))
    assert torch.equal(positive.context, negative.context)
    return positive.context


def assert_close(found: torch.Tensor, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert np.abs(found.numpy() - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["key"])
def test_one_prompt(case: dict[str, Any], encoder: CLIPTextModel, expected: Any) -> None:
    options = PromptOptions(emphasis=case["emphasis"], CLIP_stop_at_last_layers=case["clip_skip"])
    (found,) = conditioned(encoder, options, (case["prompt"],))
    assert_close(found, expected[case["key"]])


def test_prompts_of_a_batch_do_not_touch_each_other(encoder: CLIPTextModel, expected: Any) -> None:
    cases = [case for case in CASES if case["key"].endswith("skip1_original")]
    found = conditioned(encoder, PromptOptions(), tuple(case["prompt"] for case in cases))
    longest = max(len(case["chunks"]) for case in cases)
    for row, case in zip(found, cases, strict=True):
        own = 77 * len(case["chunks"])
        assert_close(row[:own], expected[case["key"]])
        # A1111 fills a batch up with the last vector.
        assert torch.equal(row[own:], row[own - 1 : own].expand(77 * longest - own, -1))
