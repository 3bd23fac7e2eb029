"""Puts our stylesheet and scripts into the page's head before a browser sees it.

Gradio adds what it is given as `head` by script, after its own code has run: the page would appear
unstyled first. So the finished HTML is completed on its way out.
"""

from __future__ import annotations

from starlette._utils import get_route_path
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MARK = b"</head>"


class WithHead:
    """An ASGI app whose HTML pages at `path` carry `head` as well."""

    def __init__(self, app: ASGIApp, head: str, path: str = "/") -> None:
        self._app = app
        self.routes = getattr(app, "routes", [])
        self._head = head.encode()
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or get_route_path(scope) != self._path:
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if not _is_html(message):
                    await send(message)
                return
            if start is None or not _is_html(start):
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = bytes(body).replace(MARK, self._head + MARK, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(whole))
            await send(start)
            await send({"type": "http.response.body", "body": whole})

        await self._app(scope, receive, collect)


def _is_html(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"])
