"""Pictures that requests start from: taken in checked, and forgotten when no job names them. Start with `keep`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from modules.foundation.errors import UserError
from modules.store.inputs import named_in
from modules.vision.opening import opened

if TYPE_CHECKING:
    from modules.studio.context import Studio

log = logging.getLogger(__name__)


def keep(studio: Studio, data: bytes, name: str = "The picture") -> str:
    """Put a picture's file away; the answer is what a request calls it.

    Raises BadFile, beginning with `name`, if it is no whole picture, and UserError if it cannot be written.
    """
    opened(data, name)
    try:
        return studio.inputs.keep(data)
    except OSError as error:
        raise UserError(
            f"{name} cannot be kept in {studio.inputs.folder}: {error.strerror or error}. Make room there, or choose "
            "another place for the data with --data-dir."
        ) from error


def clean(studio: Studio) -> None:
    """Delete pictures that no job names any more. Call it while no request is on its way to the queue."""
    named = studio.history.inputs()
    if named is None:
        return  # the history cannot be read: nothing is known, so nothing is deleted
    for job in (*studio.jobs.pending(), *filter(None, [studio.jobs.current])):
        named |= named_in(job.request.model_dump_json())
    if gone := studio.inputs.clean(named):
        log.info("%d pictures that no job names were deleted from %s.", gone, studio.inputs.folder)
