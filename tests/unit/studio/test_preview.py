"""The forming picture: decoded when asked, once a step, off when the settings say so."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from modules.families.types import PreviewMap
from modules.jobs.job import Job
from modules.studio import preview as previews
from modules.studio.context import Studio
from modules.studio.preview import preview
from tests.unit.jobs.errand import Errand
from tests.unit.studio.bench import studio_at

MAP = PreviewMap(weight=((2.0, 0, 0), (0, 2.0, 0), (0, 0, 2.0), (0, 0, 0)), bias=(-1.0, -1.0, -1.0))


def studio_with_model(root: Path, **settings: Any) -> Studio:
    studio = studio_at(root, **settings)
    current: Any = studio.models.current
    current.latent_format = type("Format", (), {"preview": MAP})()
    return studio


def running(steps: int = 10) -> Job:
    job = Job("a", "errand", Errand())
    job.begin()
    job.planned(2, steps)
    job.batch(0)
    return job


def latent(*images: tuple[float, float, float]) -> torch.Tensor:
    """Clean latents [B, 4, 2, 3] of one colour each."""
    return torch.stack([torch.tensor([*colour, 0.5]).reshape(4, 1, 1).expand(4, 2, 3) for colour in images])


def test_a_step_becomes_a_picture_of_the_latents_size(tmp_path: Path) -> None:
    studio, job = studio_with_model(tmp_path), running()
    assert preview(job, studio) is None
    job.step(0, latent((1.0, 0.5, 0.0)))
    image = preview(job, studio)
    assert image is not None
    assert image.size == (3, 2) and image.getpixel((0, 0)) == (255, 127, 0)


def test_it_is_decoded_once_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio, job = studio_with_model(tmp_path), running()
    decoded, decode = [], previews._decoded
    monkeypatch.setattr(previews, "_decoded", lambda *told: (decoded.append(1), decode(*told))[1])
    numbers = []
    for step in range(3):
        job.step(step, latent((0.1 * step, 0, 0)))
        for _ in range(3):
            latest = studio.previews.latest(job, studio)
            assert latest is not None
            numbers.append(latest.number)
    assert len(decoded) == 3
    assert numbers == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    job.batch(1)
    job.step(0, latent((0, 0, 0)))
    latest = studio.previews.latest(job, studio)
    assert latest is not None and latest.number > 3


def test_every_n_steps(tmp_path: Path) -> None:
    studio, job = studio_with_model(tmp_path, show_progress_every_n_steps=3), running()
    numbers = []
    for step in range(7):
        job.step(step, latent((0, 0, 0)))
        latest = studio.previews.latest(job, studio)
        numbers.append(latest.number if latest else None)
    assert numbers == [1, 1, 1, 4, 4, 4, 7]


@pytest.mark.parametrize("settings", [{"live_previews_enable": False}, {"show_progress_every_n_steps": -1}])
def test_off(tmp_path: Path, settings: dict[str, Any]) -> None:
    studio, job = studio_with_model(tmp_path, **settings), running()
    job.step(0, latent((1, 1, 1)))
    assert preview(job, studio) is None


def test_a_batch_is_a_grid_or_its_first_picture(tmp_path: Path) -> None:
    job = running()
    job.step(0, latent((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)))
    grid = preview(job, studio_with_model(tmp_path / "a"))
    assert grid is not None and grid.size == (6, 4) and grid.getpixel((5, 3)) == (255, 255, 255)
    first = preview(job, studio_with_model(tmp_path / "b", show_progress_grid=False))
    assert first is not None and first.size == (3, 2) and first.getpixel((0, 0)) == (255, 0, 0)


def test_nothing_once_the_job_is_over(tmp_path: Path) -> None:
    studio, job = studio_with_model(tmp_path), running()
    job.step(0, latent((1, 1, 1)))
    job.end("done")
    assert preview(job, studio) is None


@pytest.mark.parametrize(("chosen", "format"), [("jpeg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("gif", "JPEG")])
def test_it_is_sent_small_in_the_chosen_format(tmp_path: Path, chosen: str, format: str) -> None:
    studio, job = studio_with_model(tmp_path, live_previews_image_format=chosen), running()
    job.step(0, torch.rand(1, 4, 64, 64))
    latest = studio.previews.latest(job, studio)
    assert latest is not None
    data, media_type = latest.encoded(studio.settings.snapshot)
    assert Image.open(BytesIO(data)).format == format and media_type == f"image/{format.lower()}"
    assert len(data) < 20_000
