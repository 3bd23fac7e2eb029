"""What a login leaves behind: signed session cookies, one-time links and the count of failures.

Nothing is kept per session, so sessions survive a restart: a cookie names its user and its age and
carries a signature that also depends on the user's password. Changing the password, or deleting the
key file, ends them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

SESSION_SECONDS = 30 * 24 * 3600
OWNER = "owner"
"""The user a one-time link logs in."""


def key_at(path: Path) -> bytes:
    """The signing key kept in `path`, made when there is none; readable by the owner alone.

    Where it can be neither read nor written, a key for this run only: sessions then end with it.
    """
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    except OSError as error:
        log.warning("Logins will end with this run, their key cannot be kept in %s: %s", path, error)
        return secrets.token_bytes(32)
    try:
        key = path.read_bytes()
    except OSError as error:
        log.warning("Logins will end with this run, their key cannot be read from %s: %s", path, error)
        return secrets.token_bytes(32)
    return key if len(key) >= 32 else secrets.token_bytes(32)


class Sessions:
    """Issues cookies and says whose a cookie is."""

    def __init__(self, key: bytes, accounts: Mapping[str, str], now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._accounts = accounts
        self._now = now
        # Cookies ignore ports: two studios on one host must not overwrite each other's.
        self.cookie = f"atelier_{hashlib.sha256(key).hexdigest()[:8]}"

    def issue(self, user: str) -> str:
        """A cookie's value for a user who has just proved to be one."""
        said = f"{user}\n{int(self._now())}".encode()
        return f"{_encoded(said)}.{_encoded(self._signature(user, said))}"

    def user(self, cookie: str) -> str | None:
        """Whose cookie this is; None if it is forged, too old, or its account has changed."""
        head, _, tail = cookie.partition(".")
        try:
            said, signature = _decoded(head), _decoded(tail)
            user, issued = said.decode().rsplit("\n", 1)
            age = self._now() - int(issued)
        except (ValueError, binascii.Error):
            return None
        if not hmac.compare_digest(signature, self._signature(user, said)) or not 0 <= age + 60 <= SESSION_SECONDS:
            return None
        return user if self._exists(user) else None

    def _exists(self, user: str) -> bool:
        return user in self._accounts if self._accounts else user == OWNER

    def _signature(self, user: str, said: bytes) -> bytes:
        password = self._accounts.get(user, "")
        return hmac.digest(hmac.digest(self._key, f"{user}\n{password}".encode(), "sha256"), said, "sha256")


class Links:
    """One-time links: each opens one session, then the next takes its place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = secrets.token_urlsafe(24)

    @property
    def token(self) -> str:
        """What opens the next session."""
        return self._token

    def redeem(self, token: str) -> bool:
        """Whether `token` was the current one; it is used up then."""
        with self._lock:
            if not hmac.compare_digest(token.encode(), self._token.encode()):
                return False
            self._token = secrets.token_urlsafe(24)
            return True


class Failures:
    """Slows down guessing: after `limit` failures within `window` seconds an address must wait."""

    def __init__(self, limit: int = 10, window: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._window = window
        self._now = now
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        with self._lock:
            times = self._recent(_neighbourhood(address))
            if len(times) < self._limit:
                return 0.0
            return times[0] + self._window - self._now()

    def add(self, address: str) -> None:
        """Count a failure."""
        key = _neighbourhood(address)
        with self._lock:
            times = self._recent(key)
            times.append(self._now())
            self._times[key] = times
            if len(self._times) > 10_000:
                self._times = {kept: value for kept in list(self._times) if (value := self._recent(kept))}

    def _recent(self, key: str) -> deque[float]:
        times = self._times.get(key) or deque(maxlen=self._limit)
        while times and times[0] <= self._now() - self._window:
            times.popleft()
        return times


def matches(accounts: Mapping[str, str], user: str, password: str) -> bool:
    """Whether an account fits, in a time that does not tell how nearly it did."""
    known = accounts.get(user)
    expected = known if known is not None else secrets.token_hex(8)
    same = hmac.compare_digest(password.encode(), expected.encode())
    return same and known is not None


def basic(header: str) -> tuple[str, str] | None:
    """User and password of an `Authorization: Basic` header; None if it is anything else."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return None
    return (user, password) if colon else None


def _neighbourhood(address: str) -> str:
    """An IPv6 network rather than one of the 2^64 addresses its owner has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((int(found), 64), strict=False)) if found.version == 6 else address


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
