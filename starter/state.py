"""The state folder: what every phase has made, written so that a killed run loses minutes only."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import torch

log = logging.getLogger("starter")

FOLDER = Path(__file__).parent / ".state"


def save(name: str, value: dict[str, Any]) -> None:
    """Write a file of tensors and plain values; a reader sees the old or the new one, never half of one."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / name
    partial = path.with_suffix(".partial")
    torch.save(value, partial)
    partial.replace(path)


def load(name: str, *, mmap: bool = False) -> dict[str, Any] | None:
    """What `save` wrote, or None where a phase has not started."""
    path = FOLDER / name
    return torch.load(path, weights_only=True, mmap=mmap) if path.exists() else None


def record(phase: str, **figures: float) -> None:
    """Log one line of figures and append it to the phase's JSON-lines file."""
    FOLDER.mkdir(exist_ok=True)
    line = {"time": round(time.time()), **{k: round(v, 5) for k, v in figures.items()}}
    with (FOLDER / f"{phase}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    log.info("%s %s", phase, " ".join(f"{k}={v:.5g}" for k, v in figures.items()))
