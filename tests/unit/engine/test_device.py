"""The choice of device and types, with the machine's abilities pretended."""

from __future__ import annotations

import pytest
import torch

from modules.engine import device
from modules.engine.device import Compute, choose
from modules.foundation.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No GPU, a CPU with bfloat16 that pays."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(device, "_bfloat16_share", lambda: 0.5)
    return monkeypatch


def test_a_cpu_with_bfloat16_keeps_the_vae_precise(machine: pytest.MonkeyPatch) -> None:
    assert choose() == Compute(CPU, torch.bfloat16, torch.float32)
    assert choose(precision="half") == Compute(CPU, torch.bfloat16, torch.bfloat16)


@pytest.mark.parametrize("flags", [{"no_half": True}, {"precision": "full"}])
def test_32_bits_when_asked_for(machine: pytest.MonkeyPatch, flags: dict[str, object]) -> None:
    assert choose(**flags) == Compute(CPU, torch.float32, torch.float32)  # type: ignore[arg-type]


def test_bfloat16_is_not_taken_where_it_is_only_emulated(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(device, "_bfloat16_share", lambda: 3.0)
    assert choose().dtype == torch.float32
    machine.setattr(device, "_bfloat16_share", lambda: 0.5)
    machine.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    assert choose().dtype == torch.float32


def test_noise_of_a_busy_machine_does_not_change_the_choice(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(device, "_bfloat16_share", lambda: 1.3)
    assert choose().dtype == torch.bfloat16


def test_a_gpu_comes_first_unless_the_cpu_is_asked_for(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: 2)
    machine.setattr(device, "_computes", lambda place, dtype: True)
    gpu = torch.device("cuda", 0)
    assert choose() == Compute(gpu, torch.float16, torch.float16)
    assert choose(no_half_vae=True) == Compute(gpu, torch.float16, torch.float32)
    assert choose(device_id="1").device == torch.device("cuda", 1)
    for part in ("all", "sd"):
        assert choose(use_cpu=(part,)).device == CPU
    assert choose(use_cpu=("gfpgan",)).device == gpu


def test_a_gpu_that_gives_nans_in_16_bits_computes_in_32(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    machine.setattr(device, "_computes", lambda place, dtype: False)
    assert choose() == Compute(torch.device("mps"), torch.float32, torch.float32)


@pytest.mark.parametrize("wanted", ["2", "-1", "x"])
def test_a_gpu_that_does_not_exist(machine: pytest.MonkeyPatch, wanted: str) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=f"--device-id {wanted} does not exist; there is 0 to 1"):
        choose(device_id=wanted)


def test_the_probes_run_on_this_machine() -> None:
    assert device._bfloat16_share(times=4) > 0
    assert device._computes(CPU, torch.float32)
