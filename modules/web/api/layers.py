"""What the img2img tabs ask for. Pictures and layers are sent once and named by their checksum from then on.

What was sent stays for a while after its last use, and as long as a job names it; see `store.inputs`.
"""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from modules.store.inputs import NAME
from modules.studio import describing, inputs
from modules.vision.opening import opened
from modules.web.api.current import CurrentStudio, CurrentUser

router = APIRouter(prefix="/atelier/v1", tags=["page"])

FOREVER = "private, max-age=31536000, immutable"
SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"GIF8": "image/gif"}
"""How files begin that browsers show; others are only handed out as what they are not: bytes."""


class DescribeBody(BaseModel):
    image: str = Field(pattern=f"^{NAME}$", description="a kept picture")
    model: Literal["clip", "deepdanbooru"] = "clip"


@router.post("/layers")
async def keep_layer(request: Request, studio: CurrentStudio) -> dict[str, Any]:
    """Keep the picture file that is the body; answers with its id and its size as it is seen, upright."""
    data = await request.body()

    def keep() -> dict[str, Any]:
        name = inputs.keep(studio, data)
        width, height = opened(data).size
        return {"id": name, "width": width, "height": height}

    return await to_thread.run_sync(keep)


@router.get("/layers/{id}")
def get_layer(id: str, studio: CurrentStudio, plain: bool = False) -> Response:
    """A kept picture as it was sent; `plain` as an upright 8-bit PNG, which every browser shows."""
    path = studio.inputs.path(id)
    # Whoever looks at it still needs it.
    os.utime(path)
    headers = {"cache-control": FOREVER}
    if plain:
        out = BytesIO()
        opened(path.read_bytes()).save(out, "PNG", compress_level=1)
        return Response(out.getvalue(), media_type="image/png", headers=headers)
    with path.open("rb") as file:
        start = file.read(4)
    kind = next((kind for begin, kind in SIGNATURES.items() if start.startswith(begin)), "application/octet-stream")
    return FileResponse(path, media_type=kind, headers=headers)


@router.get("/model")
def model(studio: CurrentStudio) -> dict[str, bool]:
    """What the loaded checkpoint has a control for that others have not: `image_cfg`, of instruct-pix2pix models."""
    loaded = studio.models.current
    return {"image_cfg": loaded is not None and loaded.variant.sees_latent and not loaded.variant.sees_mask}


@router.post("/describe")
async def describe(body: DescribeBody, studio: CurrentStudio, user: CurrentUser) -> dict[str, str]:
    """What a kept picture shows, in words: a sentence (clip) or tags (deepdanbooru)."""
    job = studio.jobs.submit(describing.KIND, describing.Describe(image=body.image, model=body.model), owner=user)
    return {"caption": await job.result()}
