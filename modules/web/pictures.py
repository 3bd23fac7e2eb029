"""What the buttons under the gallery do with the selected picture.

The page names a picture by its job and number, "task(txt2img-ABC1234)/0", never by a path.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from modules.foundation.errors import AtelierError, NotFound
from modules.store import confine
from modules.store.options import PathOptions
from modules.studio import keeping
from modules.web.access import is_loopback
from modules.web.security import user_of

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.context import Studio
    from modules.studio.result import SavedImage

Reply = dict[str, Any]


def save(studio: Studio) -> Callable[[str, gr.Request], Reply]:
    """💾: a copy of the selected picture, or of all, in the save folder."""

    def handler(selected: str, request: gr.Request) -> Reply:
        try:
            find(studio, selected, user_of(request))
            id, _, number = selected.rpartition("/")
            job = job_of(studio, id, user_of(request))
            assert job is not None
            paths = keeping.kept(studio, job, int(number))
        except (AtelierError, OSError) as error:
            return {"error": f"Not saved: {error}"}
        shown = _shown(paths[0], studio)
        return {
            "saved": f"Saved to {shown}" if len(paths) == 1 else f"Saved {len(paths)} pictures, the first to {shown}"
        }

    return handler


def open_folder(studio: Studio) -> Callable[[str, gr.Request], Reply]:
    """📂: the folder of the selected picture, on the screen of the machine the studio runs on."""

    def handler(selected: str, request: gr.Request) -> Reply:
        if request.client is None or not is_loopback(request.client.host):
            return {"error": "The folder opens on the studio's own machine only."}
        try:
            folder = _folder(studio, selected, user_of(request))
            _show(folder)
        except (AtelierError, OSError) as error:
            return {"error": str(error)}
        return {}

    return handler


def file_of(studio: Studio, cache: str) -> Callable[[str, gr.Request], list[Any]]:
    """The selected picture for the PNG Info tab: (a copy of its file in Gradio's `cache`, reply)."""

    def handler(selected: str, request: gr.Request) -> list[Any]:
        try:
            saved = find(studio, selected, user_of(request))
            if saved.path is None or not saved.path.is_file():
                raise NotFound("This picture is not on disk: it was not saved, or its file has been moved or deleted.")
        except AtelierError as error:
            return [gr.skip(), {"error": str(error)}]
        # Gradio shows files of its own cache only; the outputs folder stays closed to its file route.
        return [save_file_to_cache(saved.path, cache_dir=cache), {}]

    return handler


def job_of(studio: Studio, id: str, user: str | None) -> Job | None:
    """A job of this user's; None when there is none."""
    try:
        job = studio.jobs.get(id) if id else None
    except NotFound:
        return None
    return job if job is not None and job.owner == user else None


def find(studio: Studio, selected: str, user: str | None) -> SavedImage:
    """The picture the page calls `selected`. Raises NotFound when there is no such picture."""
    id, _, number = (selected or "").rpartition("/")
    job = job_of(studio, id, user)
    if job is None or not number.isdecimal() or int(number) >= len(job.images):
        raise NotFound("No picture is selected: generate one, or choose one of those shown.")
    return job.images[int(number)]


def _folder(studio: Studio, selected: str, user: str | None) -> Path:
    """Where the selected picture lies, else where pictures go."""
    saved = find(studio, selected, user) if selected else None
    if saved is not None and saved.path is not None:
        return saved.path.parent
    paths = studio.settings.snapshot[PathOptions]
    folder = confine.output_folder(studio.paths.data, paths.outdir_samples or paths.outdir_txt2img_samples)
    if not folder.is_dir():
        raise NotFound(f"{folder} does not exist yet; it is made with the first picture.")
    return folder


def _show(folder: Path) -> None:
    """Open a folder in the system's file manager."""
    if sys.platform == "win32":
        os.startfile(folder)
    else:
        subprocess.Popen(["open" if sys.platform == "darwin" else "xdg-open", str(folder)])


def _shown(path: Path, studio: Studio) -> str:
    data = studio.paths.data.resolve()
    return path.relative_to(data).as_posix() if path.is_relative_to(data) else str(path)
