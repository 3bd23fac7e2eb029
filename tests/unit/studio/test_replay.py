"""A picture is made again from its own parameters; where that cannot be, the reason is told."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.boot import assemble
from modules.engine.request import Txt2Img
from modules.foundation.errors import BadFile, UserError
from modules.foundation.flags import parse
from modules.jobs.job import Job
from modules.jobs.worker import Worker
from modules.prompting.infotext import labels
from modules.store import pnginfo
from modules.studio import replay
from modules.studio.context import Studio
from tests.runs import made
from tests.tiny import write_checkpoint

TOLD = "a cat\nSteps: 3, Sampler: Euler, CFG scale: 7.0, Seed: 5, Size: 64x64"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    data = tmp_path_factory.mktemp("data")
    checkpoints = write_checkpoint(tmp_path_factory.mktemp("checkpoints")).parent
    studio = assemble(parse(["--data-dir", str(data), "--ckpt-dir", str(checkpoints)]))
    # What a user has changed since must not matter.
    studio.settings.update({"eta_ancestral": 0.4, "randn_source": "NV", "emphasis": "No norm", "s_churn": 0.5})
    replay.register(studio, ready=True)
    yield studio
    studio.catalog.close()
    studio.history.close()


@pytest.fixture(scope="module")
def picture(studio: Studio) -> tuple[bytes, str]:
    """One that this studio made, under settings of its own: its file and its infotext."""
    asked = {"override_settings": {"CLIP_stop_at_last_layers": 2, "randn_source": "CPU", "eta_ancestral": 0.9}}
    request = Txt2Img(
        prompt="a (red:1.3) cat", sampler_name="Euler a", steps=3, seed=5, width=64, height=64, cfg_scale=4.5, **asked
    )
    (one,) = made(studio, request)
    return pnginfo.encode(one.image, one.infotext, "PNG"), one.infotext


def changed(picture: tuple[bytes, str], old: str, new: str, format: str = "PNG") -> bytes:
    assert old in picture[1]
    with Image.open(BytesIO(picture[0])) as image:
        return pnginfo.encode(image, picture[1].replace(old, new), format)


def replayed(studio: Studio, data: bytes) -> tuple[Job, replay.Replayed]:
    job = replay.submit(studio, data, None)
    worker = Worker(studio.jobs)
    worker.start()
    assert job.wait(60)
    assert worker.stop()
    outcome = job.outcome_or_raise()
    assert isinstance(outcome, replay.Replayed)
    return job, outcome


def test_our_own_picture_comes_out_the_same(studio: Studio, picture: tuple[bytes, str]) -> None:
    job, found = replayed(studio, picture[0])
    assert (found.verdict, found.psnr) == ("identical", None)
    assert found.infotext == picture[1]
    assert [remark for remark in found.remarks if "now." in remark] == []
    assert len(job.images) == 1


def test_a_jpeg_of_it_too(studio: Studio, picture: tuple[bytes, str]) -> None:
    _, found = replayed(studio, changed(picture, "Steps", "Steps", "JPEG"))
    assert found.verdict == "identical" and any("JPEG" in remark for remark in found.remarks)


def test_another_recipe_is_told_and_shown(studio: Studio, picture: tuple[bytes, str]) -> None:
    job, found = replayed(studio, changed(picture, "Seed: 5", "Seed: 6"))
    assert found.verdict == "different" and found.psnr is not None and 0 < found.psnr < 45
    assert found.largest > 0 and 0 < found.share <= 1
    assert [image.width for image in job.images] == [64, 64]
    assert job.images[1].image.getextrema() != ((0, 0),) * 3


def test_what_is_not_understood_is_told(studio: Studio, picture: tuple[bytes, str]) -> None:
    _, found = replayed(studio, changed(picture, "Seed: 5", 'Seed: 5, ControlNet 0: "Module: canny"'))
    assert any("ControlNet 0: Module: canny" in remark for remark in found.remarks)


def test_a_missing_checkpoint_is_told(studio: Studio, picture: tuple[bytes, str]) -> None:
    told = dict.fromkeys(labels(picture[1]))
    assert "Model hash" in told
    line = picture[1].splitlines()[-1]
    hash_, name = (line.split(f"{label}: ")[1].split(",")[0] for label in ("Model hash", "Model"))
    data = changed(picture, f"Model hash: {hash_}, Model: {name}", "Model hash: 0123456789, Model: nonesuch")
    _, found = replayed(studio, data)
    assert found.verdict == "identical"  # there is but one checkpoint here
    assert any("nonesuch [0123456789] is not here" in remark for remark in found.remarks)
    assert any(remark.startswith("Model hash: 0123456789 then") for remark in found.remarks)
    data = changed(picture, f"Model hash: {hash_}", "Model hash: 0123456789")
    assert any("is another file here" in remark for remark in replayed(studio, data)[1].remarks)


@pytest.mark.parametrize(
    ("told", "sources"),
    [
        ("Version: v1.10.1", ("NV", "CPU")),
        ("Version: v1.10.1, RNG: CPU", ("CPU",)),
        ("Version: Atelier 0.1.0", ("GPU", "NV")),
        ("Version: Atelier 0.1.0, RNG: NV", ("NV",)),
    ],
)
def test_where_noise_may_come_from(studio: Studio, told: str, sources: tuple[str, ...]) -> None:
    data = pnginfo.encode(Image.new("RGB", (64, 64)), f"{TOLD}, {told}", "PNG")
    assert replay.recipe_of(studio, data).sources == sources


def test_the_settings_of_today_do_not_matter(studio: Studio) -> None:
    asked = replay.recipe_of(studio, pnginfo.encode(Image.new("RGB", (64, 64)), TOLD, "PNG")).request
    assert asked.override_settings["eta_ancestral"] == 1.0 and asked.override_settings["s_churn"] == 0.0
    assert asked.override_settings["emphasis"] == "Original"


def test_the_noise_that_fits_is_found(studio: Studio) -> None:
    request = Txt2Img(
        sampler_name="Euler",
        steps=2,
        seed=5,
        width=64,
        height=64,
        override_settings={"randn_source": "CPU", "eta_ancestral": 1.0, "s_churn": 0.0, "emphasis": "Original"},
    )
    (one,) = made(studio, request)
    text = one.infotext.replace(", RNG: CPU", "").replace("Version: Atelier", "Version: v1.10.1, Was: Atelier")
    _, found = replayed(studio, pnginfo.encode(one.image, text, "PNG"))
    assert found.verdict == "identical" and found.infotext.count("RNG: CPU") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no generation parameters"),
        ("only words", "do not tell Steps, Sampler, Seed, Size"),
        (TOLD.replace("Seed: 5, ", ""), "do not tell Seed"),
        (f"{TOLD}, Denoising strength: 0.5", "img2img"),
        (f"{TOLD}, Denoising strength: 0.5, Mask blur: 4", "img2img"),
        (f"{TOLD}, Init image hash: abc", "img2img"),
        (f"{TOLD}, Script: X/Y/Z plot, X Type: Seed", "grid that the script 'X/Y/Z plot' made"),
        (f"{TOLD}, Postprocess upscale by: 2", "changed after"),
        (TOLD.replace("64x64", "128x64"), "64x64 pixels but its parameters make one of 128x64"),
    ],
)
def test_what_cannot_be_made_again(studio: Studio, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        replay.submit(studio, pnginfo.encode(Image.new("RGB", (64, 64)), text or None, "PNG"), None)


def test_what_is_no_picture(studio: Studio) -> None:
    with pytest.raises(BadFile):
        replay.submit(studio, b"text", None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Sampler: DPM++ 2M Karras", "Sampler: DPM++ 2M, Schedule type: Karras", True),
        ("Sampler: Euler", "Sampler: Euler, Schedule type: Automatic", True),
        ("Sampler: Euler", "Sampler: Euler a, Schedule type: Automatic", False),
    ],
)
def test_older_spellings_are_no_difference(one: str, other: str, same: bool) -> None:
    texts = [f"a\nSteps: 3, {told}, Seed: 5, Size: 64x64" for told in (one, other)]
    assert (list(replay._differing(*texts)) == []) is same


def test_paths_do_not_matter(studio: Studio, picture: tuple[bytes, str], tmp_path: Path) -> None:
    """Nothing of a replay is saved."""
    before: Any = sorted(studio.paths.outputs.rglob("*.png"))
    replayed(studio, picture[0])
    assert sorted(studio.paths.outputs.rglob("*.png")) == before
