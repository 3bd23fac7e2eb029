"""`/docs`: the API's description, with the viewer from a wheel; FastAPI's own comes from another host."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

ASSETS = Path(__file__).with_name("assets")

router = APIRouter(include_in_schema=False)

VIEWER = {"swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js"}
"""Files of the fastapi_offline wheel, which is never imported."""


@router.get("/docs")
async def swagger(request: Request) -> Response:
    """Every route with its fields, to read and to try."""
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="Atelier API",
        swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs/swagger-ui.css",
        swagger_favicon_url="data:,",
    )


@router.get("/redoc")
async def redoc(request: Request) -> Response:
    """The same to read only."""
    root = request.scope.get("root_path", "")
    return get_redoc_html(
        openapi_url=f"{root}/openapi.json",
        title="Atelier API",
        redoc_js_url=f"{root}/docs/redoc.standalone.js",
        redoc_favicon_url="data:,",
        with_google_fonts=False,
    )


@router.get("/docs/{name}")
async def viewer(name: str) -> Response:
    """A file of the viewers."""
    found = importlib.util.find_spec("fastapi_offline")
    if name not in VIEWER or found is None or not found.origin:
        raise HTTPException(404, f"There is no file '{name}' here.")
    file = Path(found.origin).with_name("static") / name
    return FileResponse(file, headers={"cache-control": "max-age=86400"})
