"""Pictures become files in A1111's folders under A1111's names: `<folder>/<date>/00000-<seed>.png`.

A file appears whole and never replaces one that another process or an earlier start wrote, unless
the settings ask for names without numbers and for replacing.
"""

from __future__ import annotations

import errno
import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from modules.foundation import atomic
from modules.foundation.errors import UserError
from modules.foundation.settings import Snapshot
from modules.store import confine, pnginfo
from modules.store.folder_lock import locked
from modules.store.naming import NameFacts, Sanitizing, cut, expand
from modules.store.options import EmbeddedTextOptions, FolderOptions, PathOptions, SavingOptions

log = logging.getLogger(__name__)

ATTEMPTS = 500
"""Names tried before giving up, as in A1111."""
LONGEST_NAME = 240
"""Bytes. File systems take 255; what is left is for the suffix and a temporary name."""

KEPT = "save"
"""The kind of what the Save button writes, as to folders."""
ZIP_PATTERN = "[datetime]_[[model_name]]_[seed]-[seed_last]"

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file goes: numbered names start with `base`, then the number, then `decoration`."""

    folder: Path
    base: str
    decoration: str
    numbered: bool
    format: str
    suffix: str


class Outputs:
    """Writes pictures. `root` is the data folder; relative folders in the settings lie below it."""

    def __init__(self, root: Path, sanitizing: Sanitizing = Sanitizing()) -> None:
        self._root = root
        self._sanitizing = sanitizing
        self._lock = threading.Lock()
        self._last: dict[tuple[Path, str], tuple[int, int]] = {}

    def folders(self, settings: Snapshot) -> tuple[Path, ...]:
        """Every folder that pictures may be written to and shown from."""
        chosen = settings[PathOptions].model_dump().values()
        return tuple(confine.output_folder(self._root, text) for text in chosen if text)

    def save(
        self,
        image: Image.Image,
        infotext: str,
        facts: NameFacts,
        settings: Snapshot,
        *,
        grid: bool = False,
        kind: str = "txt2img",
        basename: str = "",
        suffix: str = "",
        items: Mapping[str, str] | None = None,
    ) -> Path:
        """Write one picture and answer with its path. Its name begins with `basename`; a grid's is "grid" by default.

        `kind` is that of the job and decides the folder; `suffix` ends the name ("-before-highres-fix"), `items` are
        further texts for a PNG. A picture too large for some sites gets a smaller JPEG beside it if the settings want
        that. Raises UserError, which names the folder and what to do, if it cannot be written.
        """
        facts = replace(facts, basename=basename)
        place = self._place(self._complete(facts, settings), settings, grid, kind, image.size, suffix)
        data = self._encoded(image, infotext, place, settings, items)
        path = self._stored(place, data, infotext, settings)
        self._copy(image, infotext, path, len(data), settings)
        return path

    def save_source(self, image: Image.Image, name: str, settings: Snapshot) -> Path:
        """Write a picture that was started from under `name` alone, once. Raises as `save`."""
        folder = confine.output_folder(self._root, settings[PathOptions].outdir_init_images)
        format, ending = _format(settings[SavingOptions].samples_format, image.size)
        place = _Place(folder, "", _one_name(name), False, format, ending)
        path = folder / _file_name(place.decoration, ending)
        return (
            path
            if path.is_file()
            else self._stored(place, self._encoded(image, "", place, settings, None), "", settings)
        )

    def keep(self, data: bytes, format: str, infotext: str, facts: NameFacts, settings: Snapshot, grid: bool) -> Path:
        """Write a picture's file as it is, of suffix `format`, into the Save button's folder. Raises as `save`."""
        place = self._place(self._complete(facts, settings), settings, grid, KEPT, (0, 0), "")
        return self._stored(replace(place, format=pnginfo.FORMATS[format], suffix=format), data, infotext, settings)

    def archive_name(self, facts: NameFacts, settings: Snapshot) -> str:
        """What a zip of a job's pictures is called, without folder."""
        pattern = settings[SavingOptions].grid_zip_filename_pattern or ZIP_PATTERN
        name = expand(pattern, replace(self._complete(facts, settings), archive=True))
        return _file_name(_one_name(name), "zip")

    def _complete(self, facts: NameFacts, settings: Snapshot) -> NameFacts:
        words = settings[FolderOptions].directories_max_prompt_words
        return replace(facts, prompt_words=words, sanitizing=self._sanitizing)

    def _stored(self, place: _Place, data: bytes, infotext: str, settings: Snapshot) -> Path:
        try:
            place.folder.mkdir(parents=True, exist_ok=True)
            path = self._write(place, data, settings)
            if infotext and (settings[EmbeddedTextOptions].save_txt or not pnginfo.fits(infotext, place.format)):
                atomic.write(path.with_suffix(".txt"), infotext + "\n")
        except OSError as error:
            raise UserError(_explained(place.folder, error)) from error
        return path

    def _copy(self, image: Image.Image, infotext: str, path: Path, size: int, settings: Snapshot) -> None:
        """The JPEG beside a large picture, its longer side no longer than the settings say."""
        saving = settings[SavingOptions]
        longest = round(saving.target_side_length)
        large = max(image.size) > longest
        if path.suffix == ".jpg" or not saving.export_for_4chan:
            return
        if not large and size <= saving.img_downscale_threshold * 1024 * 1024:
            return
        if large and longest > 0:
            sides = [max(round(side * longest / max(image.size)), 1) for side in image.size]
            image = image.resize((sides[0], sides[1]), Image.Resampling.LANCZOS)
        told = infotext if settings[EmbeddedTextOptions].enable_pnginfo else None
        try:
            data = pnginfo.encode(image, told, "JPEG", quality=saving.jpeg_quality)
            atomic.write(path.with_suffix(".jpg"), data)
        except (OSError, ValueError) as error:
            # The picture itself is saved.
            log.warning("%s could not be saved as a smaller JPEG, too: %s", path, error)

    def _place(
        self, facts: NameFacts, settings: Snapshot, grid: bool, kind: str, size: tuple[int, int], suffix: str
    ) -> _Place:
        saving, folders = settings[SavingOptions], settings[FolderOptions]
        chosen, dated = _folder_of(kind, grid, settings)
        folder = confine.output_folder(self._root, chosen)
        if dated:
            inner = expand(folders.directories_filename_pattern or "[prompt_words]", facts)
            folder = confine.below(folder, inner.lstrip(" ").rstrip("\\ /"))
        short = grid and not saving.grid_extended_filename
        pattern = saving.samples_filename_pattern or ("[seed]" if folders.save_to_dirs else "[seed]-[prompt_spaces]")
        decoration = "" if short or facts.seed is None else _one_name(expand(pattern, facts))
        format, ending = _format(saving.grid_format if grid else saving.samples_format, size)
        base = _one_name(facts.basename) or ("grid" if grid else "")
        numbered = saving.save_images_add_number or not decoration
        return _Place(folder, base, decoration + suffix, numbered, format, ending)

    def _encoded(
        self,
        image: Image.Image,
        infotext: str,
        place: _Place,
        settings: Snapshot,
        items: Mapping[str, str] | None,
    ) -> bytes:
        saving = settings[SavingOptions]
        try:
            return pnginfo.encode(
                image,
                infotext if settings[EmbeddedTextOptions].enable_pnginfo else None,
                place.format,
                quality=saving.jpeg_quality,
                lossless=saving.webp_lossless,
                items=items,
            )
        except (OSError, KeyError, ValueError) as error:
            raise UserError(
                f"The picture cannot be saved as {place.suffix}: {error}. Choose another format."
            ) from error

    def _write(self, place: _Place, data: bytes, settings: Snapshot) -> Path:
        """The path taken. Raises OSError."""
        if place.numbered:
            with self._lock, locked(place.folder):
                return self._write_numbered(place, data)
        return _write_named(place, data, settings[SavingOptions].save_images_replace_action == "Replace")

    def _write_numbered(self, place: _Place, data: bytes) -> Path:
        first = self._next_number(place.folder, place.base)
        for number in range(first, first + ATTEMPTS):
            start = f"{place.base}-{number:04}" if place.base else f"{number:05}"
            ending = place.decoration.removeprefix("-")
            path = place.folder / _file_name(f"{start}-{ending}" if ending else start, place.suffix)
            try:
                atomic.create(path, data)
            except FileExistsError:
                continue
            self._last[place.folder, place.base] = number, place.folder.stat().st_mtime_ns
            return path
        raise FileExistsError(errno.EEXIST, f"{ATTEMPTS} names are taken already")

    def _next_number(self, folder: Path, base: str) -> int:
        """One more than the highest number in use; the folder is read only if others wrote to it."""
        last, changed = self._last.get((folder, base), (-1, -1))
        if changed == folder.stat().st_mtime_ns:
            return last + 1
        start = re.compile(re.escape(f"{base}-") + r"(\d+)" if base else r"(\d+)")
        numbers = (start.match(path.name) for path in folder.iterdir())
        return max((int(found[1]) for found in numbers if found and len(found[1]) < 16), default=-1) + 1


def _folder_of(kind: str, grid: bool, settings: Snapshot) -> tuple[str, bool]:
    """The folder as the settings write it, and whether it has sub-folders by pattern."""
    folders, paths = settings[FolderOptions], settings[PathOptions]
    if kind == KEPT:
        return paths.outdir_save, folders.use_save_to_dirs_for_ui
    if grid:
        own = paths.outdir_img2img_grids if kind == "img2img" else paths.outdir_txt2img_grids
        return paths.outdir_grids or own, folders.grid_save_to_dirs
    own = paths.outdir_img2img_samples if kind == "img2img" else paths.outdir_txt2img_samples
    return paths.outdir_samples or own, folders.save_to_dirs


def _write_named(place: _Place, data: bytes, replacing: bool) -> Path:
    path = place.folder / _file_name(place.decoration, place.suffix)
    if replacing:
        atomic.write(path, data)
        return path
    for number in range(ATTEMPTS):
        name = f"{place.decoration}-{number}" if number else place.decoration
        path = place.folder / _file_name(name, place.suffix)
        try:
            atomic.create(path, data)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(errno.EEXIST, f"{ATTEMPTS} names like {path.name} are taken already")


def _one_name(text: str) -> str:
    """A pattern's own text may not make folders."""
    return re.sub(r"[/\\\0]", "_", text)


def _file_name(stem: str, suffix: str) -> str:
    return f"{cut(stem, LONGEST_NAME - len(suffix))}.{suffix}"


def _format(chosen: str, size: tuple[int, int]) -> tuple[str, str]:
    """Pillow's format and the suffix without dot. Raises UserError for one that is no picture's."""
    suffix = chosen.strip().lstrip(".").lower()
    format = pnginfo.FORMATS.get(suffix)
    if format is None:
        raise UserError(f"Pictures cannot be saved as '{chosen}'; choose one of {', '.join(pnginfo.FORMATS)}.")
    if max(size) > pnginfo.LONGEST_SIDE.get(format, max(size)):
        return "PNG", "png"
    return format, suffix


def _explained(folder: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return f"The disk of {folder} is full. Make room, or choose another folder in Settings, Paths for saving."
    if error.errno in _CLOSED:
        return (
            f"{folder} cannot be written to. Make it writable, or choose another folder in Settings, Paths for saving."
        )
    return (
        f"The picture cannot be saved into {folder}: {error.strerror or error}. Choose another folder in the settings."
    )
