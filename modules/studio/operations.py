"""An `Extras` request as the operations it stands for, in the order of the settings. Start with `operations`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

from modules.foundation.settings import Snapshot
from modules.jobs.job import Job
from modules.store.options import SavingOptions
from modules.studio.extras_request import OPERATIONS, Extras
from modules.studio.options import PostprocessingOptions
from modules.vision import crops, postprocessing
from modules.vision.postprocessing import Operation, Piece, Upscaling

if TYPE_CHECKING:
    from modules.studio.context import Studio


def operations(
    request: Extras, settings: Snapshot, job: Job, studio: Studio, data: bytes, place: tuple[int, int]
) -> list[Operation]:
    """What is to be done to the picture of the file `data`; `place` is its index and of how many."""
    makers: dict[str, Callable[[], Operation | None]] = {
        "Upscale": lambda: _upscale(request, settings, job, studio, hashlib.sha256(data).hexdigest(), place),
        "GFPGAN": lambda: _restored("GFPGAN", request.gfpgan_visibility, 0.0, job, studio),
        "CodeFormer": lambda: _restored(
            "CodeFormer", request.codeformer_visibility, request.codeformer_weight, job, studio
        ),
        "Split oversized images": lambda: (
            crops.split_oversized(request.split_threshold, request.overlap_ratio) if request.split_oversized else None
        ),
        "Auto focal point crop": lambda: _focal(request, studio) if request.focal_crop else None,
        "Auto-sized crop": lambda: _best_size(request, job) if request.multicrop else None,
        "Create flipped copies": lambda: (
            crops.flipped_copies(
                horizontal=request.flip_horizontal, vertical=request.flip_vertical, both=request.flip_both
            )
            if request.flip
            else None
        ),
        "Caption": lambda: _caption(request, settings, job, studio) if request.caption else None,
    }
    made = [makers[name]() for name in order(settings)]
    # The size to work towards is known even where upscaling itself is switched off.
    return [_aim(request), *(operation for operation in made if operation is not None)]


def order(settings: Snapshot) -> list[str]:
    """The operations by name: those the settings name first, the others after them as usual."""
    first = [name for name in settings[PostprocessingOptions].postprocessing_operation_order if name in OPERATIONS]
    return [*dict.fromkeys(first), *(name for name in OPERATIONS if name not in first)]


def upscaling(request: Extras) -> Upscaling:
    """The request's upscaling as a value."""
    to = (request.upscaling_resize_w, request.upscaling_resize_h) if request.resize_mode == 1 else None
    return Upscaling(request.upscaling_resize, to, request.upscaling_crop, request.max_side_length)


def _aim(request: Extras) -> Operation:
    return lambda piece: [piece.told(target=upscaling(request).size(piece.image))]


def _upscale(
    request: Extras, settings: Snapshot, job: Job, studio: Studio, source: str, place: tuple[int, int]
) -> Operation | None:
    """Both upscalers, the second mixed into the first. Raises NotFound for a name nobody knows."""
    names = [request.upscaler_1]
    if request.extras_upscaler_2_visibility > 0:
        names.append(request.upscaler_2)
    for name in names:
        studio.upscalers.find(name)
    if not request.upscale_enabled or request.upscaler_1 == "None":
        return None
    names = [name for name in names if name != "None"]
    plan = upscaling(request)

    def enlarged(name: str, number: int, image: Image.Image, factor: float) -> Image.Image:
        key, most = (source, image.size, name, factor), settings[PostprocessingOptions].upscaling_max_images_in_cache
        if (known := studio.upscaled.get(key)) is not None:
            return known

        def progress(done: int, total: int) -> None:
            if done == 0 and number == 0:
                job.planned(place[1], total * len(names))
                job.batch(place[0])
            elif done:
                job.step(number * total + done - 1)

        job.phase(f"Upscaling with {name}")
        made = studio.upscalers.upscale(name, image, factor, settings, cancel=job.cancel.check, progress=progress)
        studio.upscaled.put(key, made, most)
        return made

    def operation(piece: Piece) -> list[Piece]:
        made = plan.apply(piece, lambda image, factor: enlarged(names[0], 0, image, factor))
        made = made.told(info={"Postprocess upscaler": names[0]})
        if len(names) > 1:
            other = plan.apply(piece, lambda image, factor: enlarged(names[1], 1, image, factor))
            mixed = postprocessing.blended(made.image, other.image, request.extras_upscaler_2_visibility)
            made = made.told(image=mixed, info={"Postprocess upscaler 2": names[1]})
        if settings[SavingOptions].use_upscaler_name_as_suffix:
            made = made.told(tags=(*made.tags, names[0]))
        return [made]

    return operation


def _restored(name: str, visibility: float, weight: float, job: Job, studio: Studio) -> Operation | None:
    if visibility <= 0:
        return None

    def operation(piece: Piece) -> list[Piece]:
        job.phase(f"Restoring faces with {name}")
        image = studio.faces.restore(name, piece.image, weight, job.cancel.check)
        if visibility < 1:
            image = postprocessing.blended(piece.image, image, visibility)
        told = {f"{name} visibility": round(visibility, 3)}
        if name == "CodeFormer":
            told["CodeFormer weight"] = round(weight, 3)
        return [piece.told(image=image, info=told)]

    return operation


def _focal(request: Extras, studio: Studio) -> Operation:
    weights = crops.Weights(
        request.focal_crop_face_weight, request.focal_crop_entropy_weight, request.focal_crop_edges_weight
    )
    return crops.focal_crop(weights, studio.faces.found, debug=request.focal_crop_debug)


def _best_size(request: Extras, job: Job) -> Operation:
    return crops.best_size(
        (request.multicrop_mindim, request.multicrop_maxdim),
        (request.multicrop_minarea, request.multicrop_maxarea),
        request.multicrop_threshold,
        largest=request.multicrop_objective == "Maximize area",
        say=job.comment,
    )


def _caption(request: Extras, settings: Snapshot, job: Job, studio: Studio) -> Operation:
    def operation(piece: Piece) -> list[Piece]:
        parts = [piece.caption] if piece.caption else []
        if request.caption_deepbooru:
            job.phase("Tagging")
            parts.append(studio.describer.tags(piece.image, settings))
        if request.caption_blip:
            job.phase("Captioning")
            parts.append(studio.describer.caption(piece.image, settings, flavors=False))
        return [piece.told(caption=", ".join(part for part in parts if part))]

    return operation
