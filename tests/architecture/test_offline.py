"""Tests reach no other machine: the guard in tests/conftest.py stops those that try."""

from __future__ import annotations

import asyncio
import socket

import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.org"])
def test_other_machines_cannot_be_reached(host: str, outside_attempts: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError, match="Tests reach no other machine"):
        socket.create_connection((host, 80), timeout=1)
    assert outside_attempts == [host]
    outside_attempts.clear()


def test_nor_through_an_event_loop(outside_attempts: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError, match="Tests reach no other machine"):
        asyncio.run(asyncio.open_connection("192.0.2.1", 80))
    assert outside_attempts
    outside_attempts.clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_can(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection((host, server.getsockname()[1]), timeout=5).close()
