"""A public address: the guard answers to it, and without a network everything else goes on."""

from __future__ import annotations

import gradio.networking
import httpx
import pytest

from modules.foundation.errors import UserError
from modules.web.access import Access
from modules.web.security import Gate
from modules.web.sessions import Sessions
from modules.web.share import open_tunnel


@pytest.fixture
def gate():
    return Gate(Access(beyond_loopback=True), Sessions(bytes(32), {}))


def test_the_guard_answers_to_the_public_name(gate, monkeypatch):
    asked = []

    def tunnel(host, port, token, address, certificate):
        asked.append((host, port, token))
        return "https://Abc123.gradio.live"

    monkeypatch.setattr(gradio.networking, "setup_tunnel", tunnel)
    assert not gate.knows_host("abc123.gradio.live")
    assert open_tunnel(gate, 7860) == "https://Abc123.gradio.live"
    assert gate.knows_host("abc123.gradio.live")
    assert asked[0][:2] == ("127.0.0.1", 7860) and len(asked[0][2]) > 30


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Could not get share link from Gradio API Server."),
        httpx.ConnectError("no route to host"),
        OSError("platform is incompatible"),
        ValueError("Could not create share URL."),
    ],
)
def test_without_a_network_it_says_so(gate, monkeypatch, error):
    def tunnel(*_args):
        raise error

    monkeypatch.setattr(gradio.networking, "setup_tunnel", tunnel)
    with pytest.raises(UserError, match="--share: no public address") as caught:
        open_tunnel(gate, 7860)
    assert str(error).split(".")[0] in str(caught.value)
    assert gate.hosts == set()
