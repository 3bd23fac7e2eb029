"""Scripts and styles that extensions bring for the page, served from where they lie."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from modules.host.discovery import Extension
from modules.store import confine

if TYPE_CHECKING:
    from modules.host.scripts import Host

URL = "/extensions-atelier"
FOLDERS = ("javascript", "html", "style.css")
"""What of an extension's folder is served: nothing of its Python or data."""

router = APIRouter(tags=["page"], include_in_schema=False)


@router.get(URL + "/{name}/{path:path}")
def get_file(name: str, path: str, request: Request) -> Response:
    """A file of an enabled extension."""
    extension = next((each for each in request.app.state.host.extensions if each.enabled and each.name == name), None)
    top, _, rest = path.partition("/")
    if extension is None or top not in FOLDERS:
        raise HTTPException(404, f"There is no file '{path}' of an extension '{name}'.")
    file = confine.below(extension.path / top, rest) if rest else extension.path / top
    if not file.is_file():
        raise HTTPException(404, f"There is no file '{path}' of an extension '{name}'.")
    return FileResponse(file, headers={"cache-control": "no-cache"})


def head(host: Host, root: str) -> str:
    """The tags that load them, after the page's own: styles, classic scripts, modules."""
    tags = [
        f'<link rel="stylesheet" href="{_url(extension, "style.css", root)}">'
        for extension in host.extensions
        if extension.enabled and (extension.path / "style.css").is_file()
    ]
    for file in host.files("javascript", ".js", ".mjs"):
        kind = ' type="module"' if file.path.suffix == ".mjs" else " defer"
        tags.append(f'<script{kind} src="{_url(file.extension, f"javascript/{file.path.name}", root)}"></script>')
    return "".join(tags)


def _url(extension: Extension, path: str, root: str) -> str:
    age = int((extension.path / path).stat().st_mtime)
    return html.escape(f"{root}{URL}/{quote(extension.name)}/{quote(path)}?{age}")
