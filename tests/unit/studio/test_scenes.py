"""The canvas as the picture and the mask of a request."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modules import boot
from modules.foundation.errors import NotFound, UserError
from modules.foundation.flags import parse
from modules.studio import inputs, scenes
from modules.studio.context import Studio
from modules.studio.scenes import Composed, Scene
from modules.vision.opening import opened

SKY, RED = (120, 180, 230), (220, 20, 20)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = boot.assemble(parse(["--data-dir", str(tmp_path_factory.mktemp("studio"))]))
    yield made
    made.catalog.close()
    made.history.close()


def kept(studio: Studio, image: Image.Image) -> str:
    out = BytesIO()
    image.save(out, "PNG")
    return inputs.keep(studio, out.getvalue())


def picture(studio: Studio, size: tuple[int, int] = (32, 24), color: Any = SKY) -> dict[str, Any]:
    return {"id": kept(studio, Image.new("RGB", size, color)), "width": size[0], "height": size[1]}


def square(
    size: tuple[int, int], mode: str, value: Any, box: tuple[int, int, int, int] = (8, 8, 16, 16)
) -> Image.Image:
    layer = Image.new(mode, size)
    layer.paste(value, box)
    return layer


def composed(
    studio: Studio, *, transparency: float = 0, blur: int = 4, inverted: bool = False, **scene: Any
) -> Composed:
    return scenes.composed(
        studio,
        Scene.model_validate(scene),
        transparency=transparency,
        blur=blur,
        inverted=inverted,
        background="#ffffff",
    )


def array(studio: Studio, name: str | None) -> np.ndarray:
    assert name is not None
    return np.asarray(opened(studio.inputs.read(name)))


def test_a_picture_goes_as_it_was_sent(studio):
    sent = picture(studio)
    assert composed(studio, mode="img2img", picture=sent) == Composed(sent["id"], None, (32, 24))


def test_a_sketch_is_laid_over_the_picture(studio):
    layer = kept(studio, square((32, 24), "RGBA", (*RED, 255)))
    made = composed(studio, mode="sketch", picture=picture(studio), color=layer)
    pixels = array(studio, made.picture)
    assert tuple(pixels[10, 10]) == RED and tuple(pixels[2, 2]) == SKY and made.mask is None


def test_a_painted_mask_goes_beside_the_untouched_picture(studio):
    sent, mask = picture(studio), square((32, 24), "L", 255)
    made = composed(studio, mode="inpaint", picture=sent, mask=kept(studio, mask))
    assert made.picture == sent["id"]
    assert np.array_equal(array(studio, made.mask), np.asarray(mask))


def test_a_mask_left_over_in_another_mode_does_not_count(studio):
    sent, mask = picture(studio), kept(studio, square((32, 24), "L", 255))
    assert composed(studio, mode="img2img", picture=sent, mask=mask).mask is None


def test_colours_of_inpaint_sketch_are_a_mask_too(studio):
    color = kept(studio, square((32, 24), "RGBA", (*RED, 255)))
    mask = kept(studio, square((32, 24), "L", 255, (20, 2, 24, 6)))
    made = composed(
        studio, mode="inpaint_sketch", picture=picture(studio), color=color, mask=mask, blur=0, transparency=40
    )
    found = array(studio, made.mask)
    assert found[10, 10] == 153 and found[4, 22] == 255 and found[20, 4] == 0
    assert tuple(array(studio, made.picture)[20, 4]) == SKY


@pytest.mark.parametrize("fill", ["mirror", "edge", "noise", "#00ff00"])
def test_an_extended_picture_is_masked_where_it_is_new(studio, fill):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (24, 32, 3), dtype=np.uint8))
    sent = {"id": kept(studio, noise), "width": 32, "height": 24}
    frame = {"x": -8, "y": 0, "width": 56, "height": 24}
    made = composed(studio, mode="inpaint", picture=sent, frame=frame, fill=fill, blur=2)
    assert made.size == (56, 24)
    pixels, mask = array(studio, made.picture), array(studio, made.mask)
    assert np.array_equal(pixels[:, 8:40], np.asarray(noise)), "the picture itself is in it to the bit"
    assert (mask[:, :12] == 255).all() and (mask[:, 36:] == 255).all(), "and four pixels into the picture"
    assert (mask[:, 12:36] == 0).all()


def test_painting_reaches_beyond_the_picture(studio):
    frame = {"x": 0, "y": -16, "width": 32, "height": 40}
    color = kept(studio, square((32, 40), "RGBA", (*RED, 255), (4, 2, 8, 6)))
    made = composed(studio, mode="inpaint_sketch", picture=picture(studio), frame=frame, color=color, blur=0)
    assert tuple(array(studio, made.picture)[4, 6]) == RED and array(studio, made.mask)[12, 20] == 255


def test_a_transparent_picture_is_seen_over_the_background(studio):
    clear = {"id": kept(studio, Image.new("RGBA", (32, 24))), "width": 32, "height": 24}
    layer = kept(studio, square((32, 24), "RGBA", (*RED, 255)))
    pixels = array(studio, composed(studio, mode="sketch", picture=clear, color=layer).picture)
    assert tuple(pixels[0, 0]) == (255, 255, 255)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ({"mode": "inpaint"}, "no picture yet"),
        ({"mode": "img2img", "error": "Not sent: offline."}, "Not sent: offline."),
        ({"mode": "inpaint", "picture": True}, "Nothing is masked"),
        ({"mode": "inpaint_upload", "picture": True}, "no mask yet"),
        ({"mode": "inpaint", "picture": True, "frame": {"x": 0, "y": 0, "width": 8, "height": 8}}, "smaller than"),
    ],
)
def test_what_cannot_be_done_is_said(studio, scene, words):
    if scene.get("picture"):
        scene = {**scene, "picture": picture(studio)}
    with pytest.raises(UserError, match=words):
        composed(studio, **scene)


def test_a_mask_of_another_size_is_refused(studio):
    with pytest.raises(UserError, match="mask is 16x16, the picture 32x24"):
        composed(studio, mode="inpaint_upload", picture=picture(studio), uploaded_mask=picture(studio, (16, 16)))
    with pytest.raises(UserError, match="16x16 and the picture 32x24"):
        composed(studio, mode="inpaint", picture=picture(studio), mask=kept(studio, Image.new("L", (16, 16))))


def test_without_a_mask_what_is_not_masked_is_everything(studio):
    made = composed(studio, mode="inpaint", picture=picture(studio), inverted=True)
    assert array(studio, made.mask).max() == 0


def test_a_picture_that_is_no_longer_kept(studio):
    gone = {"id": "sha256:" + "0" * 64, "width": 8, "height": 8}
    with pytest.raises(NotFound, match="not kept any more"):
        composed(studio, mode="inpaint", picture=gone)


def test_names_lead_nowhere_else():
    with pytest.raises(ValueError, match="pattern"):
        Scene.model_validate({"picture": {"id": "../../secret.png", "width": 8, "height": 8}})


def test_the_folder_holds_what_was_composed(studio, tmp_path: Path):
    made = composed(
        studio, mode="sketch", picture=picture(studio), color=kept(studio, square((32, 24), "RGBA", (*RED, 128)))
    )
    assert studio.inputs.path(made.picture).is_file()
