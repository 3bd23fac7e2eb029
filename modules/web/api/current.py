"""What every route may ask for: the studio, and who is asking."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from modules.studio.context import Studio


def _studio(request: Request) -> Studio:
    return request.app.state.studio


def _user(request: Request) -> str | None:
    return request.state.user


CurrentStudio = Annotated[Studio, Depends(_studio)]
CurrentUser = Annotated[str | None, Depends(_user)]
"""None where nobody has to log in."""
