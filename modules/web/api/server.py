"""The machine and the program: memory, flags, the model in memory, whether the page is there."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from modules.studio import checkpoints
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.api.schemas import MemoryReply

router = APIRouter(tags=["server"])

SECRET = frozenset({"gradio_auth", "api_auth", "ngrok"})
"""Flags that hold passwords; A1111 shows them to every caller."""


@router.get("/sdapi/v1/memory")
def memory() -> MemoryReply:
    """Memory in bytes: of this process and machine, and of the CUDA device if there is one."""
    process = psutil.Process()
    used = process.memory_info().rss
    total = psutil.virtual_memory().total
    return MemoryReply(ram={"free": total - used, "used": used, "total": total}, cuda=_cuda())


@router.get("/sdapi/v1/cmd-flags")
def flags(studio: CurrentStudio) -> dict[str, Any]:
    """Launch flags by name, passwords hidden."""
    return {
        name: "<hidden>" if value and name in SECRET else _plain(value) for name, value in asdict(studio.flags).items()
    }


@router.post("/sdapi/v1/unload-checkpoint", response_model=None)
async def unload_checkpoint(studio: CurrentStudio, user: CurrentUser) -> Response:
    """Free the model's memory, after the jobs already waiting. The next job loads it again."""
    await studio.jobs.submit(checkpoints.KIND, checkpoints.Task(do="unload"), owner=user).result()
    return JSONResponse({})


@router.post("/sdapi/v1/reload-checkpoint", response_model=None)
async def reload_checkpoint(studio: CurrentStudio, user: CurrentUser) -> Response:
    """Load the model, or load it again from its file, after the jobs already waiting."""
    await studio.jobs.submit(checkpoints.KIND, checkpoints.Task(do="reload"), owner=user).result()
    return JSONResponse({})


@router.get("/atelier/v1/ready")
def ready(request: Request, studio: CurrentStudio) -> dict[str, bool]:
    """Whether the page is there, and whether jobs can run yet; those sent before wait."""
    return {"page": request.app.state.front.opened, "engine": studio.ready.is_set()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _cuda() -> dict[str, Any]:
    torch = sys.modules.get("torch")  # asked for its numbers, never a reason to load it
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_available():
        return {"error": "unavailable"}
    free, total = torch.cuda.mem_get_info()
    stats = torch.cuda.memory_stats()

    def pair(name: str) -> dict[str, int]:
        return {
            "current": stats.get(f"{name}.all.current", 0),
            "peak": stats.get(f"{name}.all.peak", 0),
        }

    return {
        "system": {"free": free, "used": total - free, "total": total},
        "active": pair("active_bytes"),
        "allocated": pair("allocated_bytes"),
        "reserved": pair("reserved_bytes"),
        "inactive": pair("inactive_split_bytes"),
        "events": {"retries": stats.get("num_alloc_retries", 0), "oom": stats.get("num_ooms", 0)},
    }
