"""What exchanging one LoRA for another costs beside loading the checkpoint again: python -m benchmarks.networks

On the shipped checkpoint, with two LoRAs of rank 16 over every linear layer of its UNet and text encoder.
Medians of five; each exchange reads its file.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from modules.foundation import torchvision_ops

CHECKPOINT = Path(__file__).parents[1] / "models" / "Stable-diffusion" / "starter.safetensors"


def main() -> None:
    torchvision_ops.declare()
    import torch

    from modules.engine.device import Compute
    from modules.engine.loader import Loader
    from modules.engine.model import ModelRef
    from modules.networks.patch import NOTHING, File, PatchSet, WeightPatch, ensure

    loader = Loader(Compute(torch.device("cpu"), torch.float32, torch.float32))
    ref = ModelRef(CHECKPOINT.stem, CHECKPOINT.name, CHECKPOINT)
    loading = timed(lambda: loader.prepare(ref).load(lambda _text: None))
    model = loader.prepare(ref).load(lambda _text: None)
    with tempfile.TemporaryDirectory() as folder:
        files = [File(name, _write(model, Path(folder) / f"{name}.safetensors"), 1) for name in ("one", "two")]
        sets = [PatchSet((WeightPatch(file),)) for file in files]
        [outcome] = ensure(model, sets[0])
        turn = iter(range(1, 1000))
        rows = {
            "load the checkpoint": loading,
            "exchange one LoRA for the other": timed(lambda: ensure(model, sets[next(turn) % 2])),
            "the same one again": timed(lambda: ensure(model, model.patched.applied)),
            "put on and take off": timed(lambda: (ensure(model, sets[0]), ensure(model, NOTHING))),
        }
    print(f"{outcome.applied} modules")
    for name, seconds in rows.items():
        print(f"{name:<34}{1000 * seconds:10.3f} ms{100 * seconds / loading:9.2f} % of loading")


def timed(run: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _write(model: object, path: Path) -> Path:
    import torch
    from safetensors.torch import save_file
    from torch import nn

    tensors: dict[str, torch.Tensor] = {}
    for part, prefix in (("unet", "lora_unet_"), ("text", "lora_te_text_model_")):
        with model.parts[part].ready() as network:  # type: ignore[attr-defined]
            for name, module in network.named_modules():
                if isinstance(module, nn.Linear):
                    key = prefix + name.replace(".", "_")
                    tensors[f"{key}.lora_up.weight"] = torch.randn(module.out_features, 16) / 100
                    tensors[f"{key}.lora_down.weight"] = torch.randn(16, module.in_features) / 100
    save_file(tensors, path)
    return path


if __name__ == "__main__":
    main()
