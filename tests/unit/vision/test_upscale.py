"""Upscalers by name: sizes as A1111's, refusals in words, pictures of any mode."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from PIL import Image

from modules.foundation.errors import NotFound, UserError
from modules.foundation.settings import Snapshot
from modules.vision.options import UpscalingOptions
from modules.vision.upscale import UpscalerFile, Upscalers, display_name

SETTINGS = Snapshot(MappingProxyType({UpscalingOptions: UpscalingOptions()}))
UPSCALERS = Upscalers()


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert(mode)


def test_the_built_in_ones_come_first() -> None:
    assert UPSCALERS.names() == ["None", "Lanczos", "Nearest"]


@pytest.mark.parametrize(
    ("name", "size", "scale", "expected"),
    [
        ("Lanczos", (192, 96), 2.0, (384, 192)),
        ("Lanczos", (100, 50), 1.5, (144, 72)),  # 150x75 is cut down to multiples of 8
        ("Nearest", (33, 17), 4.0, (128, 64)),
        ("None", (64, 64), 2.0, (128, 128)),
        ("Lanczos", (64, 64), 0.5, (32, 32)),
    ],
)
def test_sizes_are_cut_down_to_multiples_of_eight(
    name: str, size: tuple[int, int], scale: float, expected: tuple[int, int]
) -> None:
    assert UPSCALERS.upscale(name, picture(*size), scale, SETTINGS).size == expected


def test_nearest_repeats_pixels_and_lanczos_does_not() -> None:
    source = Image.effect_noise((16, 16), 80).convert("RGB")
    nearest = UPSCALERS.upscale("Nearest", source, 4, SETTINGS)
    assert nearest == source.resize((64, 64), Image.Resampling.NEAREST)
    assert UPSCALERS.upscale("Lanczos", source, 4, SETTINGS) == source.resize((64, 64), Image.Resampling.LANCZOS)


def test_to_size_is_exact_and_nearest_where_it_fits() -> None:
    source = Image.effect_noise((64, 48), 80).convert("RGB")
    assert UPSCALERS.to_size("Nearest", source, 128, 96, SETTINGS) == source.resize((128, 96), Image.Resampling.NEAREST)
    assert UPSCALERS.to_size("Lanczos", source, 101, 77, SETTINGS).size == (101, 77)
    assert UPSCALERS.to_size(None, source, 101, 77, SETTINGS) == source.resize((101, 77), Image.Resampling.LANCZOS)


def test_a_mask_is_only_resampled() -> None:
    mask = Image.effect_noise((16, 16), 80)
    assert UPSCALERS.to_size("Nearest", mask, 32, 32, SETTINGS) == mask.resize((32, 32), Image.Resampling.LANCZOS)


def test_transparency_stays() -> None:
    source = picture(16, 16, "RGB")
    source.putalpha(picture(16, 16, "L"))
    assert UPSCALERS.upscale("Lanczos", source, 2, SETTINGS).mode == "RGBA"


def test_unknown_names_and_sizes_beyond_reason_are_refused() -> None:
    with pytest.raises(NotFound, match="could not find upscaler named Bicubic"):
        UPSCALERS.upscale("Bicubic", picture(8, 8), 2, SETTINGS)
    with pytest.raises(UserError, match="100000x100000 pixels are more than can be kept"):
        UPSCALERS.to_size("Lanczos", picture(64, 64), 100_000, 100_000, SETTINGS)
    with pytest.raises(UserError, match="nothing in it"):
        UPSCALERS.upscale("Lanczos", picture(8, 8), 0.5, SETTINGS)


def test_files_are_listed_by_a1111s_names_in_order(tmp_path: Path) -> None:
    files = [
        UpscalerFile("RealESRGAN", tmp_path / "RealESRGAN_x4plus.pth"),
        UpscalerFile("ESRGAN", tmp_path / "b-2x.safetensors"),
        UpscalerFile("DAT", tmp_path / "DAT_x3.pth"),
        UpscalerFile("ESRGAN", tmp_path / "A.pth"),
    ]
    listed = Upscalers(lambda: files).listed()
    assert [upscaler.name for upscaler in listed[3:]] == ["A", "b-2x", "DAT x3", "R-ESRGAN 4x+"]
    assert [upscaler.scale for upscaler in listed[3:]] == [4, 2, 3, 4]
    assert display_name(files[1]) == "b-2x"
