"""The server: API routes first, the page behind them, one guard in front of everything.

Start with `create_app`. It needs no torch and no Gradio, so that the server answers while both are
still being imported; the page is put in later by `front.mount_page`, from any thread.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from modules.foundation.version import VERSION
from modules.host.scripts import Host
from modules.web import docs, errors, extension_files, login
from modules.web.access import Access
from modules.web.api import ROUTERS
from modules.web.front import Front, mount_page
from modules.web.security import Gate, Guard
from modules.web.sessions import Sessions, key_at
from modules.web.slashes import PlainPaths

if TYPE_CHECKING:
    from gradio import Blocks

    from modules.studio.context import Studio

ABOUT = """Atelier's HTTP API. `/sdapi/v1` is AUTOMATIC1111's, `/atelier/v1` and `/internal` serve the page."""

KEY_FILE = ".session-key"
"""Beside the settings file. Deleting it ends every login."""

ASSETS_URL = "/assets-atelier"
"""Where the page's own scripts and styles are served."""


class Assets(StaticFiles):
    """The page's own files. A browser asks whether each has changed, so that scripts of two versions never meet."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def create_app(studio: Studio, blocks: Blocks | None = None, host: Host | None = None) -> FastAPI:
    """The application over a studio, which may still be starting.

    `app.state` has `studio`, `host`, `gate` (whose `link(base_url)` is the one-time login link and whose
    `hosts` a share link is added to) and `front`. Raises UserError for flags that cannot be meant.
    """
    access = Access.of(studio.flags)
    kept = access.beyond_loopback or access.accounts
    key = key_at(studio.paths.config.with_name(KEY_FILE)) if kept else secrets.token_bytes(32)
    app = FastAPI(
        title="Atelier",
        version=VERSION,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        # A body without a content type is JSON, as it always was to A1111's clients. That a page of
        # another site cannot send one is the guard's business.
        strict_content_type=False,
        redirect_slashes=False,
    )
    app.state.studio = studio
    app.state.host = host or Host()
    app.state.gate = Gate(access, Sessions(key, access.accounts))
    app.state.front = Front(expected=not studio.flags.nowebui)
    errors.install(app)
    for router in (*ROUTERS, login.router, docs.router):
        app.include_router(router)
    app.mount(ASSETS_URL, Assets(directory=docs.ASSETS))
    app.include_router(extension_files.router)
    # Not a mount: that would answer in place of a route that is only asked with the wrong method.
    app.router.default = app.state.front
    # The last one added is the outermost.
    app.add_middleware(errors.Boundary, log_requests=studio.flags.api_log)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    app.add_middleware(PlainPaths)
    app.add_middleware(Guard, gate=app.state.gate)
    if blocks is not None:
        mount_page(app, blocks)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await app.state.front.start()
    try:
        yield
    finally:
        await app.state.front.stop()
