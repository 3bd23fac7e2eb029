"""--share: a public address through Gradio's tunnel, on the user's explicit wish only.

Gradio's client program is downloaded the first time. Where that fails the local server goes on.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modules.foundation.errors import UserError

if TYPE_CHECKING:
    from modules.web.security import Gate

log = logging.getLogger(__name__)


def open_tunnel(gate: Gate, port: int) -> str:
    """The public address that leads to `port` of this machine; the guard answers to its name from then on.

    Takes seconds and imports Gradio. Raises UserError when there is no network, no such service, or
    no client program for this system.
    """
    import httpx
    from gradio.exceptions import ChecksumMismatchError, ShareCertificateWriteError
    from gradio.networking import setup_tunnel

    expected = (RuntimeError, ValueError, OSError, httpx.HTTPError, ChecksumMismatchError, ShareCertificateWriteError)
    try:
        url = setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except expected as error:
        raise UserError(
            f"--share: no public address could be had ({_first_line(error)}). The studio goes on at this "
            "machine's own address; check the network and start again, or use --listen within a local network."
        ) from error
    gate.hosts.add((urlsplit(url).hostname or "").lower())
    return url


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
