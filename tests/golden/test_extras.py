"""Postprocessing gives A1111's picture and says what A1111 says of it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from modules.boot import assemble
from modules.foundation.flags import parse
from modules.jobs.job import Job
from modules.studio import extras, inputs
from modules.studio.extras_request import Extras, Source
from tests.golden.test_txt2img import EQUAL, psnr

HERE = Path(__file__).parent


def test_lanczos_to_a_size_with_crop(tmp_path: Path) -> None:
    studio = assemble(parse(["--data-dir", str(tmp_path)], {}))
    try:
        kept = inputs.keep(studio, (HERE / "inputs" / "init_192x96.png").read_bytes())
        request = Extras(
            images=(Source(data=kept),),
            upscaler_1="Lanczos",
            resize_mode=1,
            upscaling_resize_w=200,
            upscaling_resize_h=160,
            upscaling_crop=True,
            save_output=False,
        )
        result = extras.run(Job("one", extras.KIND, request), studio)
    finally:
        studio.history.close()
    theirs = Image.open(HERE / "images" / "extras__lanczos-to_200x160-crop.png")
    ours = result.images[0].open()
    assert ours.size == theirs.size
    assert psnr(ours, theirs) >= EQUAL
    assert result.html_info == (
        "<p>Postprocess upscale to: 200x160, Postprocess crop to: 200x160, Postprocess upscaler: Lanczos</p>"
    )
