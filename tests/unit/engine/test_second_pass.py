"""Sizes and names of a second pass: A1111's rules, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modules.engine.high_res import Target
from modules.engine.request import Txt2Img
from modules.engine.second_pass import laid_out
from modules.foundation.errors import UserError
from modules.foundation.settings import Settings
from modules.prompting.options import TextCompatibility


@pytest.mark.parametrize(
    ("first", "asked", "enlarged", "crop", "final"),
    [
        ((512, 512), (2.0, 0, 0), (1024, 1024), (0, 0), (1024, 1024)),
        ((512, 768), (1.5, 0, 0), (768, 1152), (0, 0), (768, 1152)),
        ((64, 64), (1.55, 0, 0), (99, 99), (0, 0), (96, 96)),
        ((512, 768), (2.0, 1024, 0), (1024, 1536), (0, 0), (1024, 1536)),
        ((512, 768), (2.0, 0, 1024), (682, 1024), (0, 0), (680, 1024)),
        # Both sides: covered, then cropped.
        ((512, 512), (2.0, 1024, 768), (1024, 1024), (0, 32), (1024, 768)),
        ((512, 512), (2.0, 768, 1024), (1024, 1024), (32, 0), (768, 1024)),
        ((640, 512), (2.0, 1000, 1000), (1250, 1000), (31, 0), (1000, 1000)),
    ],
)
def test_sizes_are_a1111s(
    first: tuple[int, int],
    asked: tuple[float, int, int],
    enlarged: tuple[int, int],
    crop: tuple[int, int],
    final: tuple[int, int],
) -> None:
    target = Target.of(*first, *asked)
    assert (target.width, target.height) == enlarged
    assert (target.crop_x, target.crop_y) == crop
    assert target.final == final


@pytest.mark.parametrize("fields", [{"hr_scale": 10}, {"hr_scale": 0.01}, {"hr_resize_x": 8192, "width": 64}])
def test_sizes_out_of_range_are_refused_with_what_they_came_to(fields: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"it can be 16 to 8192\. Choose another 'Upscale by'"):
        Txt2Img(**{"enable_hr": True, "width": 1024, "height": 1024, **fields})
    Txt2Img(**{"width": 1024, "height": 1024, **fields})  # without the second pass it does not matter


@pytest.mark.parametrize("strength", [-0.1, 1.01])
def test_denoising_is_between_nothing_and_all(strength: float) -> None:
    with pytest.raises(ValidationError):
        Txt2Img(denoising_strength=strength)


def test_labels_of_a1111s_lists_mean_that_nothing_else_is_asked_for() -> None:
    request = Txt2Img.model_validate({
        "hr_sampler_name": "Use same sampler",
        "hr_scheduler": "Use same scheduler",
        "hr_checkpoint_name": "Use same checkpoint",
        "hr_upscaler": None,
        "refiner_checkpoint": "None",
    })  # fmt: skip
    names = (request.hr_sampler_name, request.hr_scheduler, request.hr_checkpoint_name, request.hr_upscaler)
    assert (*names, request.refiner_checkpoint) == ("",) * 5


def settings(tmp_path: Path, *, old: bool) -> Any:
    found = Settings((TextCompatibility,), tmp_path / "config.json")
    found.update({"use_old_hires_fix_width_height": old})
    return found.snapshot


def test_the_first_passs_size_may_be_given_instead_of_the_seconds(tmp_path: Path) -> None:
    asked = Txt2Img(enable_hr=True, width=1024, height=768, firstphase_width=512, firstphase_height=384)
    found = laid_out(asked, settings(tmp_path, old=False))
    assert (found.width, found.height) == (512, 384)
    assert isinstance(found, Txt2Img)
    assert (found.hr_resize_x, found.hr_resize_y) == (1024, 768)
    assert laid_out(found, settings(tmp_path, old=False)) == found


def test_the_old_way_finds_a_first_size_of_about_512_squared(tmp_path: Path) -> None:
    asked = Txt2Img(enable_hr=True, width=1024, height=1536)
    found = laid_out(asked, settings(tmp_path, old=True))
    assert (found.width, found.height) == (448, 640)
    assert laid_out(asked, settings(tmp_path, old=False)) == asked
