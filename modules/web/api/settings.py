"""Settings through the API: read all, change some."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import APIRouter
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from modules.foundation.errors import NotFound, UserError
from modules.studio import checkpoints, frozen
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.errors import error_body

if TYPE_CHECKING:
    from modules.store.model_files import CheckpointFile
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

router = APIRouter(prefix="/sdapi/v1", tags=["settings"])

CHECKPOINT = "sd_model_checkpoint"


@router.get("/options")
def read_options(studio: CurrentStudio) -> dict[str, Any]:
    """Every setting. `sd_model_checkpoint` is the title of the one in use, as /sd-models lists it."""
    values = to_jsonable_python(studio.settings.snapshot.values())
    file = checkpoints.chosen(studio)
    if CHECKPOINT in values and file is not None:
        values |= {CHECKPOINT: file.title, "sd_checkpoint_hash": file.sha256 or ""}
    return values


@router.post("/options", response_model=None)
async def change_options(body: dict[str, Any], studio: CurrentStudio, user: CurrentUser) -> Response:
    """Change settings; answers when a chosen checkpoint has been loaded.

    Everything GET returns may be sent back. Keys nobody declares are ignored. A checkpoint that
    cannot be found or loaded changes nothing.
    """
    # Files are looked up and written on another thread; the server answers others meanwhile.
    try:
        changed, file = await to_thread.run_sync(_changes, body, studio)
    except NotFound:
        text = f"model '{body[CHECKPOINT]}' not found"
        return JSONResponse(error_body("RuntimeError", text, text), 422)
    if file is not None:
        await studio.jobs.submit(checkpoints.KIND, checkpoints.Task(load=file.title), owner=user).result()
    if changed:
        await to_thread.run_sync(write, changed, studio)
    return JSONResponse(None)


def write(values: dict[str, Any], studio: Studio) -> None:
    """Change settings. Raises UserError if one is frozen, a value does not fit or the file cannot be written."""
    frozen.check(studio, values)
    try:
        studio.settings.update(values)
    except OSError as error:
        raise UserError(f"{studio.paths.config} cannot be written ({error.strerror}); nothing was changed.") from error


def _changes(body: dict[str, Any], studio: Studio) -> tuple[dict[str, Any], CheckpointFile | None]:
    """What differs from now, and the checkpoint to load for it. Raises NotFound if there is none of that name."""
    now = read_options(studio)
    known = studio.settings.declared()
    changed = {key: value for key, value in body.items() if key in known and value != now.get(key)}
    if ignored := [key for key in body if key not in known and key not in now]:
        log.info("Settings that do not exist here were ignored: %s", ", ".join(ignored[:20]))
    file = None
    if wanted := changed.pop(CHECKPOINT, None):
        file = studio.catalog.find_checkpoint(str(wanted))
        changed[CHECKPOINT] = file.title
    frozen.check(studio, changed)
    studio.settings.snapshot.overridden(changed)
    return changed, file if file != checkpoints.chosen(studio) else None
