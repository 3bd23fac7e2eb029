"""Flags -> Studio -> web app: every object is built and wired here, once. Start with `main`.

The server listens first. Gradio, then torch and the model libraries, are imported on a background
thread behind it; jobs are taken meanwhile and run when the libraries are there.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from modules.engine.options import (
    Img2ImgOptions,
    MergingOptions,
    ModelOptions,
    PassCompatibility,
    PassOptions,
    VaeOptions,
)
from modules.engine.residency import Residency
from modules.foundation import log as logs
from modules.foundation.errors import UserError
from modules.foundation.flags import Flags, all_words, parse, remarks
from modules.foundation.options import Options
from modules.foundation.paths import PROGRAM, Paths
from modules.foundation.preflight import free_port
from modules.foundation.settings import Settings
from modules.host import install, start
from modules.host.dispatch import Troubles
from modules.host.options import ExtensionOptions
from modules.jobs.queue import Queue
from modules.jobs.worker import Worker
from modules.networks.embedding import Embeddings
from modules.networks.options import NetworkOptions
from modules.prompting.options import CounterOptions, InfotextOptions, PromptOptions, TextCompatibility
from modules.sampling.options import GuidanceOptions, NoiseOptions, SamplerOptions, ScheduleCompatibility
from modules.store.catalog import Catalog
from modules.store.database import Database
from modules.store.hash_cache import HashCache
from modules.store.history import History
from modules.store.model_files import FACES, UPSCALERS
from modules.store.naming import Sanitizing
from modules.store.options import EmbeddedTextOptions, FolderOptions, PathOptions, SavingOptions
from modules.store.outputs import Outputs
from modules.store.styles import Styles
from modules.studio import batch, cards, checkpoints, describing, extras, generate, inputs, replay
from modules.studio.context import Studio
from modules.studio.options import BatchOptions, PostprocessingOptions, PreviewOptions, ResultOptions
from modules.studio.preview import Previews
from modules.vision.describe import CLIP as CLIP_FOLDER
from modules.vision.describe import LISTS as LISTS_FOLDER
from modules.vision.describe import Describer
from modules.vision.faces import FaceRestorers
from modules.vision.options import FaceOptions, InterrogateOptions, UpscalingOptions
from modules.vision.upscale import UpscalerFile, Upscalers
from modules.web import share
from modules.web.app import create_app
from modules.web.options import (
    Alternatives,
    CanvasHotkeys,
    CanvasLooks,
    CardLooks,
    GalleryLooks,
    Notifications,
    ProgressLooks,
    PromptEditing,
    UserInterface,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    from modules.engine.device import Compute
    from modules.engine.loader import Loader
    from modules.host.scripts import Host
    from modules.vision.upscaler_network import Device

log = logging.getLogger(__name__)

SETTINGS: tuple[type[Options], ...] = (
    ModelOptions,
    VaeOptions,
    Img2ImgOptions,
    MergingOptions,
    PassOptions,
    PassCompatibility,
    NetworkOptions,
    CardLooks,
    NoiseOptions,
    SamplerOptions,
    GuidanceOptions,
    ScheduleCompatibility,
    PromptOptions,
    CounterOptions,
    InfotextOptions,
    TextCompatibility,
    SavingOptions,
    PathOptions,
    FolderOptions,
    EmbeddedTextOptions,
    PreviewOptions,
    ResultOptions,
    BatchOptions,
    UpscalingOptions,
    FaceOptions,
    PostprocessingOptions,
    InterrogateOptions,
    UserInterface,
    PromptEditing,
    CanvasLooks,
    CanvasHotkeys,
    GalleryLooks,
    Notifications,
    Alternatives,
    ProgressLooks,
    ExtensionOptions,
)
"""Every group of settings there is."""


OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
"""What keeps libraries from contacting anybody. They read it once, when they are imported."""
SPIN = "1000"
"""How often a thread of torch's asks for work before it sleeps. With libgomp's default of 300,000 two threads wait for
each other at every layer once anything else runs. Measured once, on two cores at 256x256: beside two busy programs
4.2 s a picture by default and 2.9 s so; on an idle machine 1.13 s and 1.22 s. Greater values did no better there."""


FOREIGN = PROGRAM / "modules" / "a1111-facade" / "_foreign"
"""Where the names lie that A1111 has outside of `modules`."""


def main(arguments: list[str], began: float | None = None) -> int:
    """Run the studio until it is stopped. Returns the exit status."""
    os.environ.update(OFFLINE)
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN)
    try:
        troubles = Troubles()
        own_flags, words = start.early(all_words(arguments), troubles)
        flags = parse(words, {})
        logs.set_up(flags)
        times = logs.StartTimes(began, each=flags.log_startup)
        with times.part("settings and catalogue"):
            studio = assemble(flags)
        with times.part("extensions"):
            extensions = start.find(studio.paths, flags, studio.settings.snapshot, own_flags, troubles)
            if not flags.skip_install:
                install.run_installers(extensions.extensions, studio.paths.root, FOREIGN, troubles)
        with times.part("server"):
            app = create_app(studio, host=extensions)
        host, port = address(flags)
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before there may be a log
        return 2
    for notice in (*remarks(flags), *studio.notices):
        log.warning("%s", notice)
    resumed = studio.jobs.recover()
    if resumed:
        log.info("%d jobs of the last session go on.", resumed)
    # uvicorn stops at this signal and then raises it again, which without a handler ends the process here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    worker = Worker(studio.jobs)
    for name, work in (
        ("start", partial(_behind_the_page, app, studio, worker, times)),
        ("share", partial(_share, app, flags, port)),
    ):
        threading.Thread(target=work, name=name, daemon=True).start()
    try:
        serve(app, flags, host, port)
    finally:
        worker.stop()
        studio.catalog.close()
        studio.history.close()
    return 0


def assemble(flags: Flags) -> Studio:
    """The studio's objects, wired. Loads no heavy library; `prepare` does."""
    paths = Paths.of(flags)
    settings = Settings(SETTINGS, paths.config)
    database = Database(paths.database)
    history = History(database, paths.data)
    catalog = Catalog(paths, HashCache(database))
    compute = cache(partial(_compute, flags))
    embeddings = Embeddings(catalog.embeddings)
    studio = Studio(
        paths=paths,
        flags=flags,
        settings=settings,
        catalog=catalog,
        models=Residency(catalog, partial(_loader, compute)),
        jobs=Queue(history),
        outputs=Outputs(paths.data, Sanitizing(flags.filenames_max_length, flags.unix_filenames_sanitization)),
        history=history,
        previews=Previews(),
        styles=Styles(flags.styles_file or (paths.data / "styles.csv",)),
        embeddings=embeddings,
        cards=cards.build(catalog, embeddings),
        upscalers=Upscalers(partial(_upscaler_files, catalog), partial(_network_device, flags, compute)),
        faces=FaceRestorers(partial(_face_files, catalog), paths.folder, partial(_network_device, flags, compute)),
        describer=Describer(partial(_describer_folder, flags, paths), partial(_network_device, flags, compute)),
    )
    if flags.ckpt:
        checkpoints.start_with(studio, flags.ckpt)
    generate.register(studio, ready=False)
    batch.register(studio, ready=False)
    extras.register(studio, ready=False)
    describing.register(studio, ready=False)
    replay.register(studio, ready=False)
    studio.jobs.register(checkpoints.KIND, checkpoints.Task)
    return studio


def open_scripts(studio: Studio, host: Host) -> None:
    """Tie A1111's names to the studio and load the extensions' scripts. Imports Gradio and not torch."""
    from modules._anchor import anchor  # pyright: ignore[reportMissingImports] - found at run time, see modules/__init__
    from modules._source import Source  # pyright: ignore[reportMissingImports]

    anchor.tie(studio, host)
    host.open(Source())


def prepare(studio: Studio, times: logs.StartTimes) -> None:
    """Import torch and the model libraries, and tell the queue how its jobs are run.

    Once scripts were opened, generations run through them.
    """
    with times.part("import torch"):
        from modules.foundation import torchvision_ops

        torchvision_ops.declare()
    with times.part("import diffusers and transformers"):
        import modules.engine.generate
        import modules.engine.loader  # noqa: F401
    from modules import _runner  # pyright: ignore[reportAttributeAccessIssue]

    generate.register(studio, ready=True, runner=_runner.run)
    batch.register(studio, ready=True, runner=_runner.run)
    extras.register(studio, ready=True)
    describing.register(studio, ready=True)
    replay.register(studio, ready=True)
    studio.jobs.register(checkpoints.KIND, checkpoints.Task, partial(checkpoints.run, studio=studio))
    studio.ready.set()


def _compute(flags: Flags) -> Compute:
    from modules.engine.device import choose

    return choose(
        no_half=flags.no_half,
        no_half_vae=flags.no_half_vae,
        precision=flags.precision,
        use_cpu=flags.use_cpu,
        device_id=flags.device_id,
    )


def _loader(compute: Callable[[], Compute]) -> Loader:
    from modules.engine.loader import Loader

    return Loader(compute())


def _network_device(flags: Flags, compute: Callable[[], Compute], part: str) -> Device:
    """Where an upscaler, a face restorer or a captioner runs; `--use-cpu` may name its kind ("esrgan")."""
    from modules.vision.upscaler_network import CPU, Device

    if {"all", part.lower()} & set(flags.use_cpu):
        return CPU
    chosen = compute()
    # On a CPU 16 bits would show as bands in smooth skies.
    return Device(chosen.device, half=chosen.device.type != "cpu" and chosen.dtype.itemsize == 2)


def _upscaler_files(catalog: Catalog) -> list[UpscalerFile]:
    return [UpscalerFile(kind.folder, file.path) for kind in UPSCALERS for file in catalog.files(kind)]


def _face_files(catalog: Catalog, folder: str) -> list[Path]:
    return [file.path for kind in FACES if kind.folder == folder for file in catalog.files(kind)]


def _describer_folder(flags: Flags, paths: Paths, name: str) -> Path:
    """A folder of models that describe pictures; the lists of phrases lie beside the models, as in A1111."""
    if name == CLIP_FOLDER and flags.clip_models_path:
        return flags.clip_models_path
    return paths.data / name if name == LISTS_FOLDER else paths.folder(name)


def _behind_the_page(app: FastAPI, studio: Studio, worker: Worker, times: logs.StartTimes) -> None:
    if not studio.flags.nowebui:
        with times.part("import gradio"):
            from modules.web import widgets  # noqa: F401 - the first to import it
    with times.part("scripts"):
        open_scripts(studio, app.state.host)
    if not studio.flags.nowebui:
        with times.part("build the page"):
            from modules.web import page

            page.mount(app, studio)
        times.reached("The page is open")
    prepare(studio, times)
    if not studio.flags.skip_load_model_at_start and checkpoints.chosen(studio):
        studio.jobs.submit(checkpoints.KIND, checkpoints.Task(do="reload"))
    worker.start()
    times.reached("The studio is ready")
    inputs.clean(studio)


def _share(app: FastAPI, flags: Flags, port: int) -> None:
    if not flags.share:
        return
    try:
        url = share.open_tunnel(app.state.gate, port)
    except UserError as error:
        log.error("%s", error)
    else:
        log.info("Anywhere: %s", _way_in(app, url))


def _way_in(app: FastAPI, url: str) -> str:
    """The address to open: with a one-time token where a login is needed and no account was given."""
    gate = app.state.gate
    return gate.link(url) if gate.needs_link else url


def address(flags: Flags) -> tuple[str, int]:
    """Where to listen; the next free port, with a word about it, where the wanted one is taken.

    Raises UserError if there is none.
    """
    host = flags.server_name or ("0.0.0.0" if flags.listen else "127.0.0.1")
    wanted = flags.port or (7861 if flags.nowebui else 7860)
    port = free_port(host, wanted)
    if port != wanted:
        log.warning("Port %d is taken, so the studio listens at %d.", wanted, port)
    return host, port


def serve(app: FastAPI, flags: Flags, host: str, port: int) -> None:
    """Answer requests until the process is told to stop."""
    import uvicorn

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        timeout_keep_alive=flags.timeout_keep_alive,
        timeout_graceful_shutdown=3,
        ssl_keyfile=flags.tls_keyfile,
        ssl_certfile=flags.tls_certfile,
    )
    scheme = "https" if flags.tls_certfile else "http"
    everywhere = host in ("0.0.0.0", "::")
    shown = "localhost" if everywhere or host in ("127.0.0.1", "::1") else host
    url = _way_in(app, f"{scheme}://{shown}:{port}")
    log.info("Atelier: %s", url)
    if everywhere and (neighbour := _own_address()):
        log.info("From other machines: %s", _way_in(app, f"{scheme}://{neighbour}:{port}"))
    if flags.autolaunch:
        webbrowser.open(url)
    uvicorn.Server(config).run()


def _own_address() -> str | None:
    """This machine's address in its network, None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only asks which way packets would take.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
