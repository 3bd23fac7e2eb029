"""Pictures from pictures on tiny models: sizes, masks, batches, infotexts, models that see a picture."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modules.boot import assemble
from modules.engine.hooks import Hooks
from modules.engine.plan import Made
from modules.engine.request import Img2Img, SoftInpainting, Txt2Img
from modules.foundation.errors import BadFile, NotFound, UserError
from modules.foundation.flags import parse
from modules.studio.context import Studio
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

SMALL = {"prompt": "a red circle", "seed": 5, "steps": 4, "width": 64, "height": 64, "sampler_name": "Euler a"}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, channels in (("tiny", 4), ("paints", 9), ("edits", 8)):
        write_checkpoint(folder, name, in_channels=channels)
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Iterator[Studio]:
    flags = ["--data-dir", str(tmp_path_factory.mktemp("data")), "--ckpt-dir", str(checkpoints), "--no-half"]
    studio = assemble(parse(flags))
    yield studio
    studio.history.close()


@pytest.fixture
def studio(shared: Studio) -> Iterator[Studio]:
    shared.settings.update({"randn_source": "CPU", "sd_model_checkpoint": "tiny", "sd_checkpoints_limit": 3})
    before = shared.settings.snapshot
    yield shared
    shared.settings.snapshot = before


def noisy(width: int = 64, height: int = 64, seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels).resize((width, height))


def box(width: int = 64, height: int = 64, area: tuple[int, int, int, int] = (16, 16, 48, 48)) -> Image.Image:
    mask = Image.new("L", (width, height))
    mask.paste(255, area)
    return mask


def kept(studio: Studio, image: Image.Image) -> str:
    out = BytesIO()
    image.save(out, "PNG")
    return studio.inputs.keep(out.getvalue())


def request(studio: Studio, *images: Image.Image, mask: Image.Image | None = None, **fields: Any) -> Img2Img:
    values = {**SMALL, "inpainting_fill": 1, "inpaint_full_res": False, "mask_blur": 2, **fields}
    names = tuple(kept(studio, image) for image in images or (noisy(),))
    return Img2Img(**values, init_images=names, mask=kept(studio, mask) if mask else None)


def differs(one: Image.Image, other: Image.Image) -> np.ndarray:
    return (np.asarray(one.convert("RGB"), int) != np.asarray(other.convert("RGB"), int)).any(axis=-1)


def test_the_less_it_is_noised_the_more_of_the_picture_is_left(studio: Studio) -> None:
    def distance(strength: float) -> float:
        found = made(studio, request(studio, denoising_strength=strength, steps=10))[0].image
        return float(np.abs(np.asarray(found, float) - np.asarray(base, float)).mean())

    base = made(studio, request(studio, denoising_strength=0.0))[0].image
    assert distance(0.1) < distance(0.5) < distance(1.0)


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_every_resize_mode_gives_the_size_that_was_asked_for(studio: Studio, mode: int) -> None:
    for mask in (None, box(100, 40, (30, 10, 70, 30))):
        found = made(studio, request(studio, noisy(100, 40), mask=mask, resize_mode=mode, width=70, inpainting_fill=0))
        assert found[0].image.size == (64, 64)


@pytest.mark.parametrize("sampler", ["Euler", "DDIM", "UniPC", "DPM++ SDE", "DPM fast", "LCM"])
@pytest.mark.parametrize("alone", [False, True])
def test_outside_of_the_mask_nothing_changes_by_one_bit(studio: Studio, sampler: str, alone: bool) -> None:
    image, mask = noisy(96, 80), box(96, 80, (40, 30, 60, 50))
    size = {} if alone else {"width": 96, "height": 80}
    asked = request(studio, image, mask=mask, sampler_name=sampler, inpaint_full_res=alone, steps=3, **size)
    found = made(studio, asked)[0].image
    assert found.size == image.size
    changed = differs(found, image)
    reach = 2 * 3 + 1  # of the blur, 2.5 times its 2 pixels
    outside = np.asarray(box(96, 80, (40 - reach, 30 - reach, 60 + reach, 50 + reach))) == 0
    assert not changed[outside].any() and changed[35:45, 45:55].mean() > 0.9


def test_inverted_the_rest_is_painted(studio: Studio) -> None:
    found = made(studio, request(studio, mask=box(), inpainting_mask_invert=1))[0]
    changed = differs(found.image, noisy())
    assert not changed[26:38, 26:38].any() and changed[:8].mean() > 0.9
    assert "Mask mode: Inpaint not masked" in found.infotext


def test_a_blank_mask_is_plain_img2img_and_the_user_is_told(studio: Studio) -> None:
    watcher = Watcher()
    found = made(studio, request(studio, mask=Image.new("L", (64, 64)), inpaint_full_res=True), watcher)
    assert found[0].image.tobytes() == made(studio, request(studio))[0].image.tobytes()
    assert any("mask is blank" in comment for comment in watcher.comments)


def test_one_picture_serves_a_batch_and_several_are_one(studio: Studio) -> None:
    assert len(made(studio, request(studio, batch_size=3))) == 3
    both = made(studio, request(studio, noisy(seed=1), noisy(50, 30, 2), batch_size=4, denoising_strength=0.0))
    assert len(both) == 2
    alone = [
        made(studio, request(studio, noisy(seed=1), denoising_strength=0.0)),
        made(studio, request(studio, noisy(50, 30, 2), denoising_strength=0.0, seed=6)),
    ]
    for one, (other,) in zip(both, alone, strict=True):
        assert np.abs(np.asarray(one.image, int) - np.asarray(other.image, int)).max() <= 1


def test_a_later_batch_starts_from_the_same_picture(studio: Studio) -> None:
    still = {"sampler_name": "Euler", "initial_noise_multiplier": 0.0}
    first, second = made(studio, request(studio, n_iter=2, **still))
    assert first.image.tobytes() == second.image.tobytes()
    (other,) = made(studio, request(studio, seed=6, **still))
    assert other.image.tobytes() != second.image.tobytes(), "the VAE's own noise follows the first seed"


def test_what_does_not_go_together_is_refused(studio: Studio) -> None:
    with pytest.raises(UserError, match="bad number of images passed: 2; expecting 1 or less"):
        made(studio, request(studio, noisy(), noisy(seed=1)))
    sizes = request(studio, noisy(), noisy(32, 32), mask=box(), inpaint_full_res=True, batch_size=2)
    with pytest.raises(UserError, match="different sizes"):
        made(studio, sizes)


def test_a_picture_that_is_gone_or_damaged_is_named(studio: Studio) -> None:
    gone = request(studio).model_copy(update={"init_images": ("sha256:" + "0" * 64,)})
    with pytest.raises(NotFound, match="not kept any more"):
        made(studio, gone)
    with pytest.raises(BadFile, match="The mask is not a picture"):
        made(studio, request(studio).model_copy(update={"mask": studio.inputs.keep(b"junk")}))


def test_a_mask_of_another_size_is_brought_to_the_pictures(studio: Studio) -> None:
    for alone in (False, True):
        found = made(studio, request(studio, mask=box(32, 32, (8, 8, 24, 24)), inpaint_full_res=alone))[0]
        changed = differs(found.image, noisy())
        assert changed[28:36, 28:36].mean() > 0.9 and not changed[:6].any()


def test_the_infotext_tells_what_was_done(studio: Studio) -> None:
    fields = {"inpaint_full_res": True, "inpaint_full_res_padding": 8, "inpainting_fill": 2, "denoising_strength": 0.5}
    studio.settings.snapshot = studio.settings.snapshot.overridden({"img2img_extra_noise": 0.1, "save_init_img": True})
    text = made(studio, request(studio, mask=box(), initial_noise_multiplier=0.9, **fields))[0].infotext
    line = text.split("\n")[-1]
    order = [
        "Denoising strength: 0.5", "Init image hash: ", "RNG: CPU", "Mask blur: 2", "Inpaint area: Only masked",
        "Masked area padding: 8", "Masked content: latent noise", "Noise multiplier: 0.9", "Extra noise: 0.1",
    ]  # fmt: skip
    assert sorted(order, key=line.index) == order


def test_uneven_blurs_have_no_single_number(studio: Studio) -> None:
    asked = request(studio, mask=box(), mask_blur=None).model_copy(update={"mask_blur_x": 1, "mask_blur_y": 6})
    assert "Mask blur" not in made(studio, asked)[0].infotext


def test_masks_and_their_like_come_beside(studio: Studio) -> None:
    wanted = dict.fromkeys(("return_mask", "save_mask_composite", "img2img_color_correction", "save_init_img"), True)
    wanted["save_images_before_color_correction"] = True
    studio.settings.snapshot = studio.settings.snapshot.overridden(wanted)
    first, second = made(studio, request(studio, mask=box(), batch_size=2))
    about = [(one.suffix, one.shown, one.saved, bool(one.name)) for one in first.beside]
    assert about == [
        ("", False, False, True),
        ("-before-color-correction", False, True, False),
        ("-mask", True, False, False),
        ("-mask-composite", False, True, False),
    ]
    assert [one.suffix for one in second.beside] == ["-before-color-correction", "-mask", "-mask-composite"]
    assert first.beside[3].image.mode == "RGBA" and first.beside[3].image.getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_without_the_overlay_the_painted_is_shown_as_it_is(studio: Studio) -> None:
    studio.settings.snapshot = studio.settings.snapshot.overridden({"overlay_inpaint": False})
    found = made(studio, request(studio, noisy(128, 128), mask=box(128, 128), inpaint_full_res=True))[0]
    assert found.image.size == (64, 64)


def test_transparent_parts_are_seen_on_the_background(studio: Studio) -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    studio.settings.snapshot = studio.settings.snapshot.overridden({"img2img_background_color": "#20c040"})
    found = made(studio, request(studio, clear))[0].image
    assert found.tobytes() == made(studio, request(studio, Image.new("RGB", (64, 64), "#20c040")))[0].image.tobytes()


def test_hooks_see_the_picture_before_and_after_it_is_put_back(studio: Studio) -> None:
    sizes: list[tuple[int, int]] = []

    class Watching(Hooks):
        def on_image(self, made: Made) -> Made:
            sizes.append(made.image.size)
            return made

        def on_composited(self, made: Made) -> Made:
            sizes.append(made.image.size)
            return made

    made(studio, request(studio, noisy(128, 96), mask=box(128, 96), inpaint_full_res=True), hooks=Watching())
    assert sizes == [(64, 64), (128, 96)]


def test_interrupted_it_is_put_back_as_well(studio: Studio) -> None:
    found = made(studio, request(studio, mask=box(), steps=8), Watcher(stop_at=3))
    assert len(found) == 1 and not differs(found[0].image, noisy())[:6].any()


@pytest.mark.parametrize("alone", [False, True])
def test_soft_inpainting_changes_what_changed(studio: Studio, alone: bool) -> None:
    asked = request(studio, mask=box(), mask_blur=8, inpaint_full_res=alone, denoising_strength=1.0)
    hard = made(studio, asked)[0]
    soft = made(studio, asked.model_copy(update={"soft_inpainting": SoftInpainting()}))[0]
    assert differs(soft.image, hard.image).any() and soft.image.size == hard.image.size
    assert "Soft inpainting enabled: True" in soft.infotext


def test_an_inpainting_model_sees_the_mask_and_the_picture(studio: Studio) -> None:
    def found(**fields: Any) -> Made:
        settings = {"sd_model_checkpoint": "paints", **fields.pop("settings", {})}
        return made(studio, request(studio, override_settings=settings, **fields))[0]

    plain = found()
    assert "Conditional mask weight: 1.0" in plain.infotext
    shown = found(settings={"inpainting_mask_weight": 0.0})
    assert "Conditional mask weight: 0.0" in shown.infotext and differs(plain.image, shown.image).any()
    assert not differs(found(mask=box()).image, noisy())[:6].any()
    assert found(mask=box(), resize_mode=3, inpainting_fill=0).image.size == (64, 64)
    words = made(studio, Txt2Img(**SMALL, batch_size=2, override_settings={"sd_model_checkpoint": "paints"}))
    assert len(words) == 2 and "Conditional mask weight: 1.0" in words[0].infotext


def test_an_instruct_pix2pix_model_sees_the_picture(studio: Studio) -> None:
    def found(**fields: Any) -> Made:
        return made(studio, request(studio, override_settings={"sd_model_checkpoint": "edits"}, **fields))[0]

    plain, strong = found(), found(image_cfg_scale=2.5)
    assert differs(plain.image, strong.image).any()
    assert "Image CFG scale: 2.5" in strong.infotext and "Image CFG scale" not in plain.infotext
    assert plain.image.tobytes() == found(image_cfg_scale=1.0).image.tobytes()
    assert "Image CFG scale" not in made(studio, request(studio, image_cfg_scale=2.5))[0].infotext
    assert len(made(studio, Txt2Img(**SMALL, override_settings={"sd_model_checkpoint": "edits"}))) == 1
