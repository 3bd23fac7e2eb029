"""Postprocessing as a job: every picture of an `Extras` request goes through the operations and is saved.

Start with `run`. A picture of several that cannot be read or worked on is passed over and named; alone, it fails
the job.
"""

from __future__ import annotations

import html
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from modules.foundation import atomic
from modules.foundation.errors import Interrupted, NotFound, UserError
from modules.foundation.settings import Snapshot
from modules.jobs.job import Job
from modules.store import confine, pnginfo, processed
from modules.store.history import ImageRow, JobRow
from modules.store.options import PathOptions, SavingOptions
from modules.studio.extras_request import Extras
from modules.studio.operations import operations
from modules.studio.options import PostprocessingOptions
from modules.studio.result import SavedImage
from modules.vision import opening, postprocessing
from modules.vision.postprocessing import Piece

if TYPE_CHECKING:
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

KIND = "extras"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif")
"""Files of a folder that are worked on."""


@dataclass(frozen=True, slots=True, eq=False)
class Processed(SavedImage):
    """A postprocessed picture. `infotext` is what was done, `entries` what its source said of itself."""

    entries: Mapping[str, str] | None = None

    def encoded(self, settings: Snapshot) -> tuple[bytes, str]:
        """As in A1111's replies: the source's entries, and what was done under "postprocessing"."""
        return processed.encoded(self.open(), self.infotext, self.entries or {}, settings, keyword="postprocessing")


@dataclass(frozen=True, slots=True, eq=False)
class ExtrasResult:
    """`html_info` tells what was done to the last picture, as A1111 shows it."""

    images: tuple[Processed, ...]
    html_info: str
    comments: tuple[str, ...]
    seconds: float

    def slim(self) -> ExtrasResult:
        return replace(self, images=tuple(image.slim() for image in self.images))


@dataclass(frozen=True, slots=True)
class _Found:
    """A picture to work on: its name, how its file is read, and the file itself if it is the user's."""

    name: str
    read: Callable[[], bytes]
    path: Path | None = None


def register(studio: Studio, *, ready: bool) -> None:
    """Make the queue take postprocessing; with `ready` also run it."""
    studio.jobs.register(KIND, Extras, partial(run, studio=studio) if ready else None, restored)


def run(job: Job, studio: Studio) -> ExtrasResult:
    """Work on every picture. An interrupted run returns what it had; a skip goes on with the next picture."""
    request, settings, began = job.request, studio.settings.snapshot, time.monotonic()
    assert isinstance(request, Extras)
    found = _sources(request, studio)
    job.planned(len(found), 1)
    images: list[Processed] = []
    for index, source in enumerate(found):
        if not job.cancel.next_batch():
            break
        job.batch(index)
        try:
            images += _one(source, request, settings, job, studio, (index, len(found)))
        except Interrupted:
            continue
        except UserError as error:
            if len(found) == 1:
                raise
            job.comment(f"{source.name} was passed over. {error}")
    text = images[-1].infotext if images else ""
    return ExtrasResult(tuple(images), as_html(text), job.comments, time.monotonic() - began)


def restored(request: BaseModel, row: JobRow, images: Sequence[ImageRow]) -> tuple[ExtrasResult, Sequence[Processed]]:
    """A finished job as history remembers it; pictures whose files are gone are left out."""
    found = tuple(
        _processed(image.path, None, image.infotext, (image.width, image.height))
        for image in images
        if image.path.is_file()
    )
    text = found[-1].infotext if found else ""
    return ExtrasResult(found, as_html(text), row.comments, max(row.finished_at - row.started_at, 0.0)), found


def as_html(text: str) -> str:
    """What A1111's API calls `html_info`."""
    return f"<p>{'<br>'.join(html.escape(line) for line in text.splitlines())}</p>"


def _one(
    source: _Found, request: Extras, settings: Snapshot, job: Job, studio: Studio, place: tuple[int, int]
) -> Iterator[Processed]:
    data = source.read()
    image = opening.opened(data, source.name)
    infotext, entries = pnginfo.read(data)
    entries = {**entries, **({pnginfo.KEYWORD: infotext} if infotext else {})}
    image = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    steps = operations(request, settings, job, studio, data, place)
    pieces = postprocessing.run(Piece(image), steps, job.cancel.check)
    job.phase("Saving")
    for piece, suffix in zip(pieces, postprocessing.suffixes(pieces), strict=True):
        path = _saved(piece, suffix, source, entries, request, settings, studio) if request.save_output else None
        made = _processed(path, piece.image, piece.text(), piece.image.size, entries)
        if path is not None:
            studio.history.add_image(job.row, path, made.infotext, -1, -1, piece.image.size, False)
        if not request.input_dir or request.show_extras_results:
            job.announce("image", made)
            # Of a folder's many pictures none stays in memory.
            yield replace(made, image=None) if request.input_dir and path else made


def _processed(
    path: Path | None,
    image: object,
    text: str,
    size: tuple[int, int],
    entries: Mapping[str, str] | None = None,
) -> Processed:
    return Processed(
        path=path,
        image=image,  # type: ignore[arg-type]
        infotext=text,
        seed=-1,
        subseed=-1,
        prompt="",
        negative_prompt="",
        width=size[0],
        height=size[1],
        disposable=path is None,
        entries=entries,
    )


def _saved(
    piece: Piece,
    suffix: str,
    source: _Found,
    entries: Mapping[str, str],
    request: Extras,
    settings: Snapshot,
    studio: Studio,
) -> Path:
    saving = settings[SavingOptions]
    folder = _output_folder(request, settings, studio)
    named = saving.use_original_name_batch and source.name
    stem = f"{Path(source.name).stem}{suffix}" if named else None
    data, ending = processed.encoded(piece.image, piece.text(), entries, settings)
    replacing = saving.save_images_replace_action == "Replace" and bool(request.input_dir)
    kept = (source.path.resolve(),) if source.path else ()
    path = processed.save(data, ending, folder, stem, replacing=replacing, kept=kept)
    if piece.caption:
        _write_caption(path.with_suffix(".txt"), piece.caption, settings)
    return path


def _write_caption(path: Path, caption: str, settings: Snapshot) -> None:
    """The caption beside the picture, joined with one that is there as the settings say."""
    action = settings[PostprocessingOptions].postprocessing_existing_caption_action
    try:
        there = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        if there and action != "Ignore":
            joined = {"Keep": there, "Prepend": f"{there} {caption}", "Append": f"{caption} {there}"}
            caption = joined[action]
        atomic.write(path, caption.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The caption cannot be written to {path}: {error}.") from error


def _output_folder(request: Extras, settings: Snapshot, studio: Studio) -> Path:
    paths = settings[PathOptions]
    text = paths.outdir_samples or paths.outdir_extras_samples
    if request.input_dir and request.output_dir:
        text = request.output_dir
    folder = confine.output_folder(studio.paths.data, text)
    if request.output_dir and studio.flags.is_remote and not confine.is_within(folder, [studio.paths.data]):
        raise UserError(f"{folder} is outside of the studio's data; other machines may write only inside.")
    return folder


def _sources(request: Extras, studio: Studio) -> list[_Found]:
    """Every picture of the request. Raises UserError if there is none."""
    if request.input_dir:
        return _in_folder(request.input_dir, studio)
    if not request.images:
        raise UserError("There is no picture to work on; put one in first.")
    return [_Found(source.name or "The picture", partial(studio.inputs.read, source.data)) for source in request.images]


def _in_folder(text: str, studio: Studio) -> list[_Found]:
    folder = confine.input_folder(studio.paths.data, text, anywhere=not studio.flags.is_remote)
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.is_file())
    except OSError as error:
        raise NotFound(f"The folder {folder} cannot be read: {error.strerror or error}.") from None
    if not files:
        raise NotFound(f"There are no pictures in {folder}; {', '.join(PICTURES)} are looked for.")
    return [_Found(path.name, partial(_bytes_of, path), path) for path in files]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"It cannot be read: {error.strerror or error}.") from None
