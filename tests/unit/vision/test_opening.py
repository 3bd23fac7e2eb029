"""Pictures of every kind are read as people see them; what is damaged or absurd is refused with a reason."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from modules.foundation.errors import BadFile
from modules.vision.opening import flattened, opened

RED = (200, 30, 10)


def file(image: Image.Image, format: str = "PNG", **how: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **how)
    return out.getvalue()


def near(image: Image.Image, color: tuple[int, ...], off: int = 12) -> bool:
    return bool((np.abs(np.asarray(image.convert("RGB"), int) - color) <= off).all())


def test_cmyk_and_palette_and_bits_become_plain_modes() -> None:
    cmyk = opened(file(Image.new("CMYK", (9, 7), (0, 255, 255, 0)), "JPEG", quality=95))
    assert cmyk.mode == "RGB" and near(cmyk, (255, 0, 0))
    palette = opened(file(Image.new("RGB", (9, 7), RED).quantize(4)))
    assert palette.mode == "RGB" and near(palette, RED)
    assert opened(file(Image.new("1", (9, 7), 1))).getextrema() == (255, 255)


def test_sixteen_bits_keep_their_brightness() -> None:
    levels = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    assert np.asarray(opened(file(Image.fromarray(levels)))).tolist() == [[0, 100, 255]]


def test_a_transparent_palette_keeps_its_holes() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([*RED, 0, 0, 255])
    image.putpixel((1, 1), 1)
    found = opened(file(image, transparency=1))
    assert found.mode == "RGBA"
    assert found.getpixel((0, 0)) == (*RED, 255)
    assert found.getpixel((1, 1))[3] == 0  # type: ignore[index]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, (0, 0, 255))]
    for format in ("GIF", "WEBP", "PNG"):
        found = opened(file(frames[0], format, save_all=True, append_images=frames[1:]))
        assert near(found, RED)


def test_a_photo_lying_on_its_side_is_set_upright() -> None:
    image = Image.new("RGB", (8, 4), RED)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(file(image, "JPEG", exif=exif)).size == (4, 8)


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_file_is_refused(format: str, cut: float) -> None:
    rng = np.random.default_rng(0)
    data = file(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), format)
    with pytest.raises(BadFile, match=r"The mask (is damaged|is not a picture)"):
        opened(data[: int(len(data) * cut)], "The mask")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadFile):
        opened(data)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    header = bytearray(file(Image.new("L", (1, 1))))
    header[16:24] = (60000).to_bytes(4, "big") * 2
    with pytest.raises(BadFile):
        opened(bytes(header))


def test_holes_are_filled_with_the_background() -> None:
    image = Image.new("RGBA", (2, 1), (*RED, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    found = flattened(image, "#00ff00")
    assert (found.getpixel((0, 0)), found.getpixel((1, 0))) == (RED, (0, 255, 0))
    with pytest.raises(BadFile, match="no colour"):
        flattened(image, "purplish")
