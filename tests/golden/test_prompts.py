"""A1111's own answers: parts, schedules, spans, tokens and chunks. Torch-free; the vectors are in test_conditioning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modules.families import tokenizer
from modules.foundation.errors import UserError
from modules.prompting import emphasis
from modules.prompting.chunks import chunked, count
from modules.prompting.compose import split
from modules.prompting.schedule import schedule

DATA = Path(__file__).parent / "data"


def recorded(name: str) -> list[Any]:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("prompt", "expected"), recorded("attention.json"), ids=lambda value: str(value)[:40])
def test_spans(prompt: str, expected: list[list[Any]] | str) -> None:
    if isinstance(expected, str):
        with pytest.raises(UserError):
            emphasis.parse(prompt)
        return
    assert [[span.text, span.weight] for span in emphasis.parse(prompt)] == expected


@pytest.mark.parametrize(
    ("family", "case"),
    [(f, case) for f, m in (("sd1", "tiny-sd15"), ("sd2", "tiny-sd21-v")) for case in recorded(f"text_cond_{m}.json")],
    ids=lambda value: value if isinstance(value, str) else value["key"],
)
def test_chunks(family: str, case: dict[str, Any]) -> None:
    words = tokenizer.of(family)
    spans = emphasis.read(case["prompt"], case["emphasis"])
    found = chunked(spans, words)
    assert [list(chunk.tokens[1 : chunk.tokens.index(words.eos)]) for chunk in found] == [
        chunk["tokens"] for chunk in case["chunks"]
    ]
    assert [list(chunk.multipliers[1 : chunk.tokens.index(words.eos)]) for chunk in found] == [
        chunk["multipliers"] for chunk in case["chunks"]
    ]
    assert count(spans, words)[0] == case["token_count"]


@pytest.mark.parametrize("case", recorded("prompts.json"), ids=lambda case: case["prompt"][:40])
def test_parts_and_schedules(case: dict[str, Any]) -> None:
    prompt = case["prompt"]
    found = {
        "parts": [[part.text, part.weight] for part in split(prompt)],
        "6": [[entry.last, entry.text] for entry in schedule(prompt, 6)],
        "10": [[entry.last, entry.text] for entry in schedule(prompt, 10)],
        "20": [[entry.last, entry.text] for entry in schedule(prompt, 20)],
        "old 10": [[entry.last, entry.text] for entry in schedule(prompt, 10, old=True)],
    }
    expected = {key: value for key, value in case.items() if key != "prompt"}
    assert {key: found[key] for key in expected} == expected
