"""Peak memory while a real-size SD 1.5 checkpoint (about 2 GB of random fp16 weights) is loaded.

Every row is a process of its own. "peak" is what loading added to the process at most; "whole process"
counts Python, torch and diffusers, too. Where the file's 16 bits become 32, the loaded model is larger
than its file, so the ratio to the model's own bytes stands beside.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMIT = 1.15
CASES = {
    "as this machine prefers": {},
    "16 bits everywhere": {"precision": "half"},
    "32 bits everywhere": {"no_half": True},
    "as preferred, switching": {"again": True},
    "as preferred, from .ckpt": {"ckpt": True},
}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    inside = parser.parse_args().inside
    if inside:
        sys.stdout.write(json.dumps(_measured(**json.loads(inside))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "real-size.safetensors"
        write_real_size(path)
        sys.stdout.write(f"{path.stat().st_size / 1e9:.2f} GB of weights; the limit is {LIMIT} times the file\n")
        sys.stdout.write(f"{'':<26}{'peak GB':>9}{'/ file':>8}{'/ model':>9}{'whole process GB':>18}{'seconds':>9}\n")
        for name, case in CASES.items():
            arguments = json.dumps({"path": str(path), **case})
            command = [sys.executable, "-m", "benchmarks.load_memory", "--inside", arguments]
            answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            sys.stdout.write(_row(name, answer) + "\n")
            sys.stdout.flush()


def _row(name: str, answer: dict[str, Any]) -> str:
    peak, file, model = answer["peak"], answer["file"], answer["model"]
    sizes = f"{peak / 1e9:9.2f}{peak / file:8.2f}{peak / model:9.2f}{answer['process'] / 1e9:18.2f}"
    return f"{name:<26}{sizes}{answer['seconds']:9.1f}  {answer['types']}"


def write_real_size(path: Path) -> None:
    """Write a checkpoint with SD 1.5's keys and shapes, fp16."""
    from safetensors.torch import save_file

    save_file(dict(_weights()), path)


def _weights() -> Iterator[tuple[str, Any]]:
    from modules.foundation import torchvision_ops

    torchvision_ops.declare()
    import torch

    from modules.families import single_file
    from modules.weights.layouts import diffusers_to_ldm

    widths = (320, 640, 1280, 1280)
    unet = {
        "block_out_channels": widths,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    }
    vae = {
        "block_out_channels": (128, 256, 512, 512),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 2,
        "latent_channels": 4,
    }
    text = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    parts = single_file.unet(unet), single_file.vae(vae, 0.18215), single_file.text_encoder(text, penultimate=False)
    for key, like in diffusers_to_ldm(*(part.state_dict() for part in parts)).items():
        yield key, torch.randn(like.shape, dtype=torch.float16)


def _measured(path: str, again: bool = False, ckpt: bool = False, **flags: Any) -> dict[str, Any]:
    """Load the checkpoint in this process and say what that took."""
    from modules.foundation import torchvision_ops

    torchvision_ops.declare()
    import torch

    from modules.engine import device, loader
    from modules.engine.model import ModelRef

    file = Path(path)
    if ckpt:
        file = _as_ckpt(file)
    load = loader.Loader(device.choose(**flags))
    ref = ModelRef(file.stem, file.name, file)
    load.prepare(ref)  # imports what is imported late, and takes no memory for weights
    handle = load.prepare(ref).load(_ignore) if again else None
    before = 0 if again else _memory("VmRSS")
    if again:
        before = _memory("VmRSS") - _bytes(handle)
        handle = None
        load.free()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    begun = time.perf_counter()
    handle = load.prepare(ref).load(_ignore)
    seconds = time.perf_counter() - begun
    types = {str(part.dtype).removeprefix("torch.") for part in handle.parts.values()}
    return {
        "peak": _memory("VmHWM") - before,
        "process": _memory("VmHWM"),
        "file": Path(path).stat().st_size,
        "model": _bytes(handle),
        "seconds": seconds,
        "types": f"{handle.dtype}, VAE {handle.vae_dtype}".replace("torch.", "") if len(types) > 1 else types.pop(),
        "threads": torch.get_num_threads(),
    }


def _as_ckpt(path: Path) -> Path:
    """The same weights as a pickle, made by another process so that this one's memory stays clean."""
    pickled = path.with_suffix(".ckpt")
    program = (
        "import sys, torch; from safetensors.torch import load_file;"
        "torch.save({'state_dict': load_file(sys.argv[1])}, sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", program, str(path), str(pickled)], check=True)
    return pickled


def _bytes(handle: Any) -> int:
    modules = [part._module for part in handle.parts.values()]
    return sum(weight.nbytes for module in modules for weight in module.parameters())


def _memory(field: str) -> int:
    """Bytes of one line of Linux's account of this process: VmRSS now, VmHWM at most."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def _ignore(_text: str) -> None: ...


if __name__ == "__main__":
    main()
