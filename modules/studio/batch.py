"""Batch img2img as one job: every picture of a folder, or of those sent along, goes through the same request.

Start with `run`. A picture that cannot be read, or has no mask, is passed over and named; alone, it fails the job.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from modules.engine import recipe
from modules.engine.plan import with_seeds
from modules.engine.request import Img2Img
from modules.foundation.errors import Interrupted, NotFound, UserError
from modules.jobs.job import Job
from modules.store import confine, pnginfo
from modules.store.inputs import Inputs
from modules.studio import generate
from modules.studio.batch_request import Batch
from modules.studio.options import BatchOptions
from modules.studio.result import Result, SavedImage
from modules.vision.opening import opened

if TYPE_CHECKING:
    from modules.foundation.settings import Snapshot
    from modules.jobs.progress import Paces
    from modules.store.history import ImageRow, JobRow
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

KIND: Final = "img2img-batch"
PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
"""Files of a folder that are worked on, as in A1111."""
Runner = Callable[[Job, "Studio"], Result]

_FROM_INFOTEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "Seed": ("seed",),
    "CFG scale": ("cfg_scale",),
    "Sampler": ("sampler_name", "scheduler"),
    "Steps": ("steps",),
    "Model hash": ("override_settings",),
}
"""What replaces the batch's own values; prompts are appended."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A picture to work on: its file's name, and how it is read."""

    name: str
    read: Callable[[], bytes]

    @property
    def stem(self) -> str:
        return Path(self.name).stem or "picture"


def register(studio: Studio, *, ready: bool, runner: Runner | None = None) -> None:
    """Make the queue take batches; with `ready` also run them, each picture by `runner` if that is given."""
    studio.jobs.register(
        KIND, Batch, partial(run, studio=studio, runner=runner or generate.run) if ready else None, restored
    )


def run(job: Job, studio: Studio, runner: Runner) -> Result:
    """Work on every picture. An interrupted run returns what it had."""
    request, began = job.request, time.monotonic()
    assert isinstance(request, Batch)
    request = _seeded(request)
    settings = studio.settings.snapshot.overridden(request.override_settings)
    found = _sources(request, studio)
    masks = _masks(request, studio)
    where = _naming(request, studio)
    limit = settings[BatchOptions].img2img_batch_show_results_limit
    job.planned(len(found) * request.n_iter, request.steps)
    images: list[SavedImage] = []
    for number, source in enumerate(found):
        if not job.cancel.next_batch():
            break
        try:
            with _part(job, number, source, request, masks, where, studio) as part:
                images += runner(part, studio).samples
        except Interrupted:
            continue
        except UserError as error:
            if len(found) == 1:
                raise
            job.comment(f"{source.name} was passed over. {error}")
        images = images if limit < 0 else images[:limit]
    return Result(request, tuple(images), job.comments, time.monotonic() - began, job.started_at)


def restored(request: BaseModel, row: JobRow, images: Sequence[ImageRow]) -> tuple[Result, Sequence[SavedImage]]:
    """A finished batch as history remembers it."""
    return generate.restored(request, row, images)


class Part(Job):
    """One picture's share of a batch, for the runner: what it reports goes to the whole job."""

    def __init__(self, whole: Job, number: int, request: Img2Img, shown: int) -> None:
        super().__init__(whole.id, request.kind, request, whole.owner, queued_at=whole.queued_at)
        self.cancel, self.row, self.started_at = whole.cancel, whole.row, whole.started_at
        self._whole, self._first, self._limit = whole, number * request.n_iter, shown

    def planned(self, batches: int, steps: int) -> None:
        """The whole was planned before."""

    def batch(self, index: int) -> None:
        self._whole.batch(self._first + index)

    def step(self, index: int, latent: Any = None) -> None:
        self._whole.step(index, latent)

    def phase(self, text: str) -> None:
        self._whole.phase(text)

    def comment(self, text: str) -> None:
        self._whole.comment(text)

    def expect(self, paces: Paces, label: str, work: float) -> None:
        if self._first == 0:
            self._whole.expect(paces, label, work)

    def announce(self, name: str, data: Any = None) -> None:
        if name == "image":
            if not self._limit < 0 and len(self._whole.images) >= self._limit:
                return
            # Of many pictures none stays in memory that is on disk.
            data = data.slim()
        self._whole.announce(name, data)


def _seeded(request: Batch) -> Batch:
    """All pictures have the seed that is drawn for the first."""
    found = with_seeds(request)
    assert isinstance(found, Batch)
    return found


@contextmanager
def _part(
    job: Job,
    number: int,
    source: _Found,
    request: Batch,
    masks: Sequence[Path],
    naming: Mapping[str, Any],
    studio: Studio,
) -> Iterator[Part]:
    """The part of one picture, while its files are lent to the inputs."""
    settings = studio.settings.snapshot
    data = source.read()
    image = opened(data, source.name)
    values: dict[str, Any] = {field: getattr(request, field) for field in Img2Img.model_fields if field != "kind"}
    if request.scale_by is not None:
        values |= {"width": int(image.width * request.scale_by), "height": int(image.height * request.scale_by)}
    values |= _from_infotext(request, source, data, settings, studio)
    stem = re.sub(r"[\[\]]", "_", source.stem)  # brackets would be read as tags
    several = request.n_iter * request.batch_size > 1
    named = {"samples_filename_pattern": f"{stem}-[generation_number]" if several else stem} if naming else {}
    values["override_settings"] = {**values["override_settings"], **naming, **named}
    values["do_not_save_grid"] = True
    mask = _mask_of(source, masks)
    limit = settings.overridden(request.override_settings)[BatchOptions].img2img_batch_show_results_limit
    with (
        _lent(studio.inputs, data) as values["init_images"],
        _lent(studio.inputs, *((_bytes_of(mask),) if mask else ())) as masked,
    ):
        values["mask"] = masked[0] if masked else values["mask"]
        yield Part(job, number, Img2Img.model_validate(values), limit)


@contextmanager
def _lent(inputs: Inputs, *files: bytes) -> Iterator[tuple[str, ...]]:
    """Names of files that are among the inputs for the length of the block, or longer if they were there before."""
    ours = [data for data in files if not inputs.has(data)]
    names = tuple(inputs.keep(data) for data in files)
    try:
        yield names
    finally:
        for data in ours:
            inputs.forget(inputs.keep(data))


def _sources(request: Batch, studio: Studio) -> list[_Found]:
    """Every picture of the request. Raises UserError if there is none."""
    if request.input_dir:
        return _in_folder(request.input_dir, studio)
    if not request.init_images:
        raise UserError("There are no pictures to work on; choose some files, or a folder.")
    names = (*request.names, *[""] * len(request.init_images))
    return [
        _Found(name or f"Picture {number}", partial(studio.inputs.read, image))
        for number, (image, name) in enumerate(zip(request.init_images, names, strict=False), start=1)
    ]


def _in_folder(text: str, studio: Studio) -> list[_Found]:
    folder = _folder(text, studio)
    found = sorted(
        (path for path in folder.rglob("*") if _is_picture(path) and confine.is_within(path, [folder])), key=_natural
    )
    if not found:
        raise NotFound(f"There are no pictures in {folder}; {', '.join(PICTURES)} are looked for.")
    return [_Found(path.name, partial(_bytes_of, path)) for path in found]


def _folder(text: str, studio: Studio) -> Path:
    if studio.flags.hide_ui_dir_config:
        raise UserError("Folders are not to be chosen here (--hide-ui-dir-config); send the pictures themselves.")
    return confine.input_folder(studio.paths.data, text, anywhere=not studio.flags.is_remote)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and path.is_file()


def _natural(path: Path) -> list[Any]:
    """2.png before 10.png."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", str(path).lower())]


def _masks(request: Batch, studio: Studio) -> list[Path]:
    if not request.inpaint_mask_dir:
        return []
    folder = _folder(request.inpaint_mask_dir, studio)
    found = sorted(path for path in folder.iterdir() if _is_picture(path) and confine.is_within(path, [folder]))
    if not found:
        raise NotFound(f"There are no masks in {folder}; leave the mask directory empty to paint everything anew.")
    return found


def _mask_of(source: _Found, masks: Sequence[Path]) -> Path | None:
    """The only mask there is, or the one of the picture's name. Raises NotFound if there is none of that name."""
    if len(masks) <= 1:
        return masks[0] if masks else None
    for path in masks:
        if path.stem == source.stem:
            return path
    raise NotFound(f"There is no mask {source.stem}.png in {masks[0].parent}.")


def _naming(request: Batch, studio: Studio) -> dict[str, Any]:
    """Settings that put the results into the output folder under their pictures' names; none without a folder."""
    if not request.output_dir:
        return {}
    if studio.flags.hide_ui_dir_config:
        raise UserError("Folders are not to be chosen here (--hide-ui-dir-config); leave the output directory empty.")
    folder = confine.output_folder(studio.paths.data, request.output_dir)
    if studio.flags.is_remote and not confine.is_within(folder, [studio.paths.data]):
        raise UserError(f"{folder} is outside of the studio's data; other machines may write only inside.")
    return {
        "outdir_samples": str(folder),
        "save_to_dirs": False,
        "save_images_add_number": False,
        "save_images_replace_action": "Add number suffix",
    }


def _from_infotext(request: Batch, source: _Found, data: bytes, settings: Snapshot, studio: Studio) -> dict[str, Any]:
    """Fields taken from the infotext of the picture, or of the file of its name in the PNG info folder."""
    if not request.use_png_info:
        return {}
    try:
        told = (
            data
            if not request.png_info_dir
            else _bytes_of(_folder(request.png_info_dir, studio) / Path(source.name).name)
        )
        text, _ = pnginfo.read(told)
    except UserError as error:
        log.info("%s: no generation parameters (%s)", source.name, error)
        return {}
    labels = recipe.read(text or "", settings)
    wanted = {label: labels[label] for label in request.png_info_props if label in labels}
    found = recipe.request_fields({**wanted, "Schedule type": labels.get("Schedule type", "")}, settings, Img2Img)
    fields: dict[str, Any] = {}
    for label in wanted:
        fields |= {field: found[field] for field in _FROM_INFOTEXT.get(label, ()) if field in found}
    fields["override_settings"] = {**request.override_settings, **fields.get("override_settings", {})}
    for label, field in (("Prompt", "prompt"), ("Negative prompt", "negative_prompt")):
        if wanted.get(label):
            fields[field] = f"{getattr(request, field)} {wanted[label]}".strip()
    return fields


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path.name} cannot be read: {error.strerror or error}.") from None
