"""The forming picture of a running job, decoded when somebody asks and once a step at most."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PIL import Image

from modules.foundation.settings import Snapshot
from modules.store.options import SavingOptions
from modules.studio.options import PreviewOptions
from modules.studio.tiny_decoders import TinyDecoders
from modules.vision import grids

if TYPE_CHECKING:
    from modules.families.taesd import Decoder
    from modules.families.types import PreviewMap
    from modules.jobs.job import Job
    from modules.jobs.progress import Progress
    from modules.studio.context import Studio

SHOWN = 1_000_000_000
"""Numbers from here on are those of pictures shown in place of the forming one."""
LARGEST = 1280
"""Pixels: the longer side of such a picture."""
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Preview:
    """`image` has the latent's size, an eighth of the picture's, or the picture's; or it is one that a script shows.

    `number` tells one preview of a job from another.
    """

    image: Image.Image
    number: int

    def encoded(self, settings: Snapshot) -> tuple[bytes, str]:
        """A small file of the picture in the settings' format, and its media type."""
        chosen = settings[PreviewOptions].live_previews_image_format
        chosen = chosen if chosen in _FORMATS else "jpeg"
        out = BytesIO()
        self.image.save(out, _FORMATS[chosen], **({} if chosen == "png" else {"quality": 85}))
        return out.getvalue(), f"image/{chosen}"


class Previews:
    """The last preview of each job. Any thread may ask; a run never waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: WeakKeyDictionary[Job, Preview] = WeakKeyDictionary()
        self._tiny = TinyDecoders()

    def latest(self, job: Job, studio: Studio) -> Preview | None:
        """The newest preview, decoded now if enough steps went by since the last.

        None while there is nothing to see, once the job is over, and if previews are off.
        """
        settings = studio.settings.snapshot
        wanted, progress, model = settings[PreviewOptions], job.progress, studio.models.current
        every = wanted.show_progress_every_n_steps
        if wanted.live_previews_enable and progress.picture is not None:
            return Preview(_within(progress.picture), SHOWN + progress.pictures)
        if not wanted.live_previews_enable or every < 0 or progress.latent is None or model is None:
            return None
        number = progress.batch * (progress.steps + 1) + progress.step
        with self._lock:
            last = self._last.get(job)
            same_batch = last is not None and last.number // (progress.steps + 1) == progress.batch
            if last is not None and same_batch and number - last.number < max(every, 1):
                return last
            tiny = self._tiny.of(model, studio.catalog) if wanted.show_progress_type == "TAESD" else None
            preview = Preview(_decoded(progress, model.latent_format.preview, settings, tiny), number)
            self._last[job] = preview
            return preview


def preview(job: Job, studio: Studio) -> Image.Image | None:
    """As `Previews.latest`, the picture alone."""
    latest = studio.previews.latest(job, studio)
    return latest.image if latest else None


def _within(picture: Image.Image) -> Image.Image:
    if max(picture.size) <= LARGEST:
        return picture.convert("RGB")
    smaller = picture.convert("RGB")
    smaller.thumbnail((LARGEST, LARGEST))
    return smaller


def _decoded(progress: Progress, mapping: PreviewMap, settings: Snapshot, tiny: Decoder | None = None) -> Image.Image:
    from modules.families.preview import colors, decoded

    latent: Any = progress.latent
    whole_batch = settings[PreviewOptions].show_progress_grid
    # Truncated, not rounded, as A1111 turns every float into a byte.
    latent = latent if whole_batch else latent[:1]
    pixels = colors(latent, mapping) if tiny is None else decoded(latent, tiny)
    levels = (pixels * 255).byte().permute(0, 2, 3, 1)
    images = [Image.fromarray(picture) for picture in levels.contiguous().numpy()]
    if len(images) == 1:
        return images[0]
    saving = settings[SavingOptions]
    rows = grids.row_count(
        len(images),
        wanted=saving.n_rows,
        batch_size=len(images),
        prevent_empty=saving.grid_prevent_empty_spots,
    )
    return grids.grid(images, rows)
