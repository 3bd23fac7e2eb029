"""What a failed request is answered with: A1111's error object, or FastAPI's list for a bad body.

`Boundary` is the one place of the web where any exception is caught. Clients read `detail` (a text,
or for validation a list whose entries carry `msg`), so every body has it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.foundation.errors import Interrupted, NotReady, UserError

log = logging.getLogger(__name__)


def error_body(name: str, detail: str, errors: str = "", body: Any = "") -> dict[str, Any]:
    """A1111's error object. `name` is the exception's class, `errors` its text."""
    return {"error": name, "detail": detail, "body": body, "errors": errors or detail}


def json_error(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """What an HTTPException with this status and detail is answered with."""
    return JSONResponse(error_body("HTTPException", detail, f"{status}: {detail}"), status, headers)


def response_to(error: Exception) -> Response:
    """The answer to an exception; what nobody expected is 500 and names the exception."""
    if isinstance(error, HTTPException):
        return json_error(error.status_code, str(error.detail), dict(error.headers or {}))
    if isinstance(error, UserError):
        return JSONResponse(error_body(type(error).__name__, str(error)), 422)
    if isinstance(error, Interrupted):
        return JSONResponse(error_body("Interrupted", "The job was interrupted before it was done."), 409)
    if isinstance(error, NotReady):
        return JSONResponse(error_body("NotReady", str(error)), 503, {"retry-after": "5"})
    return JSONResponse(error_body(type(error).__name__, "", str(error)), 500)


def install(app: FastAPI) -> None:
    """Give every handler's exceptions these shapes.

    404 and 405 of the router itself keep the framework's `{"detail": ...}`: clients tell a missing
    API by exactly that body.
    """

    @app.exception_handler(HTTPException)
    @app.exception_handler(UserError)
    @app.exception_handler(NotReady)
    @app.exception_handler(Interrupted)
    async def named(_request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.detail == HTTPStatus(error.status_code).phrase:
            return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
        return response_to(error)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(ValidationError)
    async def invalid(_request: Request, error: RequestValidationError | ValidationError) -> Response:
        return JSONResponse({"detail": [_plain(entry) for entry in error.errors()]}, 422)


class Boundary:
    """Innermost middleware: turns what no handler caught into an answer and times every request.

    A pure ASGI one, so that bodies stream through it.
    """

    def __init__(self, app: ASGIApp, log_requests: bool = False) -> None:
        self._app = app
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        start = time.perf_counter()
        status = 0

        async def timed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                seconds = time.perf_counter() - start
                message.setdefault("headers", []).append((b"x-process-time", f"{seconds:.4f}".encode()))
            await send(message)

        try:
            await self._app(scope, receive, timed)
        except Exception as error:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if status:
                raise  # part of the answer is out; the server can only cut the connection
            await response_to(error)(scope, receive, timed)
        if self._log_requests and scope["path"].startswith("/sdapi"):
            client = scope["client"][0] if scope.get("client") else "-"
            seconds = time.perf_counter() - start
            log.info("API %s %s %s from %s in %.3f s", status, scope["method"], scope["path"], client, seconds)


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Where, what and why, without a copy of the input: it may be 5 MB of prompt."""
    return {"loc": entry["loc"], "msg": entry["msg"], "type": entry["type"]}
