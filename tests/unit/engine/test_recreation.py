"""A picture is made again from its own infotext, pixel for pixel, in another studio with other settings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.boot import assemble
from modules.engine import recipe
from modules.engine.request import Txt2Img
from modules.foundation.flags import parse
from modules.sampling.catalog import SAMPLERS, SCHEDULES
from modules.studio.context import Studio
from tests.runs import made
from tests.tiny import write_checkpoint


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints")).parent


def opened(folder: Path, checkpoints: Path, **settings: Any) -> Studio:
    studio = assemble(parse(["--data-dir", str(folder), "--ckpt-dir", str(checkpoints)]))
    studio.settings.update(settings)
    return studio


@pytest.fixture(scope="module")
def studios(tmp_path_factory: pytest.TempPathFactory, checkpoints: Path) -> Iterator[tuple[Studio, Studio]]:
    one = opened(tmp_path_factory.mktemp("one"), checkpoints)
    changed = {"eta_ancestral": 0.3, "eta_noise_seed_delta": 7, "randn_source": "NV", "s_min_uncond": 2.0, "rho": 3.0}
    changed |= {"skip_early_cond": 0.6, "pad_cond_uncond_v0": True, "beta_dist_beta": 0.2}
    other = opened(tmp_path_factory.mktemp("other"), checkpoints, **changed, emphasis="No norm", s_churn=1.0)
    yield one, other
    for studio in (one, other):
        studio.history.close()


def requested(sampler: str, rng: random.Random) -> Txt2Img:
    settings: dict[str, Any] = {
        "CLIP_stop_at_last_layers": 2,
        "emphasis": "Ignore",
        "randn_source": "CPU",
        "eta_noise_seed_delta": 31337,
        "s_min_uncond": 5.0,
        "sigma_min": 0.1,
        "uni_pc_order": 2,
        "sgm_noise_multiplier": True,
        "skip_early_cond": 0.3,
        "pad_cond_uncond": True,
        "beta_dist_alpha": 0.4,
    }
    return Txt2Img(
        prompt="a (red:1.3) circle BREAK " + "word, " * rng.randrange(60) + "end",
        negative_prompt=rng.choice(("", "a [square]\nNegative prompt: x")),
        seed=rng.randrange(2**40),
        subseed_strength=rng.choice((0, 0.3)),
        seed_resize_from_w=48,
        seed_resize_from_h=rng.choice((-1, 96)),
        sampler_name=sampler,
        scheduler=rng.choice(SCHEDULES).label,
        steps=4,
        width=64,
        height=72,
        n_iter=2,
        eta=rng.choice((None, rng.random())),
        s_noise=rng.choice((None, 1.05)),
        override_settings={key: value for key, value in settings.items() if rng.random() < 0.4},
    )


@pytest.mark.parametrize("sampler", [sampler.name for sampler in SAMPLERS])
def test_a_picture_from_its_infotext(sampler: str, studios: tuple[Studio, Studio]) -> None:
    one, other = studios
    _, picture = made(one, requested(sampler, random.Random(sampler)))
    snapshot = other.settings.snapshot
    fields = recipe.request_fields(recipe.read(picture.infotext, snapshot), snapshot)
    (again,) = made(other, Txt2Img(**fields))
    assert again.infotext == picture.infotext
    assert again.image.tobytes() == picture.image.tobytes()
