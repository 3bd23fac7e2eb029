"""Second passes, refiners and tiling in whole runs on a tiny model: sizes, progress, stopping, memory, infotexts."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from modules.boot import assemble
from modules.engine.request import Txt2Img
from modules.foundation.errors import NotFound, UserError
from modules.foundation.flags import parse
from modules.studio.context import Studio
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

SMALL = Txt2Img(
    prompt="a red circle",
    seed=5,
    steps=3,
    width=64,
    height=64,
    sampler_name="Euler a",
    enable_hr=True,
    hr_scale=1.5,
    hr_second_pass_steps=2,
    denoising_strength=0.5,
)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_checkpoint(tmp_path_factory.mktemp("checkpoints")).parent
    write_checkpoint(folder, "velocity", seed=1, prediction="v")
    write_checkpoint(folder, "inpainting", seed=2, in_channels=9)
    return folder


@pytest.fixture
def studio(tmp_path: Path, checkpoints: Path) -> Iterator[Studio]:
    studio = assemble(parse(["--data-dir", str(tmp_path), "--ckpt-dir", str(checkpoints), "--no-half"]))
    studio.settings.update({"randn_source": "CPU", "sd_model_checkpoint": "tiny"})
    yield studio
    studio.history.close()


def changed(**fields: Any) -> Txt2Img:
    return SMALL.model_copy(update=fields)


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None


@pytest.mark.parametrize("upscaler", ["", "Latent (nearest-exact)", "Latent (bicubic antialiased)", "Lanczos", "None"])
def test_every_kind_of_upscaler_gives_the_second_size(studio: Studio, upscaler: str) -> None:
    watcher = Watcher()
    one, two = made(studio, changed(hr_upscaler=upscaler, batch_size=2), watcher)
    assert one.image.size == two.image.size == (96, 96)
    assert watcher.work == (1, 5)
    assert watcher.steps == [0, 1, 2, 3, 4]
    assert [latent.shape[-1] for latent in watcher.latents] == [8, 8, 8, 12, 12]
    assert "Size: 64x64" in one.infotext
    alone = made(studio, changed(hr_upscaler=upscaler, seed=6))[0]
    assert max(high for _, high in ImageChops.difference(alone.image, two.image).getextrema()) <= 1


def test_two_sides_crop_the_picture(studio: Studio) -> None:
    assert made(studio, changed(hr_resize_x=128, hr_resize_y=72))[0].image.size == (128, 72)


def test_no_denoising_decodes_what_was_enlarged(studio: Studio) -> None:
    watcher = Watcher()
    made(studio, changed(denoising_strength=0.0), watcher)
    assert (watcher.work, watcher.steps) == ((1, 3), [0, 1, 2])


def test_the_second_pass_has_its_own_sampler_schedule_scale_and_prompts(studio: Studio) -> None:
    own = {
        "hr_sampler_name": "DDIM",
        "hr_prompt": "a green square",
        "hr_negative_prompt": "red",
        "hr_cfg": 2.0,
    }
    plain = made(studio, SMALL)[0]
    for field, value in own.items():
        assert not same(made(studio, changed(**{field: value}))[0].image, plain.image), field
    text = made(studio, changed(**own, hr_scheduler="Karras"))[0].infotext
    assert "Hires sampler: DDIM, Hires prompt: a green square, Hires negative prompt: red, " in text
    assert "Hires CFG Scale: 2.0, Hires upscale: 1.5, Hires steps: 2" in text
    assert "Denoising strength: 0.5" in text
    for label in ("Hires sampler", "Hires prompt", "Hires schedule", "Hires CFG", "Hires upscaler"):
        assert label not in plain.infotext


def test_another_checkpoint_paints_the_second_pass_and_the_next_batch_begins_with_the_first(studio: Studio) -> None:
    both = made(studio, changed(hr_checkpoint_name="velocity", n_iter=2))
    assert studio.models.current is not None
    assert studio.models.current.ref.name == "velocity"
    assert "Model: tiny, " in both[1].infotext
    assert "Hires checkpoint: velocity" in both[1].infotext
    assert same(both[1].image, made(studio, changed(hr_checkpoint_name="velocity", seed=6))[0].image)
    assert not same(both[0].image, made(studio, SMALL)[0].image)


def test_an_inpainting_model_sees_the_first_picture_or_nothing(studio: Studio) -> None:
    studio.settings.update({"sd_model_checkpoint": "inpainting"})
    for upscaler in ("Latent", "Lanczos"):
        image = made(studio, changed(hr_upscaler=upscaler))[0]
        assert image.image.size == (96, 96)
        assert "Conditional mask weight: 1.0" in image.infotext


def test_stopped_in_the_first_pass_it_gives_the_first_pass(studio: Studio) -> None:
    assert made(studio, SMALL, Watcher(stop_at=2))[0].image.size == (64, 64)
    assert made(studio, SMALL, Watcher(stop_at=3))[0].image.size == (64, 64)  # between the two


def test_stopped_in_the_second_pass_it_gives_what_there_is(studio: Studio) -> None:
    for calls in (4, 5):
        assert made(studio, SMALL, Watcher(stop_at=calls))[0].image.size == (96, 96)
    assert [one.image.size for one in made(studio, changed(n_iter=2), Watcher(stop_at=5))] == [(96, 96)]


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_the_first_pictures_are_kept_if_the_settings_say_so(studio: Studio, upscaler: str) -> None:
    first = made(studio, changed(enable_hr=False))[0].image
    for wanted in (False, True):
        studio.settings.update({"save_images_before_highres_fix": wanted})
        beside = made(studio, changed(hr_upscaler=upscaler))[0].beside
        assert [(one.suffix, one.saved, one.shown) for one in beside] == [("-before-highres-fix", True, False)] * wanted
        assert all(same(one.image, first) for one in beside)


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_a_picture_may_stand_in_place_of_the_first_pass(studio: Studio, upscaler: str) -> None:
    file = BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    watcher = Watcher()
    asked = changed(hr_upscaler=upscaler, firstpass_image=studio.inputs.keep(file.getvalue()), width=64, height=48)
    found = made(studio, asked, watcher)[0]
    assert found.image.size == (96, 72)
    assert (watcher.work, watcher.steps) == ((1, 2), [0, 1])
    assert not same(found.image, made(studio, changed(hr_upscaler=upscaler, width=64, height=48))[0].image)


def test_a_picture_that_is_gone_is_said(studio: Studio) -> None:
    with pytest.raises(NotFound, match="not kept any more"):
        made(studio, changed(firstpass_image=f"sha256:{'0' * 64}"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"hr_upscaler": "ESRGAN_99x"}, "could not find upscaler named ESRGAN_99x"),
        ({"hr_sampler_name": "Eulerish"}, "Sampler not found: 'Eulerish'"),
        ({"hr_checkpoint_name": "nowhere"}, "nowhere"),
        ({"refiner_checkpoint": "nowhere"}, "nowhere"),
    ],
)
def test_unknown_names_are_said_before_anything_is_sampled(studio: Studio, fields: dict[str, Any], words: str) -> None:
    watcher = Watcher()
    with pytest.raises(UserError, match=words):
        made(studio, changed(**fields), watcher)
    assert (watcher.calls, watcher.phases) == (0, [])


REFINED = {"enable_hr": False, "steps": 4, "refiner_checkpoint": "velocity", "refiner_switch_at": 0.5}


def test_a_refiner_takes_over_on_the_way(studio: Studio) -> None:
    plain = made(studio, changed(enable_hr=False, steps=4))[0]
    refined = made(studio, changed(**REFINED))[0]
    assert not same(refined.image, plain.image)
    assert "Refiner: velocity [" in refined.infotext
    assert "Refiner switch at: 0.5" in refined.infotext
    never = made(studio, changed(**REFINED | {"refiner_switch_at": 1.0}))[0]
    assert same(never.image, plain.image)
    assert "Refiner" not in never.infotext


def test_a_refiner_switches_by_steps_if_the_settings_say_so(studio: Studio) -> None:
    studio.settings.update({"refiner_switch_by_sample_steps": True})
    phases = []
    for share in (0.5, 0.9):
        watcher = Watcher()
        text = made(studio, changed(**REFINED | {"refiner_switch_at": share}), watcher)[0].infotext
        assert "Refiner switch by sampling steps: True" in text
        phases.append("Loading velocity.safetensors" in watcher.phases)
    assert phases == [True, False]  # of four steps the last begins at 0.75


@pytest.mark.parametrize(
    ("where", "in_first", "in_second"),
    [("first pass", True, False), ("second pass", False, True), ("both passes", True, True)],
)
def test_the_pass_of_the_refiner_is_a_setting(studio: Studio, where: str, in_first: bool, in_second: bool) -> None:
    studio.settings.update({"hires_fix_refiner_pass": where, "sd_checkpoints_limit": 1})
    watcher = Watcher()
    text = made(studio, changed(refiner_checkpoint="velocity", refiner_switch_at=None), watcher)[0].infotext
    loads = [phase for phase in watcher.phases if phase.startswith("Loading")]
    assert loads.count("Loading velocity.safetensors") == in_first + in_second
    assert ("Hires refiner: " in text) == (where != "second pass")


def test_a_refiner_of_another_kind_is_refused(studio: Studio) -> None:
    with pytest.raises(UserError, match=r"'inpainting\.safetensors' cannot go on with what 'tiny' began"):
        made(studio, changed(**REFINED | {"refiner_checkpoint": "inpainting"}))
    assert made(studio, changed(enable_hr=False))[0].image.size == (64, 64)


def test_tiling_is_of_the_request_or_the_setting_and_leaves_nothing(studio: Studio) -> None:
    plain = made(studio, changed(enable_hr=False))[0]
    tiled = made(studio, changed(enable_hr=False, tiling=True))[0]
    assert not same(tiled.image, plain.image)
    assert "Tiling: True" in tiled.infotext
    assert same(made(studio, changed(enable_hr=False))[0].image, plain.image)
    studio.settings.update({"tiling": True})
    assert same(made(studio, changed(enable_hr=False))[0].image, tiled.image)
    assert same(made(studio, changed(enable_hr=False, tiling=False))[0].image, plain.image)


class Memory(Watcher):
    """Looks whether the model before is gone when the next is loaded."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.before: weakref.ref[Any] | None = None
        self.left: list[bool] = []

    def step(self, index: int, latent: Any) -> None:
        model = self._studio.models.current
        assert model is not None
        self.before = weakref.ref(model.unet.network)
        super().step(index, latent)

    def phase(self, text: str) -> None:
        if text.startswith("Loading") and self.before:
            self.left.append(self.before() is not None)


@pytest.mark.parametrize("fields", [REFINED, {"hr_checkpoint_name": "velocity"}], ids=["refiner", "second pass"])
def test_never_two_models_are_in_memory_where_one_may_be(studio: Studio, fields: dict[str, Any]) -> None:
    studio.settings.update({"sd_checkpoints_limit": 1})
    memory = Memory(studio)
    made(studio, changed(**fields), memory)
    assert memory.left == [False]
