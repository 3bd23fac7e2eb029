"""Extending a picture: the picture itself stays, what is added is masked, and each fill is what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from modules.foundation.errors import UserError
from modules.vision.extend import EDGE, MIRROR, NOISE, Margins, extended, matched_noise

MARGINS = Margins(left=8, top=4, right=16, bottom=12)


def picture(width: int = 40, height: int = 30) -> Image.Image:
    x = np.linspace(0, 6 * np.pi, width)
    levels = np.stack([100 + 80 * np.sin(x), 120 + 40 * np.cos(x), 60 + 0 * x], axis=-1)
    return Image.fromarray(levels[None].repeat(height, 0).astype(np.uint8))


@pytest.mark.parametrize("fill", [MIRROR, EDGE, NOISE, "#ff0000"])
def test_the_picture_stays_and_the_rest_is_masked(fill: str) -> None:
    whole, mask = extended(picture(), MARGINS, fill)
    assert whole.size == mask.size == (64, 46) and (whole.mode, mask.mode) == ("RGB", "L")
    inner = (8, 4, 48, 34)
    assert whole.crop(inner).tobytes() == picture().tobytes()
    assert mask.crop(inner).getextrema() == (0, 0)
    assert np.asarray(mask).sum() == 255 * (64 * 46 - 40 * 30)


def test_fills() -> None:
    source = np.asarray(picture())
    mirrored = np.asarray(extended(picture(), MARGINS, MIRROR)[0])
    assert np.array_equal(mirrored[10, 7::-1], source[0, :8])
    drawn = np.asarray(extended(picture(), MARGINS, EDGE)[0])
    assert (drawn[10, 48:] == source[0, -1]).all()
    assert extended(picture(), MARGINS, "#ff0000")[0].getpixel((0, 0)) == (255, 0, 0)


def test_noise_has_the_pictures_colours_and_is_always_the_same() -> None:
    margins = Margins(right=60, bottom=60)
    whole, mask = extended(picture(), margins, NOISE)
    new = np.asarray(whole)[np.asarray(mask) == 255].astype(float)
    old = np.asarray(picture()).reshape(-1, 3).astype(float)
    assert np.abs(new.mean(0) - old.mean(0)).max() < 8 and np.abs(new.std(0) - old.std(0)).max() < 6
    assert whole.tobytes() == extended(picture(), margins, NOISE)[0].tobytes()


def test_nothing_added_changes_nothing() -> None:
    for fill in (MIRROR, EDGE, NOISE, "black"):
        whole, mask = extended(picture(), Margins(), fill)
        assert whole.tobytes() == picture().tobytes() and mask.getbbox() is None


def test_a_margin_wider_than_the_picture_is_mirrored_on() -> None:
    assert extended(picture(4, 4), Margins(left=50), MIRROR)[0].size == (54, 4)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="nothing to fill with"):
        extended(picture(), MARGINS, "rainbow")
    with pytest.raises(UserError, match="0 pixels or more"):
        extended(picture(), Margins(left=-8), EDGE)
    with pytest.raises(UserError, match="too many"):
        extended(picture(), Margins(left=60000, top=60000), EDGE)
    with pytest.raises(UserError, match="whole picture is masked"):
        matched_noise(picture(), Image.new("L", (40, 30), 255))
