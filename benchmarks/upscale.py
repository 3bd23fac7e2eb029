"""Time and peak memory of enlarging a picture: `python -m benchmarks.upscale [--side 2048] [--upscaler "Atelier 4x"]`.

The picture goes through the shipped upscaler by the settings' usual tiles and is encoded as PNG, as a job does.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
import torch
from PIL import Image

from modules.boot import assemble
from modules.foundation import torchvision_ops
from modules.foundation.flags import parse
from modules.store import pnginfo


def peak() -> float:
    """Gigabytes the process has held at most."""
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e9


def main() -> None:
    """Run once and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=2048, help="pixels of the square picture")
    parser.add_argument("--scale", type=float, default=4.0)
    parser.add_argument("--upscaler", default="Atelier 4x")
    options = parser.parse_args()
    torchvision_ops.declare()
    studio = assemble(parse(["--use-cpu", "all"], {}))
    side = options.side
    rows, columns = np.mgrid[0:side, 0:side] * (8 / side)
    levels = np.stack([np.sin(rows * 3) + 1, np.cos(columns * 5) + 1, np.sin(rows * columns) + 1], -1)
    image = Image.fromarray((levels * 127).astype(np.uint8))
    del rows, columns, levels
    before, began, told = peak(), time.perf_counter(), []
    made = studio.upscalers.upscale(
        options.upscaler,
        image,
        options.scale,
        studio.settings.snapshot,
        progress=lambda done, total: told.append((done, total)),
    )
    upscaled = time.perf_counter() - began
    size = len(pnginfo.encode(made, None, "PNG"))
    print(f"upscaler        {options.upscaler}, {torch.get_num_threads()} threads")
    print(f"picture         {side}x{side} -> {made.width}x{made.height}")
    print(f"time            {upscaled:.1f} s, progress told {len(told)} times, the last {told[-1]}")
    print(f"PNG             {size / 1e6:.0f} MB, {time.perf_counter() - began - upscaled:.1f} s")
    print(f"peak memory     {peak():.2f} GB, {before:.2f} GB of it before")
    studio.history.close()


if __name__ == "__main__":
    main()
