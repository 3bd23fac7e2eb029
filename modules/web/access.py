"""Who may come in and from where: the launch flags turned into one frozen policy.

Nothing here answers requests; `security` asks these questions of every one. Start at `Access`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modules.foundation.errors import UserError

if TYPE_CHECKING:
    from modules.foundation.flags import Flags


@dataclass(frozen=True, slots=True)
class Access:
    """The policy. On plain loopback nobody is asked anything; beyond it there is always a login.

    `accounts` open everything, `api_accounts` only `/sdapi`. `names` are the host names the studio
    answers to besides loopback's and plain addresses. `origins` are other sites whose scripts may
    call the API; "*" is any.
    """

    beyond_loopback: bool = False
    accounts: Mapping[str, str] = field(default_factory=dict)
    api_accounts: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    origin_pattern: re.Pattern[str] | None = None
    root_path: str = ""

    @classmethod
    def of(cls, flags: Flags) -> Access:
        """Raises UserError for credentials or patterns that cannot be read."""
        listed = (part.strip().rstrip("/") for part in (flags.cors_allow_origins or "").split(","))
        origins = frozenset(part for part in listed if part)
        served = (flags.server_name or "").strip().lower()
        trusted = {urlsplit(origin).hostname or "" for origin in origins}
        machine = socket.gethostname().lower()
        return cls(
            beyond_loopback=bool(flags.listen or flags.share or (served and not is_loopback(served))),
            accounts={
                **credentials(flags.gradio_auth or "", "--gradio-auth"),
                **_credentials_in(flags.gradio_auth_path),
            },
            api_accounts=credentials(flags.api_auth or "", "--api-auth"),
            names=frozenset({served, machine, f"{machine}.local", *trusted} - {""}),
            origins=origins,
            origin_pattern=_pattern(flags.cors_allow_origins_regex),
            root_path="/" + flags.subpath.strip("/") if flags.subpath else "",
        )

    @property
    def cross_origin(self) -> bool:
        """Whether any other site may call the API."""
        return bool(self.origins or self.origin_pattern)

    def knows_host(self, name: str) -> bool:
        """Whether a Host header may name `name` (lower case, no port).

        Addresses always may: a page that rebinds its own name to this machine sends that name.
        """
        return is_loopback(name) or is_address(name) or name in self.names

    def knows_origin(self, origin: str) -> bool:
        """Whether scripts of another site may call the API."""
        if origin in self.origins or "*" in self.origins:
            return True
        return self.origin_pattern is not None and self.origin_pattern.fullmatch(origin) is not None

    def needs_login(self, host: str) -> bool:
        """Whether a request for `host` needs a login.

        A name that is not loopback's needs one even where the studio listens on loopback only:
        something in between, a proxy or a tunnel, has carried the request here.
        """
        return self.beyond_loopback or bool(self.accounts) or not is_loopback(host)


def host_name(header: str) -> str:
    """The name in a Host header: lower case, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def is_address(name: str) -> bool:
    """Whether a host is written as an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Whether a host name can only mean this machine."""
    if is_address(name):
        return ipaddress.ip_address(name).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def credentials(text: str, source: str) -> dict[str, str]:
    """`user:password,user2:password2` as a mapping.

    Raises UserError naming `source`, never the text: it may be half a password.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        user, colon, password = part.strip().partition(":")
        if not (user and colon and password):
            raise UserError(f"{source} must be user:password pairs separated by commas, such as me:secret,you:other.")
        found[user] = password
    return found


def _credentials_in(path: Path | str | None) -> dict[str, str]:
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--gradio-auth-path {path} cannot be read: {error}.") from None
    found: dict[str, str] = {}
    for line in lines:
        found.update(credentials(line, f"Each line of {path}"))
    if not found:
        raise UserError(f"--gradio-auth-path {path} holds no user:password pair; the studio would open to nobody.")
    return found


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise UserError(f"--cors-allow-origins-regex {text} is no regular expression: {error}.") from None
