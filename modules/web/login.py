"""The login page: accounts where some are given, else the one-time link that the start printed.

It is the only thing that answers without a login, so it is one self-contained document. A link is
redeemed by a form its page sends, never by the address alone: programs that preview links would
use it up.
"""

from __future__ import annotations

import logging
import secrets
from html import escape
from string import Template

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from modules.web.access import host_name
from modules.web.front import HTML
from modules.web.security import Gate, too_many
from modules.web.sessions import OWNER, SESSION_SECONDS, matches

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

MAX_FIELD = 1024
"""Characters of a name, a password or a token."""


@router.get("/login")
async def show(request: Request, token: str = "", next: str = "") -> Response:
    """The login page; leads on if nobody has to log in, or the visitor has."""
    if request.state.user is not None or not _needed(request):
        return RedirectResponse(_inside(request, next), 303)
    gate: Gate = request.app.state.gate
    if not token and not gate.needs_link and not gate.access.accounts:
        # Nothing was printed at the start: only what stands in between, a proxy or a tunnel, asks for a login.
        log.info("Somebody comes from outside. The one-time link: %s", gate.link(_base(request)))
    return _page(request, next, token=token)


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Form fields `username` and `password`, or `token`. Browsers are led on; programs get JSON."""
    form = await request.form(max_files=0, max_fields=8, max_part_size=4 * MAX_FIELD)
    fields = {name: str(form.get(name, ""))[:MAX_FIELD] for name in ("username", "password", "token", "next")}
    if not _needed(request):
        return RedirectResponse(_inside(request, fields["next"]), 303)
    gate: Gate = request.app.state.gate
    address = request.client.host if request.client else ""
    wait = gate.failures.wait(address)
    if wait > 0:
        said = _WAIT.format(max(1, round(wait)))
        return _page(request, fields["next"], 429, said) if _browser(request) else too_many(wait)
    user = _proved(gate, fields)
    if user is None:
        gate.failures.add(address)
        return _refused(request, fields["next"], by_link=bool(fields["token"]))
    if fields["token"]:
        log.info("Someone logged in with the link. The next one-time link: %s", gate.link(_base(request)))
    answer: Response = JSONResponse({"success": True})
    if _browser(request):
        answer = RedirectResponse(_inside(request, fields["next"]), 303)
    answer.set_cookie(
        gate.sessions.cookie,
        gate.sessions.issue(user),
        max_age=SESSION_SECONDS,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """Ends the session in this browser."""
    answer = RedirectResponse(f"{request.scope.get('root_path', '')}/login", 303)
    answer.delete_cookie(request.app.state.gate.sessions.cookie, path=request.scope.get("root_path") or "/")
    return answer


_WRONG = "That name and password do not fit."
_USED = "This link has been used or has been replaced. The studio's console shows the current one."
_WAIT = "Too many failed logins. Try again in {} seconds."


def _proved(gate: Gate, fields: dict[str, str]) -> str | None:
    if not gate.access.accounts:
        return OWNER if gate.links.redeem(fields["token"].strip()) else None
    user = fields["username"].strip()
    return user if matches(gate.access.accounts, user, fields["password"]) else None


def _refused(request: Request, next: str, by_link: bool) -> Response:
    if _browser(request):
        return _page(request, next, 401, _USED if by_link else _WRONG)
    raise HTTPException(400, "Incorrect credentials.")


def _page(request: Request, next: str, status: int = 200, message: str = "", token: str = "") -> Response:
    gate: Gate = request.app.state.gate
    nonce = secrets.token_urlsafe(16)
    kind = "accounts" if gate.access.accounts else "link" if token else "ask"
    html = Template((HTML / "login.html").read_text(encoding="utf-8")).substitute(
        kind=kind,
        action=f"{request.scope.get('root_path', '')}/login",
        next=escape(next),
        token=escape(token),
        message=escape(message),
        nonce=nonce,
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "x-frame-options": "DENY",
    }
    return HTMLResponse(html, status, headers)


def _needed(request: Request) -> bool:
    return request.app.state.gate.access.needs_login(host_name(request.headers.get("host", "")))


def _inside(request: Request, next: str) -> str:
    """Where to go after the login: a path of this studio, whatever `next` says."""
    root = request.scope.get("root_path", "")
    safe = next.startswith("/") and not next.startswith(("//", "/\\")) and next.isprintable()
    return root + (next if safe else "/")


def _browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"
