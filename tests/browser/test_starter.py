"""The starter checkpoint on the page: what a newcomer without a network can do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.browser.conftest import ROOT, Running
from tests.browser.painting import SKY, fill, generate, layer, load, open_tab, paint, results, sky

REACH = 3
"""Pixels a blur of one reaches."""


@pytest.fixture
def starter(studio: Running) -> Iterator[None]:
    """The shipped checkpoint in use for one test, then the one that was."""
    folder = studio.data / "models" / "Stable-diffusion"
    files = [shutil.copy(file, folder) for file in (ROOT / "models" / "Stable-diffusion").glob("starter.*")]
    before = studio.get("/sdapi/v1/options")["sd_model_checkpoint"]
    with httpx.Client(base_url=f"{studio.url}/sdapi/v1", timeout=120) as api:
        api.post("/refresh-checkpoints").raise_for_status()
        api.post("/options", json={"sd_model_checkpoint": "starter"}).raise_for_status()
        yield
        api.post("/options", json={"sd_model_checkpoint": before}).raise_for_status()
        for file in files:
            Path(file).unlink()
        api.post("/refresh-checkpoints").raise_for_status()


@pytest.mark.usefixtures("starter")
def test_a_yellow_star_is_painted_into_the_sky(page: Any, studio: Running, tmp_path: Any) -> None:
    """Inside the mask a star, outside it the sky to the bit."""
    canvas = open_tab(page)
    load(page, canvas, sky(tmp_path / "sky.png", (128, 128)))
    for row in np.linspace(0.25, 0.75, 9):
        paint(page, canvas, (0.25, row), (0.75, row))
    page.get_by_label("fill", exact=True).locator("visible=true").first.check()
    fill(page, "inpaint_mask_blur", 1)
    fill(page, "inpaint_steps", 20)
    fill(page, "inpaint_cfg_scale", 4)
    fill(page, "inpaint_denoising_strength", 1)
    fill(page, "inpaint_seed", 7)
    page.fill("#inpaint_prompt textarea", "a yellow star on a blue background")
    generate(page)
    painted = layer(page, studio, after=None)
    assert painted is not None
    made = np.asarray(Image.open(results(studio)[-1]).convert("RGB")).astype(int)
    outside = np.asarray(painted.filter(ImageFilter.MaxFilter(2 * REACH + 1))) == 0
    inside = np.asarray(painted) == 255
    assert outside.mean() > 0.3 and inside.mean() > 0.2
    assert (made[outside] == SKY).all()
    assert (made[inside] != SKY).any(axis=-1).mean() > 0.9
    red, green, blue = np.moveaxis(made[inside], -1, 0)
    assert ((red > 160) & (green > 140) & (blue < 110)).mean() > 0.1, "something yellow is there"
