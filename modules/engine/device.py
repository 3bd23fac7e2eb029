"""Where a model computes and in how many bits, decided by what this machine can do.

`choose` is asked once, by boot. GPUs come before the CPU; a CPU computes in bfloat16 only if it has
instructions for it that prove their worth.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, replace

import torch

from modules.foundation.errors import UserError

log = logging.getLogger(__name__)

_SLOWER = 1.5
"""bfloat16 is not taken if it needs this many times as long as float32. Where instructions for it work, it needs half
to two thirds; the wide margin keeps other programs' noise from changing the decision, and with it the pictures, from
one start to the next."""


@dataclass(frozen=True, slots=True)
class Compute:
    """The device and the types of UNet, text encoder (`dtype`) and VAE (`vae_dtype`)."""

    device: torch.device
    dtype: torch.dtype
    vae_dtype: torch.dtype

    def in_float32(self) -> Compute:
        """The same device, everything in 32 bits."""
        return replace(self, dtype=torch.float32, vae_dtype=torch.float32)


def choose(
    *,
    no_half: bool = False,
    no_half_vae: bool = False,
    precision: str = "autocast",
    use_cpu: Collection[str] = (),
    device_id: str | None = None,
) -> Compute:
    """Device and types from A1111's flags of these names and from what the machine can do.

    `precision` is "autocast" (as is best), "full" (32 bits) or "half" (16 bits everywhere).
    Raises UserError for a `device_id` that does not exist.
    """
    device = torch.device("cpu") if {"all", "sd"} & set(use_cpu) else _device(device_id)
    dtype = torch.float32 if no_half or precision == "full" else _half(device)
    # On a CPU 32 bits cost the VAE a few percent of a picture's time; bfloat16 would cost half a level of every pixel.
    precise_vae = no_half_vae or (device.type == "cpu" and precision != "half")
    chosen = Compute(device, dtype, torch.float32 if precise_vae else dtype)
    log.info("Computing on %s in %s, the VAE in %s.", device, _short(dtype), _short(chosen.vae_dtype))
    return chosen


def _device(device_id: str | None) -> torch.device:
    """The best device there is: CUDA (which is ROCm, too), Apple's, Intel's, else the CPU."""
    if torch.cuda.is_available():
        return _numbered("cuda", torch.cuda.device_count(), device_id)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    if torch.xpu.is_available():
        return _numbered("xpu", torch.xpu.device_count(), device_id)
    return torch.device("cpu")


def _numbered(kind: str, count: int, device_id: str | None) -> torch.device:
    if device_id is None:
        return torch.device(kind, 0)
    if not device_id.isdecimal() or int(device_id) >= count:
        there = "only 0" if count == 1 else f"0 to {count - 1}"
        raise UserError(f"--device-id {device_id} does not exist; there is {there}.")
    return torch.device(kind, int(device_id))


def _half(device: torch.device) -> torch.dtype:
    """The 16-bit type the device is good at, float32 if it is good at none."""
    if device.type == "cpu":
        return torch.bfloat16 if _bfloat16_pays() else torch.float32
    return torch.float16 if _computes(device, torch.float16) else torch.float32


def _computes(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a convolution in this type works there and gives numbers; some older GPUs give NaNs."""
    try:
        x = torch.ones(1, 32, 16, 16, device=device, dtype=dtype)
        weight = torch.full((32, 32, 3, 3), 0.01, device=device, dtype=dtype)
        return bool(torch.nn.functional.conv2d(x, weight, padding=1).isfinite().all())
    except RuntimeError as error:
        log.warning("%s cannot compute in %s (%s).", device, _short(dtype), error)
        return False


def _bfloat16_pays() -> bool:
    if not any(there for name, there in torch.cpu.get_capabilities().items() if name.endswith("bf16")):
        return False
    share = _bfloat16_share()
    log.debug("bfloat16 needs %.2f of float32's time on this CPU.", share)
    return share < _SLOWER


@torch.no_grad()
def _bfloat16_share(times: int = 20) -> float:
    """Time of a small convolution in bfloat16 over that in float32, the fastest of several tries of each by turns.

    Stops as soon as bfloat16 has shown itself the faster; the first try only prepares kernels.
    """
    best = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for attempt in range(times):
        if attempt > 2 and best[torch.bfloat16] < best[torch.float32]:
            break
        for dtype in best:
            x, weight = torch.ones(1, 64, 32, 32, dtype=dtype), torch.ones(64, 64, 3, 3, dtype=dtype)
            start = time.perf_counter()
            torch.nn.functional.conv2d(x, weight, padding=1)
            best[dtype] = min(best[dtype], time.perf_counter() - start)
    return best[torch.bfloat16] / best[torch.float32]


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
