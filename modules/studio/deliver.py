"""Delivery: each image of a run is saved, written down and announced as soon as it exists.

A picture that cannot be saved stays in the result, and the job says why.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modules.engine.plan import Beside, Made, plans
from modules.foundation import atomic
from modules.foundation.errors import NotFound, UserError
from modules.foundation.settings import Snapshot
from modules.prompting.options import PromptOptions
from modules.sampling.catalog import AUTOMATIC, resolve
from modules.store.naming import NameFacts
from modules.store.options import SavingOptions
from modules.studio.options import ResultOptions
from modules.studio.result import SavedImage
from modules.vision import grids

if TYPE_CHECKING:
    from PIL import Image

    from modules.engine.request import Request
    from modules.jobs.job import Job
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

NOT_SAVED = "Not saved: "
"""How the comment on a picture begins whose file could not be written."""
LAST_PARAMETERS = "params.txt"
"""In the data folder: the infotext of the last generation, for the paste button of an empty prompt."""


class Delivery:
    """The images of one job. `settings` are the run's, its overrides included.

    `quiet` saves and remembers without announcing: of a script's pictures the script says what is shown.
    `digest` is kept with each picture, see `History.add_image`.
    """

    def __init__(
        self, job: Job, studio: Studio, settings: Snapshot, *, quiet: bool = False, digest: str | None = None
    ) -> None:
        self._quiet = quiet
        self._digest = digest
        self._job = job
        self._studio = studio
        self.settings = settings
        self._made: list[Made] = []
        self._shown: list[Image.Image] = []
        self._seeds: tuple[int, ...] = ()
        self.images: list[SavedImage] = []

    def deliver(self, made: Made) -> None:
        """Take one image of the engine."""
        if not self._made:
            remember(self._studio, made.infotext)
            self._seeds = tuple(seed for plan in plans(made.plan.request) for seed in plan.seeds)
        self._made.append(made)
        wanted = self.settings[SavingOptions].samples_save and not made.plan.request.do_not_save_samples
        path = self._saved(made, made.image, grid=False) if wanted and self._keeps_incomplete() else None
        self._announce(made, made.image, path, grid=False)
        self._shown.append(made.image)
        for one in made.beside:
            self._deliver_beside(made, one, saves=wanted and self._keeps_incomplete())

    def _deliver_beside(self, made: Made, one: Beside, *, saves: bool) -> None:
        if one.name:
            self._save_source(one)
            return
        path = self._written(made, one.image, grid=False, suffix=one.suffix) if one.saved and saves else None
        if one.shown:
            self._announce(made, one.image, path, grid=False, beside=True)
            self._shown.append(one.image)

    def _save_source(self, one: Beside) -> None:
        try:
            self._studio.outputs.save_source(one.image, one.name, self.settings)
        except UserError as error:
            self._job.comment(f"{NOT_SAVED}{error}")

    def deliver_grid(self) -> None:
        """The grid of all images, if the settings want one shown or saved."""
        saving = self.settings[SavingOptions]
        shown = self.settings[ResultOptions].return_grid
        count = len(self._made)
        if count == 0 or (count == 1 and saving.grid_only_if_multiple) or not (shown or saving.grid_save):
            return
        first = self._made[0]
        if first.plan.request.do_not_save_grid:
            return
        try:
            sheet = self._grid(self._shown, first.plan.request.batch_size)
        except (UserError, ValueError) as error:  # ValueError: a colour nobody can read
            self._job.comment(f"No grid was made: {error}")
            return
        path = self._saved(first, sheet, grid=True) if saving.grid_save else None
        if shown:
            self._announce(first, sheet, path, grid=True)

    def _grid(self, images: list[Image.Image], batch_size: int) -> Image.Image:
        saving = self.settings[SavingOptions]
        rows = grids.row_count(
            len(images), wanted=saving.n_rows, batch_size=batch_size, prevent_empty=saving.grid_prevent_empty_spots
        )
        return grids.grid(images, rows, saving.grid_background_color)

    def _keeps_incomplete(self) -> bool:
        cancel = self._job.cancel
        return self.settings[SavingOptions].save_incomplete_images or not (cancel.interrupted or cancel.skipped)

    def _written(self, made: Made, image: Image.Image, *, grid: bool, suffix: str = "") -> Path | None:
        """The file of a picture; None, and a word about it, if it cannot be saved."""
        try:
            return self._studio.outputs.save(
                image,
                made.infotext,
                self._facts(made, image),
                self.settings,
                grid=grid,
                kind=kind_of(made.plan.request),
                suffix=suffix,
            )
        except UserError as error:
            log.warning("%s", error)
            self._job.comment(f"{NOT_SAVED}{error}")
            return None

    def _saved(self, made: Made, image: Image.Image, *, grid: bool) -> Path | None:
        """As `_written`, and remembered in the history."""
        path = self._written(made, image, grid=grid)
        if path is None:
            return None
        plan = made.plan
        self._studio.history.add_image(
            self._job.row,
            path,
            made.infotext,
            plan.seeds[made.index],
            plan.subseeds[made.index],
            image.size,
            grid,
            self._digest,
        )
        return path

    def _announce(self, made: Made, image: Image.Image, path: Path | None, *, grid: bool, beside: bool = False) -> None:
        plan, index = made.plan, made.index
        saved = SavedImage(
            path=path,
            image=image,
            infotext=made.infotext,
            seed=plan.seeds[index],
            subseed=plan.subseeds[index],
            prompt=plan.prompts[index],
            negative_prompt=plan.negative_prompts[index],
            width=image.width,
            height=image.height,
            grid=grid,
            beside=beside,
            disposable=plan.request.do_not_save_grid if grid else plan.request.do_not_save_samples,
        )
        self.images.append(saved)
        if not self._quiet:
            self._job.announce("image", saved)

    def _facts(self, made: Made, image: Image.Image) -> NameFacts:
        plan, request, model = made.plan, made.plan.request, self._studio.models.current
        sampler, scheduler = sampling_of(request)
        return NameFacts(
            seed=plan.seeds[made.index],
            prompt=plan.prompts[made.index],
            negative_prompt=plan.negative_prompts[made.index],
            width=image.width,
            height=image.height,
            steps=request.steps,
            cfg_scale=request.cfg_scale,
            sampler_name=sampler,
            scheduler=scheduler,
            denoising_strength=denoising_of(request),
            styles=self._styles(),
            vae_name=model.vae_ref.path.name if model and model.vae_ref else None,
            model_name=model.ref.path.stem if model else None,
            model_hash=lambda: model.ref.hash if model else None,
            clip_skip=self.settings[PromptOptions].CLIP_stop_at_last_layers,
            seeds=self._seeds,
            batch_number=made.index,
            batch_size=request.batch_size,
            generation_number=plan.batch_index * request.batch_size + made.index,
            count=request.n_iter * request.batch_size,
            user=self._job.owner,
            job_at=datetime.fromtimestamp(self._job.started_at),
            pixels=image.tobytes,
        )

    def _styles(self) -> tuple[tuple[str, str], ...]:
        """Names and texts of the styles that the job asked for."""
        known = self._studio.styles.known()
        names = getattr(self._job.request, "styles", ())
        return tuple((name, (known[name].prompt or "") if name in known else "") for name in names)


def sampling_of(request: Request) -> tuple[str | None, str | None]:
    """A request's sampler and schedule as file names call them, Automatic as the sampler's own."""
    try:
        sampler, schedule = resolve(request.sampler_name, request.scheduler)
    except NotFound:
        return request.sampler_name or None, request.scheduler or None
    automatic = sampler.options.get("scheduler", schedule.label)
    return sampler.name, automatic if schedule is AUTOMATIC else schedule.label


def kind_of(request: Request) -> str:
    """What made a picture: "txt2img" or "img2img"."""
    return str(getattr(request, "kind", "txt2img"))


def denoising_of(request: Request) -> float | None:
    """How much of an earlier picture was repainted; None where there was none."""
    repaints = getattr(request, "enable_hr", False) or kind_of(request) != "txt2img"
    return getattr(request, "denoising_strength", None) if repaints else None


def remember(studio: Studio, infotext: str) -> None:
    """Keep an infotext as the last generation's. A folder that cannot be written is no reason to stop."""
    if studio.flags.no_prompt_history:
        return
    try:
        atomic.write(studio.paths.data / LAST_PARAMETERS, infotext)
    except OSError as error:
        log.warning("%s cannot be written: %s", LAST_PARAMETERS, error)


def last_infotext(studio: Studio) -> str:
    """The infotext of the last generation, "" if none is remembered."""
    try:
        return (studio.paths.data / LAST_PARAMETERS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
