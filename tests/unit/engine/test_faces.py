"""Face restoration in a run: asked for by request or settings, told in the infotext, and no picture lost without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image, ImageOps

from modules.engine import faces
from modules.engine.request import Txt2Img
from modules.engine.run import RunContext
from modules.foundation.settings import Settings
from modules.store.options import SavingOptions
from modules.vision.faces import FaceRestorers
from modules.vision.options import FaceOptions
from tests.runs import Watcher


@dataclass
class Inverting(FaceRestorers):
    """Restores a face by inverting the picture."""

    weight: float | None = None

    def restore(self, name: str, image: Image.Image, weight: float, check: Any = None) -> Image.Image:
        check()
        self.weight = weight
        return ImageOps.invert(image)


def run(tmp_path: Any, restorers: FaceRestorers, **settings: Any) -> RunContext:
    store = Settings((FaceOptions, SavingOptions), tmp_path / "config.json")
    watcher = Watcher()
    nothing: Any = None
    return RunContext(store.snapshot.overridden(settings), nothing, nothing, nothing, watcher, watcher, faces=restorers)


PICTURE = Image.linear_gradient("L").convert("RGB")


def test_the_request_wins_over_the_setting(tmp_path: Any) -> None:
    on = run(tmp_path, Inverting(), face_restoration=True, face_restoration_model="GFPGAN")
    assert faces.restored(PICTURE, Txt2Img(restore_faces=False), on) == (PICTURE, (), {})
    image, _, told = faces.restored(PICTURE, Txt2Img(), on)
    assert (image, told) == (ImageOps.invert(PICTURE), {"Face restoration": "GFPGAN"})
    off = run(tmp_path, Inverting())
    assert faces.restored(PICTURE, Txt2Img(), off)[2] == {}
    assert faces.restored(PICTURE, Txt2Img(restore_faces=True), off)[2] == {"Face restoration": "CodeFormer"}


@pytest.mark.parametrize("keep", [True, False])
def test_the_picture_before_is_kept_on_demand(tmp_path: Any, keep: bool) -> None:
    restorers = Inverting()
    context = run(tmp_path, restorers, save_images_before_face_restoration=keep, code_former_weight=0.25)
    _, beside, _ = faces.restored(PICTURE, Txt2Img(restore_faces=True), context)
    assert [one.suffix for one in beside] == (["-before-face-restoration"] if keep else [])
    assert restorers.weight == 0.25


def test_without_files_the_picture_stays_and_the_user_is_told(tmp_path: Any) -> None:
    context = run(tmp_path, FaceRestorers(folder=lambda name: tmp_path / "models" / name))
    assert faces.restored(PICTURE, Txt2Img(restore_faces=True), context) == (PICTURE, (), {})
    (comment,) = context.report.comments  # type: ignore[attr-defined]
    assert "Faces were not restored" in comment and "models/Codeformer" in comment
