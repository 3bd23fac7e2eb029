"""Runs a generation as A1111 does: a draft `p` of the request, the selected script if there is one, else `p` itself."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from modules import _pictures, processing, scripts
from modules._anchor import anchor, running
from modules._run import Run
from modules.engine.request import Img2Img, Request
from modules.foundation.errors import Interrupted
from modules.studio import generate
from modules.studio.result import Result, SavedImage

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.context import Studio

log = logging.getLogger(__name__)


def run(job: Job, studio: Studio) -> Result:
    """Everything that came of the job; of one that was interrupted what there was.

    Raises UserError for what cannot be done, after announcing what was made until then.
    """
    request = job.request
    assert isinstance(request, Request)
    tab = "img2img" if isinstance(request, Img2Img) else "txt2img"
    runner = scripts.scripts_img2img if tab == "img2img" else scripts.scripts_txt2img
    if not runner.scripts and request.script_name is None:
        return generate.run(job, studio)
    started = time.monotonic()
    now = Run(job, studio, quiet=request.script_name is not None)
    token = running.set(now)
    try:
        generate.prepare(job, studio, studio.settings.snapshot.overridden(request.override_settings))
        p = draft(request, job, studio)
        p.scripts, p.script_args = runner, arguments(runner, request, tab)
        shown = _shown(now, p, runner)
    except Exception:
        _announce(job, now.delivered if now.quiet else [])
        raise
    finally:
        running.reset(token)
    job.show(None)
    _announce(job, shown)
    drawn = {name: getattr(p, name) for name in ("seed", "subseed") if isinstance(getattr(p, name), int)}
    made = request.model_copy(update=drawn)
    return Result(made, tuple(shown), job.comments, time.monotonic() - started, job.started_at)


def draft(request: Request, job: Job, studio: Studio) -> Any:
    """`p` with the fields of a request."""
    values = {name: getattr(request, name) for name in type(request).model_fields}
    for name in ("kind", "script_name", "script_args", "alwayson_scripts"):
        values.pop(name, None)
    values["override_settings"] = dict(request.override_settings)
    kind = processing.StableDiffusionProcessingTxt2Img
    if isinstance(request, Img2Img):
        kind = processing.StableDiffusionProcessingImg2Img
        values["init_images"] = [
            _pictures.opened(name, studio.inputs, f"Picture {number} to start from")
            for number, name in enumerate(request.init_images, 1)
        ]
        values["image_mask"] = _pictures.opened(values.pop("mask"), studio.inputs, "The mask")
        values["latent_mask"] = _pictures.opened(values["latent_mask"], studio.inputs, "The latent mask")
    p = kind(**values)
    p.user = job.owner
    return p


def arguments(runner: scripts.ScriptRunner, request: Request, tab: Any) -> tuple[Any, ...]:
    """A1111's flat list: the number of the selected script, then every script's arguments in order."""
    host = anchor.host
    flat: list[Any] = [0]
    facts = {each.name: each for each in host.facts(tab)}
    given = {name.lower(): told.get("args", []) for name, told in request.alwayson_scripts.items()}
    wanted = (request.script_name or "").lower()
    if wanted:
        host.find(tab, wanted)  # says what is wrong with a name that is not known (any more)
        given[wanted] = list(request.script_args)
        flat[0] = 1 + [script.title().lower() for script in runner.selectable_scripts].index(wanted)
    for script in runner.scripts:
        values = facts[script.title().lower()].call(given.get(script.title().lower(), ()))
        script.args_from, script.args_to = len(flat), len(flat) + len(values)
        flat += values
    return tuple(flat)


def _shown(now: Run, p: Any, runner: scripts.ScriptRunner) -> list[SavedImage]:
    """The pictures of the result, in order; of a script that was interrupted all it had made."""
    try:
        processed = runner.run(p, *p.script_args)
        if processed is None:
            processed = processing.process_images(p)
    except Interrupted:
        log.info("Job %s was interrupted", now.job.id)
        return now.delivered
    return [_as_saved(now, processed, index) for index in range(len(processed.images))]


def _as_saved(now: Run, processed: processing.Processed, index: int) -> SavedImage:
    """Picture `index` of a script's result: what was delivered as it, or a new one that is on no disk."""
    image = processed.images[index]
    infotext = processed.infotexts[index] if index < len(processed.infotexts) else processed.info
    found = now.saved(image)
    if found is not None:
        return found
    number = max(index - processed.index_of_first_image, 0)
    return SavedImage(
        path=None,
        image=image,
        infotext=infotext,
        seed=_nth(processed.all_seeds, number),
        subseed=_nth(processed.all_subseeds, number),
        prompt=_nth(processed.all_prompts, number),
        negative_prompt=_nth(processed.all_negative_prompts, number),
        width=image.width,
        height=image.height,
        grid=index < processed.index_of_first_image,
    )


def _announce(job: Job, shown: list[SavedImage]) -> None:
    already = {id(picture) for picture in job.images}
    for picture in shown:
        if id(picture) not in already:
            job.announce("image", picture)


def _nth(values: list[Any], number: int) -> Any:
    return values[min(number, len(values) - 1)]
