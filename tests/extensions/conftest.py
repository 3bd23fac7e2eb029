"""One real studio on the tiny checkpoint with the shipped extensions and five strangers, behind a real server."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from modules import boot
from modules.foundation.flags import parse
from modules.foundation.log import StartTimes
from modules.host import start
from modules.host.dispatch import Troubles
from modules.host.scripts import Host
from modules.jobs.worker import Worker
from modules.studio.context import Studio
from modules.web.app import create_app
from tests.api.serving import in_a_thread, served
from tests.tiny import write_checkpoint

SAMPLES = Path(__file__).parent / "samples"


@dataclass
class Scripted:
    """The studio with its extensions, and a client of its API."""

    studio: Studio
    host: Host
    app: FastAPI
    client: httpx.Client

    def post(self, tab: str = "txt2img", **fields: Any) -> httpx.Response:
        body = {"prompt": "a cat", "seed": 5, "steps": 1, "width": 64, "height": 64, "sampler_name": "Euler"}
        return self.client.post(f"/sdapi/v1/{tab}", json={**body, **fields})


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    data = tmp_path_factory.mktemp("scripted")
    write_checkpoint(data / "models" / "Stable-diffusion")
    shutil.copytree(SAMPLES, data / "extensions")
    (data / "wildcards").mkdir()
    (data / "wildcards" / "animal.txt").write_text("# what there is\ncat\ndog\n", encoding="utf-8")
    flags = parse(["--data-dir", str(data)])
    studio = boot.assemble(flags)
    studio.settings.update({"float32": True})
    from modules import processing

    unpatched = processing.process_images_inner
    host = start.find(studio.paths, flags, studio.settings.snapshot, argparse.Namespace(), Troubles())
    in_a_thread(lambda: boot.open_scripts(studio, host)).join()
    boot.prepare(studio, StartTimes(None))
    worker = Worker(studio.jobs)
    worker.start()
    app = create_app(studio, host=host)
    with served(app) as url, httpx.Client(base_url=url, timeout=120) as client:
        yield Scripted(studio, host, app, client)
    assert worker.stop()
    processing.process_images_inner = unpatched
    studio.catalog.close()
    studio.history.close()


@pytest.fixture
def images_of() -> Callable[[httpx.Response], list[Any]]:
    """The pictures of a reply."""
    import base64
    from io import BytesIO

    from PIL import Image

    def decoded(reply: httpx.Response) -> list[Any]:
        assert reply.status_code == 200, reply.text
        return [Image.open(BytesIO(base64.b64decode(data))).convert("RGB") for data in reply.json()["images"]]

    return decoded
