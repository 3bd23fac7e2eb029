"""Upscaler files: read safely whatever they hold, run tile by tile without a trace of the tiles."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from modules.foundation.errors import BadFile, Interrupted, UnsafeFile, UserError
from modules.foundation.settings import Snapshot
from modules.vision.options import UpscalingOptions
from modules.vision.upscale import UpscalerFile, Upscalers, ignore, never
from modules.vision.upscaler_network import UpscalerNetwork, tiles_of
from starter.companions.upscaler import Compact, Design

REACH = 4
"""Pixels that the network below looks far: one for each of its convolutions."""


def settings(**values: object) -> Snapshot:
    return Snapshot(MappingProxyType({UpscalingOptions: UpscalingOptions.model_validate(values)}))


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = Compact(Design(2, 8, 2))
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return network.state_dict()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, weights: dict[str, torch.Tensor]) -> Path:
    path = tmp_path_factory.mktemp("upscalers") / "tiny 2x.safetensors"
    save_file(weights, path)
    return path


def picture(width: int = 61, height: int = 47) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def difference(a: Image.Image, b: Image.Image) -> int:
    return int(np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).max())


def test_tiles_cover_a_picture_once() -> None:
    covered = np.zeros((101, 77), dtype=int)
    for tile in tiles_of((77, 101), 32, 5):
        left, top, right, bottom = tile.core
        covered[top:bottom, left:right] += 1
        assert tile.window == (left - 5, top - 5, right + 5, bottom + 5)
        assert right - left <= 32 and bottom - top <= 32
    assert (covered == 1).all()


@pytest.mark.parametrize("tile", [16, 24, 40])
def test_the_size_of_the_tiles_does_not_matter(file: Path, tile: int) -> None:
    network = UpscalerNetwork(file)
    whole = network.upscale(picture(), 0, REACH, never, ignore)
    tiled = network.upscale(picture(), tile, REACH, never, ignore)
    # Sums are taken in another order for another size; where one lies on the edge of a level, it may fall either way.
    assert difference(whole, tiled) <= 1
    short = network.upscale(picture(), tile, 1, never, ignore)
    assert difference(whole, short) > 1


def test_progress_moves_and_cancelling_stops(file: Path) -> None:
    told: list[tuple[int, int]] = []
    network = UpscalerNetwork(file)
    network.upscale(picture(), 24, REACH, never, lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(7)]
    calls = 0

    def cancel() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        network.upscale(picture(), 24, REACH, cancel, ignore)
    assert calls == 3


def test_passes_until_the_size_suffices(file: Path) -> None:
    told: list[float] = []
    upscalers = Upscalers(lambda: [UpscalerFile("ESRGAN", file)])
    image = upscalers.upscale(
        "tiny 2x", picture(40, 32), 3, settings(ESRGAN_tile=16), progress=lambda done, total: told.append(done / total)
    )
    assert image.size == (120, 96)
    assert told == sorted(told) and told[-1] == 1
    assert upscalers.upscale("tiny 2x", picture(40, 32), 1, settings()).size == (40, 32)


def test_pickled_files_give_the_same(file: Path, weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    other = tmp_path / "tiny.pth"
    torch.save({"params": {}, "params_ema": weights}, other)
    plain = UpscalerNetwork(file).upscale(picture(), 0, 4, never, ignore)
    assert UpscalerNetwork(other).upscale(picture(), 0, 4, never, ignore) == plain


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("this ran",)


def test_code_in_a_file_never_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps({"params": Evil()}, protocol=2))
    with pytest.raises(UnsafeFile, match=r"evil\.pth was refused"):
        UpscalerNetwork(path)
    assert capsys.readouterr().out == ""


def test_files_that_are_something_else(tmp_path: Path) -> None:
    other = tmp_path / "lora.safetensors"
    save_file({"lora_unet_down.weight": torch.zeros(4, 4)}, other)
    with pytest.raises(BadFile, match="no network of a known architecture"):
        UpscalerNetwork(other)
    page = tmp_path / "page.pth"
    page.write_text("<!doctype html><title>Not found</title>")
    with pytest.raises(BadFile, match="text or web page"):
        UpscalerNetwork(page)


def test_a_way_station_beyond_reason_is_refused(file: Path) -> None:
    upscalers = Upscalers(lambda: [UpscalerFile("ESRGAN", file)])
    with pytest.raises(UserError, match="A pass of this upscaler makes it 2 times as large"):
        upscalers.upscale("tiny 2x", Image.new("RGB", (10_000, 10_000)), 1.1, settings())


def test_a_replaced_file_is_read_anew(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(weights, path)
    upscalers = Upscalers(lambda: [UpscalerFile("ESRGAN", path)])
    first = upscalers.upscale("mine", picture(16, 16), 2, settings())
    save_file({key: value * 0.5 for key, value in weights.items()}, path)
    assert difference(first, upscalers.upscale("mine", picture(16, 16), 2, settings())) > 0


def test_transparency_is_scaled_beside_the_colours(file: Path) -> None:
    source = picture(32, 32)
    source.putalpha(Image.linear_gradient("L").resize((32, 32)))
    made = Upscalers(lambda: [UpscalerFile("ESRGAN", file)]).upscale("tiny 2x", source, 2, settings())
    assert made.mode == "RGBA"
    assert made.getchannel("A") == source.getchannel("A").resize((64, 64), Image.Resampling.LANCZOS)
