"""Running `p` on the engine and delivering what comes out; pictures that were made already are found again.

Start at `make`. A job that was cut short by the program's end runs its script again from the beginning: every run of
the engine is known by a digest of all that decides its pictures, and those it made are read from disk.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from modules import _anchor
from modules.engine.request import Request
from modules.foundation.errors import Interrupted, NotFound
from modules.prompting import infotext as infotexts
from modules.store.options import PathOptions
from modules.studio import generate
from modules.studio.deliver import Delivery
from modules.studio.result import SavedImage

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules._run import Run
    from modules.foundation.settings import Snapshot
    from modules.processing import StableDiffusionProcessing
    from modules.store.history import ImageRow
    from modules.store.inputs import Inputs

log = logging.getLogger(__name__)


def make(p: StableDiffusionProcessing) -> tuple[list[Image], list[str], int]:
    """The pictures of `p`, grids first, their infotexts, and how many of them are grids."""
    from modules.processing import request_of

    run = _anchor.run_now()
    request, inputs = request_of(p)
    digest = _digest(run, p, request)
    saved = _found(run, p, request, digest)
    if saved is None:
        saved = _made(run, p, request, inputs, digest)
    else:
        run.relay.skipped(request.n_iter)
    for picture in saved:
        run.remember(picture)
    saved = sorted(saved, key=lambda picture: not picture.grid)
    p.made_infotext = next((picture.infotext for picture in saved), "")
    images = [picture.open() for picture in saved]
    return images, [picture.infotext for picture in saved], sum(picture.grid for picture in saved)


def retold(p: StableDiffusionProcessing, prompt: str, negative: str, seed: int, subseed: int, number: int) -> str:
    """An infotext like that of the first picture `p` made, of other prompts and seeds, with what `p` now adds."""
    line = p.made_infotext.rpartition("\n")[2]
    labels = infotexts.parse(p.made_infotext, backcompat=False)
    told = {label: value for label, value in labels.items() if f"{label}: " in line}
    told |= {"Steps": p.steps, "Seed": seed, "Size": f"{p.width}x{p.height}"}
    if "Variation seed" in told:
        told["Variation seed"] = subseed
    from modules._hooks import extra_told

    told |= extra_told(p, number, prompt, negative)
    return infotexts.write(prompt, negative, told)


def _made(run: Run, p: StableDiffusionProcessing, request: Request, inputs: Inputs, digest: str) -> list[SavedImage]:
    from modules._hooks import ScriptHooks
    from modules.engine.generate import generate as images_of

    settings = _with_folders(run.settings, p)
    inner = run.depth > 0
    delivery = Delivery(run.job, run.studio, settings, quiet=run.quiet or inner, digest=digest)
    context = generate.context_of(run.job, run.studio, run.settings, ScriptHooks(p), run.relay)
    context = replace(context, inputs=inputs)
    with run.deeper():
        try:
            for made in images_of(request, context):
                delivery.deliver(made)
        except Interrupted:
            log.info("A run of job %s was interrupted", run.job.id)
    delivery.deliver_grid()
    return delivery.images


def _found(run: Run, p: StableDiffusionProcessing, request: Request, digest: str) -> list[SavedImage] | None:
    """The pictures this run would make, if this job has made them all; with `p.reuse_made` if any job has.

    None too if one is gone.
    """
    if run.job.row is None or not run.quiet:
        return None
    rows = run.studio.history.made_by(digest, None if p.reuse_made else run.job.row)
    if len(rows) != len(p.all_prompts):
        return None
    try:
        return [_reread(row, p, number) for number, row in enumerate(rows)]
    except NotFound:
        return None


def _reread(row: ImageRow, p: StableDiffusionProcessing, number: int) -> SavedImage:
    saved = SavedImage(
        path=row.path,
        image=None,
        infotext=row.infotext,
        seed=row.seed,
        subseed=row.subseed,
        prompt=p.all_prompts[number],
        negative_prompt=p.all_negative_prompts[number],
        width=row.width,
        height=row.height,
    )
    return saved.loaded()


def _digest(run: Run, p: StableDiffusionProcessing, request: Request) -> str:
    told = {label: str(value) for label, value in p.extra_generation_params.items()}
    overrides = {key: value for key, value in request.override_settings.items() if key != "sd_model_checkpoint"}
    request = request.model_copy(update={"override_settings": overrides})
    lists = [p.all_prompts, p.all_negative_prompts, p.all_seeds, p.all_subseeds]
    always_on = p.scripts.always_on_args(p) if p.scripts is not None else []
    asked = {"kind": request.kind, **request.model_dump(mode="json", exclude_defaults=True)}
    return run.digest(asked, lists, told, always_on)


def _with_folders(settings: Snapshot, p: StableDiffusionProcessing) -> Snapshot:
    """The settings with the folders that a script gave `p` in place of the user's."""
    wanted: dict[str, str] = {}
    if p.outpath_samples:
        wanted["outdir_samples"] = str(p.outpath_samples)
    if p.outpath_grids:
        wanted["outdir_grids"] = str(p.outpath_grids)
    known = PathOptions.model_fields
    return settings.overridden({key: value for key, value in wanted.items() if key in known})
