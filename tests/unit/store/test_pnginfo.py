"""Infotext in files: written, read back, and read from files that A1111 wrote."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from modules.foundation.errors import BadFile
from modules.store import pnginfo

DATA = Path(__file__).parent / "data"
GOLDEN = Path(__file__).parents[2] / "golden" / "images"
LATIN = "a café (cat:1.2)\nNegative prompt: dog\nSteps: 4, Sampler: Euler, CFG scale: 7.0, Seed: 3, Size: 16x16"
WIDE = "猫 and 🐈, <lora:x:1>\nSteps: 4, Sampler: Euler, Seed: 3"


def picture(mode: str = "RGB", size: tuple[int, int] = (16, 16)) -> Image.Image:
    return Image.new(mode, size)


@pytest.mark.parametrize("infotext", [LATIN, WIDE, "x", "line\n\nline  "])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_what_is_written_is_read(format: str, mode: str, infotext: str) -> None:
    data = pnginfo.encode(picture(mode), infotext, format)
    assert Image.open(BytesIO(data)).format == format
    found, items = pnginfo.read(data)
    assert found == infotext
    assert "parameters" not in items


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF"])
def test_without_infotext_there_is_none(format: str) -> None:
    found, _ = pnginfo.read(pnginfo.encode(picture(), None, format))
    assert found is None


@pytest.mark.parametrize(("infotext", "kind"), [(LATIN, b"tEXt"), (WIDE, b"iTXt")])
def test_png_takes_the_plainest_chunk_that_can_hold_it(infotext: str, kind: bytes) -> None:
    data = pnginfo.encode(picture(), infotext, "PNG", items={"extras": "scaled"})
    assert data.index(kind + b"parameters\0") < data.index(b"IDAT")
    assert pnginfo.read(data)[1] == {"extras": "scaled"}


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_a1111s_photos(suffix: str) -> None:
    """Written with piexif, as A1111 does."""
    found, _ = pnginfo.read(DATA / f"a1111.{suffix}")
    assert found == (
        "a café, 猫 (cat:1.2)\nNegative prompt: dog\nSteps: 4, Sampler: Euler, CFG scale: 7.0, Seed: 3, Size: 16x16"
    )


def test_a1111s_png() -> None:
    with Image.open(GOLDEN / "cfg__1.5.png") as image:
        found, items = pnginfo.read(image)
    assert found is not None and "\nSteps: " in found and "Sampler: " in found
    assert items == {}


def test_our_photos_have_the_bytes_a1111_reads() -> None:
    data = pnginfo.encode(picture(), "猫", "JPEG")
    assert b"UNICODE\0" + "猫".encode("utf-16-be") in data


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + "ab猫".encode("utf-16-be"),
        b"UNICODE\0" + "ab猫".encode("utf-16-le"),
        b"UNICODE\0" + "ab猫".encode("utf-16"),
        "ab猫".encode(),
        bytes(8) + "ab猫".encode(),
    ],
)
def test_other_programs_ways_of_writing_a_comment(comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    out = BytesIO()
    picture().save(out, "JPEG", exif=exif.tobytes())
    assert pnginfo.read(out.getvalue())[0] == "ab猫"


def test_text_after_the_pixels_is_found() -> None:
    out, late = BytesIO(), BytesIO()
    picture().save(out, "PNG")
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "late")
    picture().save(late, "PNG", pnginfo=chunks)
    plain, told = out.getvalue(), late.getvalue()
    start = told.index(b"tEXt") - 4
    chunk = told[start : start + 12 + len(b"parameters\0late")]
    end = plain.index(b"IEND") - 4
    assert pnginfo.read(plain[:end] + chunk + plain[end:])[0] == "late"


def test_a_text_too_long_for_a_jpeg() -> None:
    ascii_only, wide = "a" * 64_000, "猫" * 40_000
    assert pnginfo.fits(ascii_only, "JPEG") and not pnginfo.fits(wide, "JPEG")
    assert pnginfo.fits(wide, "PNG") and pnginfo.fits(wide, "WEBP")
    assert pnginfo.read(pnginfo.encode(picture(), ascii_only, "JPEG"))[0] == ascii_only
    assert pnginfo.read(pnginfo.encode(picture(), wide, "JPEG"))[0] is None
    assert pnginfo.read(pnginfo.encode(picture(), wide, "WEBP"))[0] == wide


def test_novelai_is_converted() -> None:
    told = {"uc": "bad", "steps": 28, "sampler": "k_euler_ancestral", "scale": 11, "seed": 5}
    items = {"Software": "NovelAI", "Description": "a cat", "Comment": json.dumps(told)}
    found, _ = pnginfo.read(pnginfo.encode(picture(size=(24, 16)), None, "PNG", items=items))
    assert found == (
        "a cat\nNegative prompt: bad\n"
        "Steps: 28, Sampler: Euler a, CFG scale: 11, Seed: 5, Size: 24x16, Clip skip: 2, ENSD: 31337"
    )


def test_16_bit_grey_becomes_8_bit() -> None:
    with Image.open(BytesIO(pnginfo.encode(Image.new("I;16", (8, 8), 65535), None, "JPEG", quality=95))) as image:
        assert image.mode == "L" and image.getpixel((4, 4)) == pytest.approx(255, abs=1)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"<svg></svg>"])
def test_what_is_no_picture_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        pnginfo.read(data)
    (tmp_path / "file.png").write_bytes(data)
    with pytest.raises(BadFile, match=r"file\.png"):
        pnginfo.read(tmp_path / "file.png")


def test_cut_off_files_are_refused_or_read() -> None:
    """Whatever is missing of a file, reading it ends in an infotext, none, or BadFile."""
    for format in ("PNG", "JPEG", "WEBP", "GIF"):
        whole = pnginfo.encode(picture(), LATIN, format)
        for length in range(0, len(whole), 7):
            try:
                found, _ = pnginfo.read(whole[:length])
            except BadFile:
                continue
            assert found is None or LATIN.startswith(found[:5])


def test_a_picture_of_absurd_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BadFile, match="too many pixels"):
        pnginfo.read(pnginfo.encode(picture(size=(11, 11)), None, "PNG"))
