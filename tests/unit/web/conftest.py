"""What tests that build pages have to clear away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def forgotten_loops() -> Iterator[None]:
    """Closes the event loops that Gradio makes with every Blocks outside a server, and forgets."""
    made: list[asyncio.AbstractEventLoop] = []
    original = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        made.append(original())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", remembered)
        yield
    for loop in made:
        loop.close()
    if made:
        asyncio.set_event_loop(None)
