"""Recorded requests of A1111 sent to the real program, and its pictures compared with the recorded ones, case by case.

Reads a folder as `tests/golden` is one: `cases.json` or `index.json`, images/, inputs/, checkpoints/, networks/.
Prints a table in Markdown; from 45 dB on two pictures count as equal. Everything runs in float32 on the CPU.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import math
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
EQUAL = 45.0
MEANT_UNIFORM = ("DPM++ 2M", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 2S a", "DPM++ 3M SDE")
MEANT_UNIFORM_TOO = ("DPM2", "DPM2 a")
"""Samplers whose bare name meant the model's own noise levels until 1.8, and since 1.9 the sampler's schedule."""
TXT2IMG, IMG2IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: the worst picture's PSNR in dB, or why there is none."""

    name: str
    psnr: float
    changed: str = ""
    failure: str = ""


def main() -> int:
    """Run and print; the exit status tells whether every case is equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "tests" / "golden")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    recorded = json.loads(next(p for p in (folder / "index.json", folder / "cases.json") if p.exists()).read_text())
    options = recorded.get("base_options") or recorded["options"]
    outcomes: list[Outcome] = []
    with _program(folder) as client:
        _post(client, "/sdapi/v1/options", options)
        loaded = None
        for case in recorded["cases"]:
            if not case["name"].startswith(arguments.only):
                continue
            if (checkpoint := case.get("checkpoint", "tiny-sd15")) != loaded:
                _post(client, "/sdapi/v1/options", {"sd_model_checkpoint": checkpoint})
                loaded = checkpoint
            outcomes.append(_run(client, folder, case))
            print(f"{outcomes[-1].name}: {outcomes[-1].psnr:.1f} {outcomes[-1].failure}", file=sys.stderr, flush=True)
    print(_table(outcomes))
    return 0 if all(outcome.psnr >= EQUAL for outcome in outcomes) else 1


def _run(client: httpx.Client, folder: Path, case: dict[str, Any]) -> Outcome:
    endpoint = case.get("endpoint", TXT2IMG)
    payload, changed = _as_meant(_with_files(case["payload"], folder), endpoint)
    try:
        answer = _post(client, endpoint, payload)
    except httpx.HTTPStatusError as error:
        return Outcome(case["name"], -math.inf, changed, f"{error.response.status_code}: {error.response.text[:200]}")
    encoded = answer["images"] if "images" in answer else [answer["image"]]
    ours = [Image.open(io.BytesIO(base64.b64decode(one))) for one in encoded]
    theirs = [Image.open(folder / "images" / name) for name in case["images"]]
    if [one.size for one in ours] != [one.size for one in theirs]:
        sizes = f"{[one.size for one in ours]} instead of {[one.size for one in theirs]}"
        return Outcome(case["name"], -math.inf, changed, f"pictures of {sizes}")
    return Outcome(case["name"], min(psnr(a, b) for a, b in zip(ours, theirs, strict=True)), changed)


def _as_meant(payload: dict[str, Any], endpoint: str) -> tuple[dict[str, Any], str]:
    """The request in today's words: what bare names and a setting without effect meant at the time of the recording."""
    settings = payload.get("override_settings", {})
    if "s_min_uncond" in settings:
        # Until 1.8 the field was filled from the settings before a request's own took effect.
        left = {key: value for key, value in settings.items() if key != "s_min_uncond"}
        return {**payload, "override_settings": left}, "without override s_min_uncond"
    named = payload.get("scheduler") or payload.get("override_settings", {}).get("k_sched_type")
    sampler = payload.get("sampler_name", "")
    if endpoint in (TXT2IMG, IMG2IMG) and not named and sampler in (*MEANT_UNIFORM, *MEANT_UNIFORM_TOO):
        return {**payload, "scheduler": "Uniform"}, "scheduler: Uniform"
    return payload, ""


def _with_files(value: Any, folder: Path) -> Any:
    """The payload with every `{"$file": name}` replaced by the file in base64."""
    if isinstance(value, dict):
        if set(value) == {"$file"}:
            return base64.b64encode((folder / value["$file"]).read_bytes()).decode()
        return {key: _with_files(one, folder) for key, one in value.items()}
    return [_with_files(one, folder) for one in value] if isinstance(value, list) else value


def psnr(ours: Image.Image, theirs: Image.Image) -> float:
    """dB over 8-bit RGB; infinite for equal pictures."""
    error = np.mean((np.asarray(ours.convert("RGB"), float) - np.asarray(theirs.convert("RGB"), float)) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf


def _table(outcomes: list[Outcome]) -> str:
    rows = ["| case | PSNR | remark |", "|---|---|---|"]
    for one in outcomes:
        found = "identical" if one.psnr == math.inf else "-" if one.failure else f"{one.psnr:.1f} dB"
        remarks = [one.failure, one.changed, "" if one.failure or one.psnr >= EQUAL else "**differs**"]
        rows.append(f"| {one.name} | {found} | {'; '.join(filter(None, remarks))} |")
    groups = Counter(one.name.split("/")[0] for one in outcomes)
    equal = Counter(one.name.split("/")[0] for one in outcomes if one.psnr >= EQUAL)
    summary = [
        "| group | equal |",
        "|---|---|",
        *(f"| {group} | {equal[group]} of {groups[group]} |" for group in groups),
    ]
    summary.append(f"| all | {sum(equal.values())} of {len(outcomes)} |")
    return "\n".join([*summary, "", *rows])


def _post(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()


@contextmanager
def _program(folder: Path) -> Iterator[httpx.Client]:
    """The real program on a free port, with the folder's models and a data folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    networks = folder / "networks"
    with tempfile.TemporaryDirectory() as data:
        command = [
            sys.executable,
            "webui.py",
            "--port",
            str(port),
            "--data-dir",
            data,
            "--precision",
            "full",
            "--no-half",
        ]
        command += ["--use-cpu", "all", "--ckpt-dir", str(folder / "checkpoints")]
        command += ["--styles-file", str(folder / "inputs" / "styles.csv")]
        for flag in ("--lora-dir", "--embeddings-dir", "--hypernetwork-dir", "--vae-dir"):
            command += [flag, str(networks)] if networks.exists() else []
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
                _wait(client, process)
                yield client
        finally:
            process.terminate()
            process.wait(60)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/sdapi/v1/samplers").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit("The program did not start.")


if __name__ == "__main__":
    sys.exit(main())
