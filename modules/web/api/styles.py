"""Changing styles, for the page's editor. Reading them is A1111's /sdapi/v1/prompt-styles."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from modules.engine.request import MAX_PROMPT
from modules.foundation.errors import UserError
from modules.web.api.current import CurrentStudio

router = APIRouter(prefix="/atelier/v1/styles", tags=["page"])


class StyleBody(BaseModel):
    name: str = Field(max_length=1000)
    prompt: str = Field("", max_length=MAX_PROMPT)
    negative_prompt: str = Field("", max_length=MAX_PROMPT)


@router.post("")
def save(body: StyleBody, studio: CurrentStudio) -> dict[str, Any]:
    """Add a style, or change the one of this name. The file's earlier state is kept beside it as .bak."""
    try:
        saved = studio.styles.save(body.name, body.prompt, body.negative_prompt)
    except OSError as error:
        raise UserError(f"The style cannot be saved: {error}. Make the file writable.") from error
    return {"name": saved.name}


@router.post("/delete")
def delete(body: StyleBody, studio: CurrentStudio) -> dict[str, Any]:
    """Take a style out of its file."""
    try:
        studio.styles.delete(body.name)
    except OSError as error:
        raise UserError(f"The style cannot be deleted: {error}. Make the file writable.") from error
    return {}
