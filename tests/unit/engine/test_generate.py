"""The pipeline on a tiny model: order, seeds, stopping, progress, hooks, and second tries after NaNs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modules.boot import assemble
from modules.engine.hooks import Hooks
from modules.engine.plan import Made, Plan
from modules.engine.request import Request, Txt2Img
from modules.foundation.errors import NotFound, UserError
from modules.foundation.flags import parse
from modules.studio.context import Studio
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

SMALL = Txt2Img(prompt="a red circle", seed=5, steps=4, width=64, height=64, sampler_name="Euler a")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints")).parent


@pytest.fixture
def studio(tmp_path: Path, checkpoints: Path) -> Iterator[Studio]:
    studio = assemble(parse(["--data-dir", str(tmp_path), "--ckpt-dir", str(checkpoints), "--no-half"]))
    studio.settings.update({"randn_source": "CPU"})
    yield studio
    studio.history.close()


def changed(**fields: Any) -> Txt2Img:
    return SMALL.model_copy(update=fields)


def close(one: Made, other: Made) -> bool:
    """Equal up to what arithmetic in batches of another size may round otherwise."""
    return int(np.abs(np.asarray(one.image, int) - np.asarray(other.image, int)).max()) <= 1


def same(one: Made, other: Made) -> bool:
    return one.image.tobytes() == other.image.tobytes()


def test_images_come_in_order_with_counted_seeds(studio: Studio) -> None:
    images = made(studio, changed(batch_size=2, n_iter=2))
    assert [(one.plan.batch_index, one.index) for one in images] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [f"Seed: {seed}," in one.infotext for seed, one in zip((5, 6, 7, 8), images, strict=True)] == [True] * 4
    assert not same(images[0], images[1])


def test_an_image_does_not_depend_on_its_batch(studio: Studio) -> None:
    batch = made(studio, changed(batch_size=3))
    alone = [made(studio, changed(seed=seed))[0] for seed in (5, 6, 7)]
    assert [close(one, other) for one, other in zip(batch, alone, strict=True)] == [True] * 3


def test_a_random_seed_is_drawn_once_and_written_down(studio: Studio) -> None:
    (first,) = made(studio, changed(seed=-1))
    assert first.plan.request.seed >= 0
    assert same(first, made(studio, first.plan.request)[0])
    assert not same(first, made(studio, changed(seed=-1))[0])


def test_sides_are_cut_to_multiples_of_eight(studio: Studio) -> None:
    assert made(studio, changed(width=71, height=80))[0].image.size == (64, 80)


def test_every_step_is_reported_with_its_estimate(studio: Studio) -> None:
    watcher = Watcher()
    made(studio, changed(n_iter=2, batch_size=2), watcher)
    assert watcher.work == (2, 4)
    assert (watcher.batches, watcher.steps) == ([0, 1], [0, 1, 2, 3] * 2)
    assert watcher.latents[0].shape == (2, 4, 8, 8)


def test_an_interrupted_batch_gives_what_it_had_come_to(studio: Studio) -> None:
    watcher = Watcher(stop_at=2)
    (stopped,) = made(studio, changed(n_iter=3), watcher)
    assert watcher.steps == [0, 1]
    assert not same(stopped, made(studio, SMALL)[0])
    assert same(stopped, made(studio, SMALL, Watcher(stop_at=2))[0])


def test_interrupted_before_the_first_step_there_is_nothing(studio: Studio) -> None:
    assert made(studio, changed(n_iter=3), Watcher(stop_at=0)) == []


def test_a_skipped_batch_is_cut_short_and_the_next_runs(studio: Studio) -> None:
    whole = made(studio, changed(n_iter=2))
    skipped = made(studio, changed(n_iter=2), Watcher(stop_at=2, skip_only=True))
    assert len(skipped) == 2
    assert not same(skipped[0], whole[0])
    assert same(skipped[1], whole[1])


def test_guidance_of_one_ignores_the_negative_prompt(studio: Studio) -> None:
    one, other = (made(studio, changed(cfg_scale=1, negative_prompt=text))[0] for text in ("", "blue"))
    assert same(one, other)
    one, other = (made(studio, changed(cfg_scale=6, negative_prompt=text))[0] for text in ("", "blue"))
    assert not same(one, other)


def test_overrides_last_for_one_request(studio: Studio) -> None:
    plain = made(studio, SMALL)[0]
    overridden = made(studio, changed(override_settings={"eta_noise_seed_delta": 31337}))[0]
    assert not same(plain, overridden)
    assert "ENSD: 31337" in overridden.infotext
    assert same(plain, made(studio, SMALL)[0])


def test_an_unknown_sampler_is_named_before_anything_is_loaded(studio: Studio) -> None:
    with pytest.raises(NotFound, match="Sampler not found: 'Nope'"):
        made(studio, changed(sampler_name="Nope"))
    assert studio.models.current is None


def test_hooks_may_replace_what_passes_them(studio: Studio) -> None:
    class Blue(Hooks):
        def on_request(self, request: Request) -> Request:
            return request.model_copy(update={"n_iter": 2})

        def on_batch(self, plan: Plan) -> Plan:
            assert plan.batch_index in (0, 1)
            return plan

        def on_pixels(self, pixels: Any) -> Any:
            pixels[:, :2] = 0
            pixels[:, 2] = 1
            return pixels

    images = made(studio, SMALL, hooks=Blue())
    assert [one.image.getpixel((9, 9)) for one in images] == [(0, 0, 255)] * 2


class Overflowing:
    """A part of a model that answers NaNs in 16 bits, or always."""

    def __init__(self, part: Any, method: str, *, always: bool = False) -> None:
        import torch

        self.part, self.always = part, always
        part.dtype = torch.bfloat16
        with part.ready() as module:
            module.to(torch.bfloat16)
            original = getattr(module, method)

            def answer(*args: Any, **kwargs: Any) -> Any:
                value = original(*args, **kwargs)
                overflows = self.always or next(module.parameters()).dtype == torch.bfloat16
                return (value[0] * float("nan"),) if overflows else value

            setattr(module, method, answer)


@pytest.mark.parametrize(
    ("part", "method", "said"), [("unet", "forward", "sampled again"), ("vae", "decode", "decoded again")]
)
def test_nans_in_16_bits_are_tried_again_in_32_and_said(studio: Studio, part: str, method: str, said: str) -> None:
    made(studio, SMALL)
    handle = studio.models.current
    assert handle is not None
    Overflowing(handle.parts[part], method)  # type: ignore[index]
    watcher = Watcher()
    (image,) = made(studio, SMALL, watcher)
    assert len(watcher.comments) == 1 and said in watcher.comments[0]
    assert np.asarray(image.image).std() > 0
    again = Watcher()
    made(studio, SMALL, again)
    assert again.comments == []  # it stays in 32 bits


@pytest.mark.parametrize(("part", "method"), [("unet", "forward"), ("vae", "decode")])
def test_nans_in_32_bits_are_an_error(studio: Studio, part: str, method: str) -> None:
    made(studio, SMALL)
    handle = studio.models.current
    assert handle is not None
    Overflowing(handle.parts[part], method, always=True)  # type: ignore[index]
    with pytest.raises(UserError, match="NaNs"):
        made(studio, SMALL)
