"""Colour correction: the colours come back, lights and shades stay."""

from __future__ import annotations

import numpy as np
from PIL import Image

from modules.vision.colour import corrected, from_lab, to_lab, with_luminosity


def gradient(tint: tuple[float, float, float], size: int = 64) -> Image.Image:
    shade = np.linspace(60, 190, size)[:, None, None] * np.ones((1, size, 1))
    noise = np.random.default_rng(0).normal(0, 10, (size, size, 1))
    return Image.fromarray(((shade + noise) * np.array(tint)).clip(0, 255).astype(np.uint8))


def luma(image: Image.Image) -> np.ndarray:
    return np.asarray(image, float) @ (0.299, 0.587, 0.114)


def test_lab_is_opencvs_and_comes_back() -> None:
    # cv2.cvtColor(..., COLOR_RGB2LAB) of OpenCV 5.0 on bytes.
    colors = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 140, 30)]
    theirs = [(0, 128, 128), (255, 128, 128), (136, 208, 195), (224, 42, 211), (82, 207, 20), (135, 94, 178)]
    image = Image.fromarray(np.array([colors], dtype=np.uint8))
    assert np.abs(to_lab(image).astype(int) - [theirs]).max() <= 1
    assert np.abs(np.asarray(from_lab(to_lab(image)), int) - [colors]).max() <= 8


def test_a_tint_is_taken_away_again() -> None:
    original, tinted = gradient((1, 0.9, 0.8)), gradient((0.7, 0.9, 1.1))
    found = np.asarray(corrected(tinted, original), float)
    off = np.abs(found - np.asarray(original, float)).mean(axis=(0, 1))
    assert (off < 12).all()
    assert np.abs(np.asarray(tinted, float) - np.asarray(original, float)).mean(axis=(0, 1)).max() > 25


def test_lights_and_shades_stay() -> None:
    tinted = gradient((0.7, 0.9, 1.1))
    assert np.abs(luma(corrected(tinted, gradient((1, 0.9, 0.8)))) - luma(tinted)).max() <= 2


def test_a_picture_of_its_own_colours_stays_as_it_is() -> None:
    image = gradient((1, 0.9, 0.8))
    assert np.abs(np.asarray(corrected(image, image), int) - np.asarray(image, int)).max() <= 4


def test_luminosity_beyond_a_colour_bleaches_it() -> None:
    blue, white = Image.new("RGB", (1, 1), (0, 0, 255)), Image.new("RGB", (1, 1), (255, 255, 255))
    assert with_luminosity(blue, white).getpixel((0, 0)) == (255, 255, 255)
    grey = with_luminosity(blue, Image.new("RGB", (1, 1), (128, 128, 128))).getpixel((0, 0))
    assert grey[2] == 255 and abs(grey[0] - grey[1]) <= 1  # type: ignore[index]
