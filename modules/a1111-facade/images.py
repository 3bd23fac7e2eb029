"""Pictures under A1111's names: saving them, grids and their legends, tiles, resizing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PIL import Image

from modules._anchor import anchor, run_now, running
from modules.store.naming import NameFacts
from modules.store.options import SavingOptions
from modules.studio.result import SavedImage
from modules.vision import grids, legends
from modules.vision.tiles import Tiles

if TYPE_CHECKING:
    from modules.processing import StableDiffusionProcessing

LANCZOS = Image.Resampling.LANCZOS


class GridAnnotation:
    """One line of a legend."""

    def __init__(self, text: str = "", is_active: bool = True) -> None:
        self.text = text
        self.is_active = is_active


@dataclass
class Grid:
    """A picture in tiles: rows of (top, height, [[left, width, picture], ...]). Put other pictures in to join them."""

    tiles: list[list[Any]]
    tile_w: int
    tile_h: int
    image_w: int
    image_h: int
    overlap: int

    @property
    def tile_count(self) -> int:
        return sum(len(row[2]) for row in self.tiles)


def image_grid(imgs: Sequence[Image.Image], batch_size: int = 1, rows: int | None = None) -> Image.Image:
    """Pictures in rows and columns; how many rows the settings say, unless it is given."""
    saving = _saving()
    if rows is None:
        rows = grids.row_count(
            len(imgs), wanted=saving.n_rows, batch_size=batch_size, prevent_empty=saving.grid_prevent_empty_spots
        )
    return grids.grid(imgs, int(rows), saving.grid_background_color)


def draw_grid_annotations(
    im: Image.Image,
    width: int,
    height: int,
    hor_texts: Sequence[Sequence[GridAnnotation]],
    ver_texts: Sequence[Sequence[GridAnnotation]],
    margin: int = 0,
) -> Image.Image:
    """A grid of cells of this size with a legend over its columns and beside its rows."""
    over, beside = (
        [[legends.Line(a.text, a.is_active) for a in texts] for texts in both] for both in (hor_texts, ver_texts)
    )
    saving = _saving()
    style = legends.Style(
        saving.font, saving.grid_text_active_color, saving.grid_text_inactive_color, saving.grid_background_color
    )
    return legends.annotated(im, (width, height), over, beside, margin, style)


def draw_prompt_matrix(
    im: Image.Image, width: int, height: int, all_prompts: Sequence[str], margin: int = 0
) -> Image.Image:
    """The legend of a prompt matrix: its first half of options over the columns, the others beside the rows."""
    options = list(all_prompts[1:])
    boundary = (len(options) + 1) // 2

    def told(part: Sequence[str]) -> list[list[GridAnnotation]]:
        return [
            [GridAnnotation(text, bool(number & (1 << n))) for n, text in enumerate(part)]
            for number in range(1 << len(part))
        ]

    return draw_grid_annotations(im, width, height, told(options[:boundary]), told(options[boundary:]), margin)


def split_grid(image: Image.Image, tile_w: int = 512, tile_h: int = 512, overlap: int = 64) -> Grid:
    """A picture in overlapping tiles."""
    tiles = Tiles.over(image.width, image.height, tile_w, tile_h, overlap)
    cut = iter(tiles.cut(image))
    rows = [[top, tile_h, [[left, tile_w, next(cut)] for left in tiles.lefts]] for top in tiles.tops]
    return Grid(rows, tile_w, tile_h, image.width, image.height, overlap)


def combine_grid(grid: Grid) -> Image.Image:
    """The picture of the tiles, faded together where they overlap."""
    tiles = Tiles.over(grid.image_w, grid.image_h, grid.tile_w, grid.tile_h, grid.overlap)
    return tiles.joined([tile[2] for row in grid.tiles for tile in row[2]])


def flatten(img: Image.Image, bgcolor: str) -> Image.Image:
    """A picture without transparency, on a colour."""
    if img.mode == "RGBA":
        under = Image.new("RGBA", img.size, bgcolor)
        under.paste(img, mask=img)
        img = under
    return img.convert("RGB")


def save_image(
    image: Image.Image,
    path: str | None,
    basename: str,
    seed: int | None = None,
    prompt: str | None = None,
    extension: str = "png",
    info: str | None = None,
    short_filename: bool = False,
    no_prompt: bool = False,
    grid: bool = False,
    pnginfo_section_name: str = "parameters",
    p: StableDiffusionProcessing | None = None,
    **_ignored: Any,
) -> tuple[str, None]:
    """Write a picture of a script's with its infotext, below the settings' folders or `path`, and remember it.

    Raises UserError if it cannot be written. `extension` and other arguments give way to the settings.
    """
    run = run_now()
    key = "outdir_grids" if grid else "outdir_samples"
    settings = run.settings.overridden({key: path}) if path else run.settings
    facts = NameFacts(
        seed=None if short_filename else seed,
        prompt="" if no_prompt else prompt or "",
        width=image.width,
        height=image.height,
        steps=p.steps if p else None,
        cfg_scale=p.cfg_scale if p else None,
        sampler_name=p.sampler_name if p else None,
        user=run.job.owner,
        job_at=datetime.fromtimestamp(run.job.started_at),
        pixels=image.tobytes,
    )
    written = run.studio.outputs.save(image, info or "", facts, settings, grid=grid, basename=basename)
    run.studio.history.add_image(run.job.row, written, info or "", seed or 0, 0, image.size, grid)
    run.remember(
        SavedImage(
            path=written,
            image=image,
            infotext=info or "",
            seed=seed or 0,
            subseed=0,
            prompt=prompt or "",
            negative_prompt="",
            width=image.width,
            height=image.height,
            grid=grid,
        )
    )
    return str(written), None


def _saving() -> SavingOptions:
    run = running.get()
    return (run.settings if run is not None else anchor.studio.settings.snapshot)[SavingOptions]
