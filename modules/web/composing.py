"""The img2img tabs' controls as a request and back: the canvas becomes pictures' names, resizing a size.

`Painting` stands around the composition of the tab's scripts, if there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from modules.engine.options import Img2ImgOptions
from modules.foundation.errors import UserError
from modules.studio import inputs, scenes
from modules.studio.batch_request import Batch
from modules.web.handlers import REQUEST
from modules.web.registry import Composition

if TYPE_CHECKING:
    from modules.studio.context import Studio

PAGE_ONLY = ("canvas", "resize_by", "scale", "mask_alpha")
"""Fields of the tab that no request has, besides those of batches."""
BATCH = ("input_dir", "output_dir", "inpaint_mask_dir", "use_png_info", "png_info_dir", "png_info_props")
"""A batch's own fields; on the page they are called "batch_<name>"."""


@dataclass(frozen=True, slots=True)
class Painting:
    """Satisfies `registry.Composition` for the img2img and inpaint tabs."""

    studio: Studio
    scripts: Composition | None = None

    def gathered(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Raises UserError for a canvas that leaves nothing to do."""
        found = self.scripts.gathered(values) if self.scripts else dict(values)
        scene = scene_of(found.get("canvas"))
        found["inpaint_full_res"] = bool(found.get("inpaint_full_res"))
        if scene.mode == "batch":
            return self._batch(found)
        composed = scenes.composed(
            self.studio,
            scene,
            transparency=float(found.get("mask_alpha") or 0),
            blur=int(found.get("mask_blur") or 0),
            inverted=bool(found.get("inpainting_mask_invert")),
            background=self.studio.settings.snapshot[Img2ImgOptions].img2img_background_color,
        )
        if found.get("resize_by") == "by":
            found["width"], found["height"] = scaled(composed.size, found.get("scale"))
        found |= {"init_images": (composed.picture,), "mask": composed.mask}
        return _of_request(found)

    def _batch(self, values: dict[str, Any]) -> dict[str, Any]:
        """Raises BadFile for an uploaded file that is no picture."""
        found: dict[str, Any] = {name: values[f"batch_{name}"] for name in BATCH if values.get(f"batch_{name}")}
        if values.get("resize_by") == "by":
            found["scale_by"] = values.get("scale")
        if values.get("batch_source") == "directory":
            if not found.get("input_dir"):
                raise UserError("There is no input directory yet; write the folder of the pictures to work on.")
        else:
            found.pop("input_dir", None)
            files = [Path(file) for file in values.get("batch_files") or ()]
            found["names"] = tuple(file.name for file in files)
            found["init_images"] = tuple(inputs.keep(self.studio, file.read_bytes(), file.name) for file in files)
        return {**_of_request(values), **found, REQUEST: Batch}

    def spread(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = self.scripts.spread(values) if self.scripts else dict(values)
        if "mask_blur" in found and found["mask_blur"] is None:
            found["mask_blur"] = found.get("mask_blur_x", 4)
        for name in BATCH:
            if name in found:
                found[f"batch_{name}"] = found[name]
        if "inpaint_full_res" in found:
            found["inpaint_full_res"] = int(found["inpaint_full_res"])
        return found

    def pasted(self, infotext: str, labels: dict[str, Any]) -> dict[str, Any]:
        return self.scripts.pasted(infotext, labels) if self.scripts else {}


def _of_request(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in PAGE_ONLY and not name.startswith("batch_")}


def scene_of(text: Any) -> scenes.Scene:
    """What the hidden box says the canvas shows. Raises UserError if it is not what our page writes."""
    try:
        return scenes.Scene.model_validate_json(text or "{}")
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"The canvas is not as it should be ({'.'.join(map(str, first['loc']))}: {first['msg'].lower()}); "
            "reload the page and load the picture again."
        ) from None


def scaled(size: tuple[int, int], scale: Any) -> tuple[int, int]:
    """A size in pixels times the slider's factor. Raises UserError for a factor that is none."""
    try:
        factor = float(scale)
    except (TypeError, ValueError):
        factor = 0.0
    if not 0.01 <= factor <= 16:
        raise UserError(f"Scale cannot be {scale}: it goes from 0.05 to 4.")
    return int(size[0] * factor), int(size[1] * factor)
