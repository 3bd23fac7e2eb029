"""The HTTP API, one file a subject. `generation` is where a reader should start.

`/sdapi/v1` is A1111's, field for field; `/internal` and `/atelier/v1` are what the page itself uses.
"""

from __future__ import annotations

from modules.web.api import (
    archive,
    catalog,
    extras,
    generation,
    jobs,
    pnginfo,
    progress,
    scripts,
    server,
    settings,
    styles,
    tokens,
)

_SUBJECTS = (generation, extras, progress, settings, catalog, pnginfo, server, archive, jobs, tokens, scripts, styles)
ROUTERS = tuple(module.router for module in _SUBJECTS)
"""All routes, in the order `/docs` shows them."""
