"""The Save button: copies of pictures in a folder of their own, a log of them, and a name for their zip.

Start with `kept`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from modules.engine.request import Request
from modules.foundation import atomic
from modules.foundation.errors import UserError
from modules.prompting import infotext
from modules.store import confine
from modules.store.naming import NameFacts
from modules.store.options import PathOptions, SavingOptions
from modules.studio.deliver import denoising_of, sampling_of

if TYPE_CHECKING:
    from modules.jobs.job import Job
    from modules.studio.context import Studio
    from modules.studio.result import SavedImage

N = TypeVar("N", int, float)

LOG: Final = "log.csv"
COLUMNS: Final = (
    "prompt", "seed", "width", "height", "sampler", "cfgs", "steps", "filename", "negative_prompt", "sd_model_name",
    "sd_model_hash",
)  # fmt: skip


def kept(studio: Studio, job: Job, number: int) -> list[Path]:
    """Copy picture `number` of a job, or all of them, into the folder of the Save button; where they lie now.

    All if the settings want that or `number` is the grid. Raises UserError if one cannot be written, NotFound if one
    is not there any more.
    """
    settings = studio.settings.snapshot
    alone = settings[SavingOptions].save_selected_only and not job.images[number].grid
    chosen = [number] if alone else range(len(job.images))
    paths: list[Path] = []
    for index in chosen:
        saved = job.images[index]
        data, suffix = saved.encoded(settings)
        facts = facts_of(studio, job, index)
        paths.append(studio.outputs.keep(data, suffix, saved.infotext, facts, settings, saved.grid))
    if settings[SavingOptions].save_write_log_csv:
        folder = confine.output_folder(studio.paths.data, settings[PathOptions].outdir_save)
        _write_down(folder / LOG, _row(job.images[chosen[0]], paths[0].name))
    return paths


def archive_name(studio: Studio, job: Job) -> str:
    """What a zip of all pictures of a job is called."""
    first = next((index for index, saved in enumerate(job.images) if not saved.grid), 0)
    return studio.outputs.archive_name(facts_of(studio, job, first), studio.settings.snapshot)


def facts_of(studio: Studio, job: Job, index: int) -> NameFacts:
    """What a pattern can name of picture `index` of a job, as far as it is known when the job is over."""
    saved, request = job.images[index], job.request
    samples = [image for image in job.images if not image.grid]
    labels = _labels(saved)
    assert isinstance(request, Request)
    sampler, scheduler = sampling_of(request)
    known = studio.styles.known()
    size = request.batch_size
    place = samples.index(saved) if saved in samples else 0
    return NameFacts(
        seed=saved.seed,
        prompt=saved.prompt,
        negative_prompt=saved.negative_prompt,
        width=saved.width,
        height=saved.height,
        steps=_number(int, labels.get("Steps")),
        cfg_scale=_number(float, labels.get("CFG scale")),
        sampler_name=sampler,
        scheduler=scheduler,
        denoising_strength=denoising_of(request),
        styles=tuple((name, (known[name].prompt or "") if name in known else "") for name in request.styles),
        vae_name=labels.get("VAE"),
        model_name=labels.get("Model"),
        model_hash=lambda: labels.get("Model hash"),
        clip_skip=_number(int, labels["Clip skip"]),
        seeds=tuple(image.seed for image in samples),
        batch_number=place % size,
        batch_size=size,
        generation_number=place,
        count=len(samples),
        user=job.owner,
        job_at=datetime.fromtimestamp(job.started_at or job.queued_at),
        pixels=lambda: saved.open().tobytes(),
    )


def _labels(saved: SavedImage) -> dict[str, Any]:
    return infotext.parse(saved.infotext, backcompat=False)


def _number(kind: type[N], text: Any) -> N | None:
    try:
        return kind(text)
    except (TypeError, ValueError):
        return None


def _row(saved: SavedImage, name: str) -> Mapping[str, object]:
    labels = _labels(saved)
    values = (
        saved.prompt, saved.seed, labels.get("Size-1", saved.width), labels.get("Size-2", saved.height),
        labels.get("Sampler", ""), labels.get("CFG scale", ""), labels.get("Steps", ""), name, saved.negative_prompt,
        labels.get("Model", ""), labels.get("Model hash", ""),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _write_down(path: Path, row: Mapping[str, object]) -> None:
    """Append to the log; one of an older version, which had fewer columns, gets the others.

    Raises UserError if it is no such log, or cannot be written.
    """
    try:
        text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
        columns = [*(reader.fieldnames or ()), *(name for name in COLUMNS if name not in (reader.fieldnames or ()))]
        rows = list(reader)
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows([*rows, row])
        atomic.write(path, out.getvalue())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"The picture is saved, but {path} cannot be written ({error}); mend it or move it away."
        ) from None
