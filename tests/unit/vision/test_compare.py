"""How much two pictures differ."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from modules.vision.compare import compare, saved_like


def noise(seed: int, size: tuple[int, int] = (40, 24)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values)


def test_equal_pictures() -> None:
    found = compare(noise(1), noise(1))
    assert found.identical and math.isinf(found.psnr) and found.share == 0
    assert found.picture.getextrema() == ((0, 0), (0, 0), (0, 0))


def test_one_pixel() -> None:
    one, other = Image.new("RGB", (10, 10)), Image.new("RGB", (10, 10))
    other.putpixel((3, 4), (0, 51, 0))
    found = compare(one, other)
    assert (found.largest, found.share, found.identical) == (51, 0.01, False)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / (51**2 / 300)))
    assert found.picture.getpixel((3, 4)) == (0, 255, 0) and found.picture.getpixel((0, 0)) == (0, 0, 0)


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(noise(1), noise(1, (24, 40)))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [50, 80, 97])
def test_a_jpeg_is_compared_as_a_jpeg(quality: int, subsampling: int) -> None:
    file = io.BytesIO()
    noise(3).save(file, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(file) as there:
        assert compare(there, saved_like(noise(3), there)).identical
        assert not compare(there, noise(3)).identical


def test_a_png_is_left_alone() -> None:
    picture = noise(4)
    assert saved_like(picture, noise(5)) is picture
