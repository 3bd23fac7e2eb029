"""What every route may ask for: the studio, its extensions, and who is asking."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from modules.host.scripts import Host
from modules.studio.context import Studio


def _studio(request: Request) -> Studio:
    return request.app.state.studio


def _user(request: Request) -> str | None:
    return request.state.user


def _host(request: Request) -> Host:
    return request.app.state.host


CurrentStudio = Annotated[Studio, Depends(_studio)]
CurrentHost = Annotated[Host, Depends(_host)]
CurrentUser = Annotated[str | None, Depends(_user)]
"""None where nobody has to log in."""
