"""What answers at `/`: a small page that says the studio is starting, then the studio's own page.

Gradio takes seconds to import and the page to build, so the server listens before either is done.
`mount_page` puts the page in from whatever thread has built it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from starlette._utils import get_route_path
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from modules.web.security import user_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from gradio import Blocks

log = logging.getLogger(__name__)

HTML = Path(__file__).with_name("assets") / "html"


class Front:
    """The application at `/`. `open` may be called once, while requests are being answered.

    `routes` are the page's, none before it is there.
    """

    def __init__(self, expected: bool = True) -> None:
        """`expected`: a page will come. Without one `/` leads to the API's description."""
        self._expected = expected
        self.routes: list[BaseRoute] = []
        self._page: ASGIApp | None = None
        self._lifespan: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stack = AsyncExitStack()

    @property
    def opened(self) -> bool:
        """Whether the studio's page is there."""
        return self._page is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._page
        if page is not None:
            await page(scope, receive, send)
        elif scope["type"] == "http":
            answer = _starting(scope) if self._expected else _without_page(scope)
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1013})

    async def start(self) -> None:
        """The server's loop runs; called before the first request."""
        self._loop = asyncio.get_running_loop()
        if self._lifespan is not None:
            await self._stack.enter_async_context(self._lifespan)

    async def stop(self) -> None:
        await self._stack.aclose()

    def open(self, page: ASGIApp, lifespan: Any, routes: list[BaseRoute]) -> None:
        """Put `page` in. `lifespan` is its async context manager, entered on the server's loop."""
        if self._loop is None:
            self._lifespan = lifespan
        else:
            entering = asyncio.run_coroutine_threadsafe(self._stack.enter_async_context(lifespan), self._loop)
            entering.result(60)
        self.routes = routes
        self._page = page


def mount_page(
    app: FastAPI, blocks: Blocks, wrap: Callable[[ASGIApp], ASGIApp] = lambda page: page, **options: Any
) -> None:
    """Put the studio's page at `/` of an app that `create_app` made, running or not, from any thread.

    `wrap` puts something around it, such as what completes its HTML. `options` go to
    `gradio.mount_gradio_app` (theme, css, js, allowed_paths, ...). What Gradio would record or
    report of a visit is off, and who is logged in is known to handlers as `gr.Request.username`.
    """
    import gradio
    from fastapi import FastAPI
    from starlette.middleware.cors import CORSMiddleware

    access = app.state.gate.access
    # A stage of its own: it is complete before a request can reach it. That it declares CORS keeps
    # Gradio from adding its own, which lets every site in; the guard has answered by then.
    stage = FastAPI(openapi_url=None)
    stage.add_middleware(CORSMiddleware, allow_origins=[])
    everybody_logs_in = access.beyond_loopback or bool(access.accounts)
    settings: dict[str, Any] = {
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "mcp_server": False,
        "footer_links": [],
        "show_error": True,
        "auth_dependency": user_of if everybody_logs_in else None,
        **options,
    }
    gradio.mount_gradio_app(stage, blocks, path="/", **settings)
    page = next(route.app for route in stage.routes if getattr(route, "app", None) is not None)  # type: ignore[attr-defined]
    app.state.front.open(wrap(page), stage.router.lifespan_context(stage), page.routes)
    log.info("The page is ready")


def _without_page(scope: Scope) -> Response:
    if get_route_path(scope) == "/" and scope["method"] in ("GET", "HEAD"):
        return RedirectResponse(f"{scope.get('root_path', '')}/docs", 307)
    return JSONResponse({"detail": "Not Found"}, 404)


def _starting(scope: Scope) -> Response:
    """Before the page is there: a browser gets a page that waits, a program is told to come again."""
    request = Request(scope)
    path = get_route_path(scope)
    if path == "/" and request.method in ("GET", "HEAD"):
        html = Template((HTML / "starting.html").read_text(encoding="utf-8"))
        root = request.scope.get("root_path", "")
        return HTMLResponse(html.substitute(root=root), headers={"cache-control": "no-store"})
    if path.startswith(("/gradio_api", "/config", "/theme.css", "/assets", "/static")):
        detail = "The page is still being built; ask again in a moment."
        return JSONResponse({"detail": detail}, 503, {"retry-after": "1"})
    return JSONResponse({"detail": "Not Found"}, 404)
