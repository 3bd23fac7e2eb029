"""One middleware in front of everything: our routes, Gradio's, static files, websockets.

`Guard` asks, in this order: does the studio answer to this host, may this site send such a request,
who is asking. Whatever is not known to be open is closed. The policy is `access`, what a login
leaves behind is `sessions`; start reading at `Guard.__call__`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import HTTPException
from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.web.access import Access, host_name
from modules.web.errors import json_error
from modules.web.sessions import Failures, Links, Sessions, basic, matches

MAX_BODY = 256 * 2**20
"""Bytes of one request. Pictures travel as base64 in JSON, a third larger than they are."""

OPEN_PATHS = frozenset({"/login", "/login/"})
"""All that answers without a login where one is needed. The login page brings its own looks."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Gradio's page carries its configuration and its events' JavaScript inline and compiles the
    # latter when they fire, so scripts cannot be limited further than to this server.
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
}


@dataclass(slots=True)
class Gate:
    """What the guard and the login page share. `hosts` grows when a share link opens."""

    access: Access
    sessions: Sessions
    links: Links = field(default_factory=Links)
    failures: Failures = field(default_factory=Failures)
    hosts: set[str] = field(default_factory=set)

    @property
    def needs_link(self) -> bool:
        """Whether a one-time link is the way in: a login is asked for and no account was given."""
        return self.access.beyond_loopback and not self.access.accounts

    def knows_host(self, name: str) -> bool:
        return name in self.hosts or self.access.knows_host(name)

    def user_of(self, headers: Headers) -> str | None:
        """Whose session the request's cookie carries."""
        # Starlette's reader passes over what other programs on this host wrote badly; http.cookies gives up.
        cookie = cookie_parser(headers.get("cookie", "")).get(self.sessions.cookie)
        return self.sessions.user(cookie) if cookie else None

    def link(self, base_url: str) -> str:
        """The address that logs the next visitor in, once."""
        return f"{base_url.rstrip('/')}{self.access.root_path}/login?token={self.links.token}"


class Guard:
    """The middleware. Refusals go out in the API's error shape, or lead a browser to the login page."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._gate = gate
        self._access = gate.access
        self._app = app
        # Inside the guard, so that another site's script can read why it was refused; and in front
        # of the login, because browsers ask for permission without credentials.
        self._answer: ASGIApp = self._logged_in
        if self._access.cross_origin:
            self._answer = CORSMiddleware(
                self._logged_in,
                allow_origins=tuple(self._access.origins),
                allow_origin_regex=self._access.origin_pattern.pattern if self._access.origin_pattern else None,
                allow_methods=["*"],
                allow_headers=["*"],
                allow_credentials=True,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        if self._access.root_path:
            scope["root_path"] = self._access.root_path
        headers = Headers(scope=scope)
        send = _with_headers(send)
        name = host_name(headers.get("host", ""))
        if not self._gate.knows_host(name):
            return await _refuse(scope, receive, send, json_error(403, _UNKNOWN_HOST.format(name=name or "(none)")))
        if not self._own_or_allowed(scope, headers):
            return await _refuse(scope, receive, send, json_error(403, _FOREIGN.format(origin=_sender(headers))))
        if _length(headers) > MAX_BODY:
            return await _refuse(scope, receive, send, json_error(413, _TOO_LARGE))
        await self._answer(scope, _limited(receive), send)

    def _own_or_allowed(self, scope: Scope, headers: Headers) -> bool:
        """Whether a request that may change something comes from our own page, or from no page at all."""
        if scope["type"] == "http" and scope["method"] in READING:
            return True
        origin = headers.get("origin")
        if origin is not None:
            # Only host and port are compared: behind a TLS proxy the browser's scheme is not ours.
            return urlsplit(origin).netloc.lower() == headers["host"].lower() or self._access.knows_origin(origin)
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")

    async def _logged_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        path = get_route_path(scope)
        address = scope["client"][0] if scope.get("client") else ""
        user = self._gate.user_of(headers)
        if self._access.needs_login(host_name(headers["host"])):
            allowed = user is not None or (scope["type"] == "http" and path in OPEN_PATHS)
        else:
            allowed = not (_is_api(path) and self._access.api_accounts)
        if not allowed and _is_api(path):
            user, refusal = await self._basic(headers, address)
            if refusal is not None:
                return await _refuse(scope, receive, send, refusal)
        elif not allowed:
            return await _refuse(scope, receive, send, self._to_login(scope, headers, path))
        scope.setdefault("state", {})["user"] = user
        await self._app(scope, receive, send)

    async def _basic(self, headers: Headers, address: str) -> tuple[str | None, Response | None]:
        """The user that Basic credentials prove, or what to answer instead."""
        accounts = self._access.api_accounts or self._access.accounts
        challenge = {"www-authenticate": "Basic"} if accounts else {}
        given = basic(headers.get("authorization", ""))
        if given is None:
            return None, json_error(401, "Not authenticated", headers=challenge)
        wait = self._gate.failures.wait(address)
        if wait > 0:
            return None, too_many(wait)
        if matches(accounts, *given):
            return given[0], None
        self._gate.failures.add(address)
        return None, json_error(401, "Incorrect username or password", headers=challenge)

    def _to_login(self, scope: Scope, headers: Headers, path: str) -> Response:
        if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            back = "" if path == "/" else f"?next={quote(path)}"
            return RedirectResponse(f"{scope.get('root_path', '')}/login{back}", 303)
        return json_error(401, "Not authenticated")


def user_of(request: Any) -> str | None:
    """Who sent a request, Starlette's or Gradio's; None where nobody has to log in."""
    inner = getattr(request, "request", request)
    return inner.scope.get("state", {}).get("user")


def too_many(wait: float) -> Response:
    """The answer to somebody who guesses too often."""
    seconds = str(max(1, round(wait)))
    return json_error(429, f"Too many failed logins; try again in {seconds} s.", headers={"retry-after": seconds})


_UNKNOWN_HOST = (
    "The studio does not answer to the host name '{name}'. If it is yours, start with "
    "--cors-allow-origins http://{name} (or https://) and it will, after a login."
)
_FOREIGN = (
    "A request from {origin} may not change anything here. If that site should, start with "
    "--cors-allow-origins and its address."
)
_TOO_LARGE = f"The request is larger than {MAX_BODY // 2**20} MB."


def _is_api(path: str) -> bool:
    return path.startswith("/sdapi/")


def _sender(headers: Headers) -> str:
    return headers.get("origin") or "another site"


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    """Ends a body that came without a length and does not end by itself."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


async def _refuse(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4403, "reason": "Not allowed"})
    else:
        await response(scope, receive, send)
