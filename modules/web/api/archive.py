"""All pictures of a job as one zip file, for the page's button."""

from __future__ import annotations

import io
import zipfile
from urllib.parse import quote

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from modules.foundation.errors import NotFound
from modules.studio import keeping
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.api.jobs import own_job

router = APIRouter(prefix="/atelier/v1/jobs", tags=["page"])


@router.get("/{id:path}/images.zip")
def get_archive(id: str, studio: CurrentStudio, user: CurrentUser) -> Response:
    """The job's pictures with their infotext inside, under the names they were saved by."""
    job = own_job(id, studio, user)
    settings = studio.settings.snapshot
    packed = io.BytesIO()
    # Pictures are compressed already: packing them again costs seconds and gains nothing.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number, saved in enumerate(job.images):
            try:
                data, suffix = saved.encoded(settings)
            except NotFound:
                continue  # deleted meanwhile; the others are still worth having
            name = saved.path.stem if saved.path else f"{'grid' if saved.grid else saved.seed}-{number}"
            archive.writestr(f"{name}.{suffix}", data)
            text = saved.path.with_suffix(".txt") if saved.path else None
            if text is not None and text.is_file():
                archive.write(text, f"{name}.txt")
        if not archive.namelist():
            raise HTTPException(404, f"Job '{id}' has no pictures.")
    name = quote(keeping.archive_name(studio, job))
    headers = {"content-disposition": f"attachment; filename*=utf-8''{name}"}
    return Response(packed.getvalue(), media_type="application/zip", headers=headers)
