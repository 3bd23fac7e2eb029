"""The operations of the Extras tab: sizes, what is written of them, and how pictures multiply."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from modules.foundation.errors import Interrupted
from modules.vision import crops
from modules.vision.postprocessing import Piece, Upscaling, blended, run, suffixes


def lanczos(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def picture(width: int, height: int) -> Image.Image:
    return Image.radial_gradient("L").resize((width, height)).convert("RGB")


@pytest.mark.parametrize(
    ("plan", "size", "text"),
    [
        (Upscaling(by=2.0), (80, 40), "Postprocess upscale by: 2.0"),
        (Upscaling(by=4.0, longest=100), (100, 50), "Postprocess upscale by: 4.0, Max side length: 100"),
        (Upscaling(to=(60, 60)), (60, 60), "Postprocess upscale to: 60x60, Postprocess crop to: 60x60"),
        (Upscaling(to=(60, 60), crop=False), (120, 60), "Postprocess upscale to: 60x60"),
    ],
)
def test_upscaling(plan: Upscaling, size: tuple[int, int], text: str) -> None:
    made = plan.apply(Piece(picture(40, 20)), lanczos)
    assert (made.image.size, made.text()) == (size, text)


def test_a_crop_keeps_the_middle() -> None:
    image = Image.new("RGB", (30, 10), "red")
    image.paste("blue", (10, 0, 20, 10))
    made = Upscaling(to=(20, 20)).apply(Piece(image), lambda image, factor: image.resize((60, 20), 0))
    assert made.image.getcolors() == [(400, (0, 0, 255))]


def test_blending_brings_the_second_to_the_first() -> None:
    mixed = blended(Image.new("RGB", (4, 4), "black"), Image.new("RGBA", (8, 8), "white"), 0.5)
    assert (mixed.mode, mixed.size, mixed.getpixel((0, 0))) == ("RGB", (4, 4), (127, 127, 127))


def test_pieces_multiply_and_get_suffixes() -> None:
    flip = crops.flipped_copies(horizontal=True, vertical=True, both=True)
    pieces = run(Piece(picture(8, 8)), [flip, lambda piece: [piece.told(tags=("x",))]], lambda: None)
    assert suffixes(pieces) == ["-x", "-x-1", "-x-2", "-x-3"]
    assert suffixes(pieces[:1]) == ["-x"]
    source = picture(8, 8)
    source.putpixel((0, 0), (255, 0, 0))
    red = [
        one.image.getpixel((x, y)) == (255, 0, 0)
        for one, (x, y) in zip(run(Piece(source), [flip], lambda: None), [(0, 0), (7, 0), (0, 7), (7, 7)], strict=True)
    ]
    assert red == [True] * 4


def test_stopping_between_operations() -> None:
    def stop() -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        run(Piece(picture(8, 8)), [lambda piece: [piece]], stop)


@pytest.mark.parametrize(
    ("size", "overlap", "expected"),
    [((100, 400), 0.2, 5), ((400, 100), 0.2, 5), ((100, 400), 0.0, 4), ((120, 150), 0.2, 1), ((100, 100), 0.2, 1)],
)
def test_long_pictures_are_split(size: tuple[int, int], overlap: float, expected: int) -> None:
    made = crops.split_oversized(0.5, overlap)(Piece(picture(*size), target=(64, 64)))
    assert len(made) == expected
    if expected > 1:
        assert {one.image.size for one in made} == {(64, 64)}


def test_nothing_is_split_without_a_target() -> None:
    assert len(crops.split_oversized(0.5, 0.2)(Piece(picture(50, 500)))) == 1


def test_the_best_size_is_chosen_by_area_or_by_error() -> None:
    bounds = ((384, 768), (64 * 64, 640 * 640))
    said: list[str] = []
    wide = Piece(picture(1600, 900))
    (by_area,) = crops.best_size(*bounds, 0.1, largest=True, say=said.append)(wide)
    (by_error,) = crops.best_size(*bounds, 0.1, largest=False, say=said.append)(wide)
    assert by_area.image.size == (768, 448)
    assert by_error.image.size == (704, 384)
    assert said == []
    (same,) = crops.best_size(*bounds, 0.01, largest=True, say=said.append)(Piece(picture(1000, 90)))
    assert same.image.size == (1000, 90) and "1000x90" in said[0]


def test_the_focal_point_is_where_something_is() -> None:
    image = Image.new("RGB", (400, 200), "gray")
    ImageDraw.Draw(image).rectangle((300, 60, 350, 120), fill="white", outline="black")
    nobody = crops.focal_crop(crops.Weights(), lambda image: (), debug=True)
    made, debug = nobody(Piece(image, target=(200, 200)))
    assert made.image.size == (200, 200)
    assert made.image.getpixel((125, 90)) == (255, 255, 255)
    assert debug.finished and debug.tags == ("focal-crop-debug",)
    x, y = crops.focal_point(image, (200, 200), crops.Weights(1, 0, 0), lambda image: [(10, 10, 50, 70)])
    assert (x, y) == (30, 30)
    assert crops.focal_point(Image.new("RGB", (80, 40)), (40, 40), crops.Weights(0, 0, 1), lambda image: ()) == (40, 20)
