"""The sound of a finished job, if the user has put one into the data folder."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from modules.web.api.current import CurrentStudio

router = APIRouter(prefix="/atelier/v1", tags=["page"])

NAME = "notification.mp3"


@router.get("/notification.mp3")
def sound(studio: CurrentStudio) -> Response:
    """The user's notification.mp3; an empty answer (204) if there is none."""
    path = studio.paths.data / NAME
    return FileResponse(path, media_type="audio/mpeg") if path.is_file() else Response(status_code=204)
