"""`/sdapi/v1/options/` is `/sdapi/v1/options`: answered directly, for a redirect would lose a POST's body and CORS."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIXES = ("/sdapi/", "/internal/", "/atelier/", "/login/")


class PlainPaths:
    """Cuts the slash off the end of an API path. Behind the guard, which has judged the path as it came."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/"):
            below = scope["path"].removeprefix(scope.get("root_path", ""))
            if below.startswith(PREFIXES):
                scope = {**scope, "path": scope["path"].rstrip("/")}
        await self._app(scope, receive, send)
