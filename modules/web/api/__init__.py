"""The HTTP API, one file a subject. `generation` is where a reader should start.

`/sdapi/v1` is A1111's, field for field; `/internal` and `/atelier/v1` are what the page itself uses.
"""

from __future__ import annotations

from modules.web.api import (
    archive,
    cards,
    catalog,
    extras,
    generation,
    img2img,
    jobs,
    layers,
    networks,
    notification,
    pnginfo,
    progress,
    replay,
    scripts,
    server,
    settings,
    styles,
    tokens,
)

_SUBJECTS = (
    generation,
    img2img,
    extras,
    progress,
    settings,
    catalog,
    networks,
    cards,
    pnginfo,
    server,
    archive,
    jobs,
    layers,
    tokens,
    scripts,
    styles,
    replay,
    notification,
)
ROUTERS = tuple(module.router for module in _SUBJECTS)
"""All routes, in the order `/docs` shows them."""
