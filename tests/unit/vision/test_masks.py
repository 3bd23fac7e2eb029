"""Masks: how they are read, blurred and placed; that nothing outside of one changes, and that no seam shows."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modules.vision import masks


def box(size: tuple[int, int], *area: int) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, tuple(area))  # type: ignore[arg-type]
    return mask


def noisy(size: tuple[int, int], seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(levels)


def test_a_transparent_picture_is_masked_by_its_alpha() -> None:
    image = Image.new("RGBA", (4, 1), (255, 255, 255, 0))
    for x, alpha in enumerate((0, 100, 128, 129)):
        image.putpixel((x, 0), (0, 0, 0, alpha))
    assert list(masks.mask_of(image).get_flattened_data()) == [0, 0, 0, 255]
    assert list(masks.mask_of(image, rounded=False).get_flattened_data()) == [0, 100, 128, 129]


def test_any_other_is_masked_by_its_brightness() -> None:
    assert masks.mask_of(Image.new("RGBA", (1, 1), (80, 80, 80, 255))).getpixel((0, 0)) == 80
    assert masks.mask_of(Image.new("RGB", (1, 1), (255, 0, 0))).getpixel((0, 0)) == 76
    assert masks.mask_of(Image.new("L", (1, 1), 9)).getpixel((0, 0)) == 9


@pytest.mark.parametrize("sigma", [2, 4, 12, 32])
def test_a_blur_keeps_the_whole_and_is_the_same_both_ways(sigma: int) -> None:
    mask = box((400, 400), 150, 150, 250, 250)
    across, down = masks.blurred(mask, sigma, 0), masks.blurred(mask, 0, sigma)
    assert np.array_equal(np.asarray(across).T, np.asarray(down))
    assert np.asarray(across, float).sum() == pytest.approx(np.asarray(mask, float).sum(), rel=0.01)
    # An edge blurred by a Gaussian falls from 84% to 16% over two standard deviations.
    row = np.asarray(across)[200, :200].astype(float) / 255
    high, low = (np.interp(share, row, np.arange(200)) for share in (0.84, 0.16))
    assert high - low == pytest.approx(2 * sigma, rel=0.1)


def test_a_blur_is_opencvs_to_the_bit() -> None:
    # GaussianBlur of OpenCV 5.0 on bytes, kernels (21, 1) and (1, 21), sigma 4, borders mirrored.
    row = Image.fromarray(np.array([[0, 0, 0, 255, 255, 40, 0, 0, 200, 0, 0, 0]], dtype=np.uint8))
    assert np.asarray(masks.blurred(row, 4, 0)).tolist() == [OPENCV]
    assert np.asarray(masks.blurred(row.transpose(Image.Transpose.ROTATE_90), 0, 4)).ravel().tolist() == OPENCV[::-1]


OPENCV = [79, 78, 79, 78, 77, 74, 70, 63, 59, 54, 53, 50]


def test_the_region_holds_everything_and_its_padding() -> None:
    mask = box((100, 60), 40, 20, 50, 35)
    assert masks.region(mask, 0) == (40, 20, 50, 35)
    assert masks.region(mask, 7) == (33, 13, 57, 42)
    assert masks.region(mask, 1000) == (0, 0, 100, 60)
    assert masks.region(Image.new("L", (9, 9)), 4) is None


@pytest.mark.parametrize(
    ("found", "shape", "size", "expanded"),
    [
        ((10, 10, 42, 18), (512, 512), (128, 128), (10, 0, 42, 32)),  # no room above
        ((10, 60, 42, 68), (512, 512), (128, 128), (10, 48, 42, 80)),
        ((10, 100, 42, 120), (512, 512), (128, 128), (10, 94, 42, 126)),
        ((100, 10, 128, 90), (512, 512), (128, 128), (48, 10, 128, 90)),  # no room on the right
        ((10, 10, 42, 18), (512, 256), (128, 128), (10, 6, 42, 22)),
        ((0, 0, 200, 20), (512, 512), (200, 100), (0, 0, 200, 100)),  # no room for a square at all
    ],
)
def test_the_region_takes_the_shape_of_the_picture_to_paint(
    found: masks.Box, shape: tuple[int, int], size: tuple[int, int], expanded: masks.Box
) -> None:
    assert masks.expanded(found, shape, size) == expanded


def test_filling_takes_colours_from_around_and_leaves_the_rest() -> None:
    image = Image.new("RGB", (64, 64), (200, 10, 10))
    image.paste((0, 0, 255), (24, 24, 40, 40))
    mask = box((64, 64), 20, 20, 44, 44)
    found = np.asarray(masks.filled(image, mask), int)
    assert np.abs(found - (200, 10, 10)).max() <= 5
    assert np.array_equal(found[:20], np.asarray(image)[:20])


@pytest.mark.parametrize("blur", [0, 1, 4, 16])
@pytest.mark.parametrize("alone", [False, True])
def test_nothing_changes_outside_of_the_mask_by_one_bit(blur: int, alone: bool) -> None:
    original, painted = noisy((128, 96)), noisy((64, 64), 1) if alone else noisy((128, 96), 1)
    mask = masks.blurred(box((128, 96), 50, 30, 80, 60), blur, blur)
    shown = mask if alone else masks.strengthened(mask)
    place = masks.expanded(masks.region(mask, 8) or (0, 0, 0, 0), (64, 64), mask.size) if alone else None
    found, _ = masks.composited(painted, masks.overlay(original, shown), place)
    outside = np.asarray(shown) == 0
    assert np.array_equal(np.asarray(found)[outside], np.asarray(original)[outside])
    inside = np.asarray(shown) == 255
    if place is None:
        assert np.array_equal(np.asarray(found)[inside], np.asarray(painted)[inside])
    assert outside.any()


@pytest.mark.parametrize("blur", [4, 8, 16])
def test_no_seam_shows_where_the_painted_meets_the_original(blur: int) -> None:
    # Painted and original differ by 40 levels everywhere: the worst step between neighbours is what can be seen.
    original, painted = Image.new("RGB", (200, 200), (100,) * 3), Image.new("RGB", (200, 200), (140,) * 3)
    hard = box((200, 200), 70, 70, 130, 130)

    def worst(mask: Image.Image) -> int:
        found, _ = masks.composited(painted, masks.overlay(original, mask), None)
        return int(np.abs(np.diff(np.asarray(found, int)[100, :, 0])).max())

    assert worst(hard) == 40
    assert (
        worst(masks.strengthened(masks.blurred(hard, blur, blur))) <= 40 * 0.8 / blur + 1
    )  # the slope of the blur, and rounding


def test_the_masked_composite_shows_the_painted_alone() -> None:
    found = masks.masked_alone(noisy((32, 32)), box((32, 32), 8, 8, 24, 24))
    alpha = np.asarray(found.getchannel("A"))
    assert alpha[:8].max() == 0 and alpha[8:24, 8:24].min() == 255
    assert np.array_equal(np.asarray(found)[8:24, 8:24, :3], np.asarray(noisy((32, 32)))[8:24, 8:24])


def test_on_the_latent_a_cell_is_painted_or_not() -> None:
    mask = box((64, 64), 0, 0, 28, 64)
    soft = masks.on_latent(mask, 8, 8, rounded=False)
    assert soft.shape == (8, 8) and 0 < soft[0, 3] < 1
    assert set(np.unique(masks.on_latent(mask, 8, 8, rounded=True))) == {0.0, 1.0}


def test_a_sketch_is_masked_where_it_differs() -> None:
    original = noisy((40, 40))
    sketch = original.copy()
    sketch.paste((255, 0, 0), (10, 10, 30, 30))
    start, mask = masks.sketched(sketch, original, transparency=40, blur=2)
    assert mask.getextrema() == (0, 153) and mask.getbbox() == (10, 10, 30, 30)
    assert np.array_equal(np.asarray(start)[:4], np.asarray(original)[:4])
    red = np.asarray(start, int)[15:25, 15:25]
    assert red[..., 0].mean() > np.asarray(original, int)[15:25, 15:25, 0].mean()
