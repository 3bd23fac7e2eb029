"""X/Y/Z plot: a picture for every combination of up to three series of values, as a grid with a legend.

Cells are made one after another, what is costly to change being changed least. Pictures this grid made before the
studio was stopped, or that an earlier one made of the same values, are found again instead of being made again.
"""

import copy
from pathlib import Path

import gradio as gr
from xyz_parts import axes, export, values
from xyz_parts.axes import (  # noqa: F401 - other extensions take these from here
    AxisOption,
    AxisOptionImg2Img,
    AxisOptionTxt2Img,
    apply_field,
    apply_override,
    axis_options,
    boolean_choice,
    format_nothing,
    format_value,
    format_value_add_label,
    format_value_join_list,
)
from xyz_parts.sheet import Cell, Sheet

from modules import errors, images, processing, scripts, shared
from modules.ui_components import ToolButton

SEEDS = ("Seed", "Var. seed")
EXPORTS = ("CSV", "HTML")


class Axis:
    """One axis of a job: its option and its values, with their labels."""

    def __init__(self, options, chosen, text, picked, csv_mode):
        self.option = option_of(options, chosen)
        self.text = values.join(picked) if picked and not csv_mode and self.option.choices else str(text or "")
        self.values = self._values(picked, csv_mode)

    def _values(self, picked, csv_mode):
        option = self.option
        if option.label == "Nothing":
            return [0]
        if option.choices is not None and not csv_mode and picked:
            entries = list(picked)
        else:
            entries = option.prepare(self.text) if option.prepare else values.split(self.text)
        if not entries:
            raise ValueError(f"{option.label}: there are no values; write some, or choose Nothing.")
        return values.read(option.label, option.type, entries)

    def fix_seeds(self):
        """Draw the seeds that are -1, so that a cell can be made again."""
        if self.option.label in SEEDS:
            self.values = [processing.get_fixed_seed(value) for value in self.values]

    def confirm(self, p):
        if self.option.confirm is not None:
            self.option.confirm(p, self.values)
        if self.option.label != "Nothing":
            self.option.apply(cell_of(p), self.values[0], self.values)

    def labels(self, p):
        return [self.option.format_value(p, self.option, value) for value in self.values]


class Script(scripts.Script):
    """A cell is a job of its own: the tab's, with x's, y's and z's value put in, in this order."""

    def title(self):
        return "X/Y/Z plot"

    def ui(self, is_img2img):
        self.current_axis_options = axes.axes_of(axis_options, is_img2img)
        rows = [self.axis_row(name, index) for name, index in (("X", 1), ("Y", 0), ("Z", 0))]
        with gr.Row(elem_id="axis_options"):
            legend = gr.Checkbox(True, label="Draw legend", elem_id=self.elem_id("draw_legend"))
            no_fixed = gr.Checkbox(False, label="Keep -1 for seeds", elem_id=self.elem_id("no_fixed_seeds"))
            vary = [
                gr.Checkbox(False, label=f"Vary seeds for {name}", elem_id=self.elem_id(f"vary_seeds_{name.lower()}"))
                for name in "XYZ"
            ]
        with gr.Row():
            lone = gr.Checkbox(False, label="Include Sub Images", elem_id=self.elem_id("include_lone_images"))
            sub = gr.Checkbox(False, label="Include Sub Grids", elem_id=self.elem_id("include_sub_grids"))
            text_mode = gr.Checkbox(
                False, label="Use text inputs instead of dropdowns", elem_id=self.elem_id("csv_mode")
            )
        margin = gr.Slider(
            0, 500, value=0, step=2, label="Grid margins (px)", elem_id=self.elem_id("margin_size"), buttons=[]
        )
        exported = gr.CheckboxGroup(
            list(EXPORTS), value=[], label="Write beside the grid, too", elem_id=self.elem_id("export")
        )
        self.bind_swaps(rows)
        for row in rows:
            self.bind_row(row, text_mode)
        self.infotext_fields = [field for name, row in zip("XYZ", rows, strict=True) for field in pasted(name, row)]
        return [
            *(part for row in rows for part in row[:3]), legend, lone, sub, no_fixed, *vary, margin, text_mode, exported
        ]  # fmt: skip

    def axis_row(self, name, index):
        """(type, values as text, values picked from a list, fill button) of one axis."""
        low = name.lower()
        labels = [option.label for option in self.current_axis_options]
        option = self.current_axis_options[index]
        with gr.Row(elem_classes=["fields"]):
            kind = gr.Dropdown(
                labels, value=labels[index], type="index", label=f"{name} type", elem_id=self.elem_id(f"{low}_type")
            )
            text = gr.Textbox(
                label=f"{name} values", lines=1, elem_id=self.elem_id(f"{low}_values"), visible=option.choices is None
            )
            picked = gr.Dropdown(
                [], value=[], multiselect=True, allow_custom_value=True, label=f"{name} values", visible=False,
                elem_id=self.elem_id(f"{low}_values_dropdown"),
            )  # fmt: skip
            fill = ToolButton("📒", elem_id=f"xyz_grid_fill_{low}_tool_button", visible=False)
        return kind, text, picked, fill

    def bind_row(self, row, text_mode):
        kind, text, picked, fill = row
        quiet = {"show_progress": "hidden", "api_visibility": "private", "queue": False}

        def chosen(index, written, taken, as_text):
            option = option_of(self.current_axis_options, index)
            listed = option.choices is not None and not as_text
            choices = option.choices() if option.choices is not None else []
            kept = [value for value in taken or values.split(written or "") if value in choices]
            if as_text and taken and not written:
                written = values.join(taken)
            return (
                gr.update(visible=not listed and option.label != "Nothing", value=written),
                gr.update(visible=listed, choices=choices, value=kept),
                gr.update(visible=option.choices is not None),
            )

        def filled(index, as_text):
            option = option_of(self.current_axis_options, index)
            choices = option.choices() if option.choices is not None else []
            return (gr.update(value=values.join(choices)), gr.skip()) if as_text else (gr.skip(), choices)

        for control in (kind, text_mode):
            control.change(chosen, [kind, text, picked, text_mode], [text, picked, fill], **quiet)
        fill.click(filled, [kind, text_mode], [text, picked], **quiet)

    def bind_swaps(self, rows):
        with gr.Row(elem_id="swap_axes"):
            for one, other, name in ((0, 1, "xy"), (1, 2, "yz"), (0, 2, "xz")):
                button = gr.Button(
                    f"Swap {name[0].upper()}/{name[1].upper()} axes",
                    elem_id=f"{name}_grid_swap_axes_button",
                    size="sm",
                    min_width=0,
                )
                both = [*rows[one][:3], *rows[other][:3]]
                button.click(None, both, both, js="(...v) => [...v.slice(3), ...v.slice(0, 3)]")

    def run(
        self, p, x_type, x_values, x_dropdown, y_type, y_values, y_dropdown, z_type, z_values, z_dropdown, draw_legend,
        include_lone_images, include_sub_grids, no_fixed_seeds, vary_seeds_x, vary_seeds_y, vary_seeds_z, margin_size,
        csv_mode, exported=(),
    ):  # fmt: skip
        options = axes.axes_of(axis_options, self.is_img2img)
        told = ((x_type, x_values, x_dropdown), (y_type, y_values, y_dropdown), (z_type, z_values, z_dropdown))
        three = [Axis(options, *each, csv_mode) for each in told]
        typed = [list(axis.values) for axis in three]
        if not no_fixed_seeds:
            processing.fix_seed(p)
            for axis in three:
                axis.fix_seeds()
        if not shared.opts.return_grid:
            p.batch_size = 1
        for axis in three:
            axis.confirm(p)
        sheet = Sheet(*(len(axis.values) for axis in three))
        check_size(p, sheet)
        p.reuse_made = not no_fixed_seeds
        shared.state.job_count = len(sheet.places()) * p.n_iter

        vary = (vary_seeds_x, vary_seeds_y, vary_seeds_z)
        grid_p, errors_met = fill(p, three, sheet, vary)
        if sheet.first() is None:
            if errors_met:
                raise RuntimeError(f"No cell could be made: {errors_met[0]}")
            return processing.Processed(p, [])
        describe(grid_p, self.title(), three, typed, no_fixed_seeds)
        labels = [axis.labels(p) for axis in three]
        whole, parts = sheet.drawn(labels if draw_legend else None, margin_size)
        infotext = processing.create_infotext(grid_p, grid_p.all_prompts, grid_p.all_seeds, grid_p.all_subseeds)
        saved = save(p, grid_p, whole, parts if include_sub_grids else (), infotext, wanted=bool(exported))
        write_exports(exported, saved, sheet, three, labels)
        return result(grid_p, sheet, whole, parts, infotext, lone=include_lone_images, sub=include_sub_grids)


def option_of(options, chosen):
    """An axis by its number on the tab, or by its label."""
    if isinstance(chosen, str):
        found = next((option for option in options if option.label.lower() == chosen.lower()), None)
        if found is None:
            raise ValueError(f"There is no axis '{chosen}'.")
        return found
    number = int(chosen or 0)
    if not 0 <= number < len(options):
        raise ValueError(f"There is no axis number {number}; they go from 0 to {len(options) - 1}.")
    return options[number]


def pasted(name, row):
    """What an infotext says of an axis: its type, and its values as text and as a list."""
    kind, text, picked, _ = row

    def listed(labels):
        return values.split(labels[f"{name} Values"]) if f"{name} Values" in labels else None

    return [(kind, f"{name} Type"), (text, f"{name} Values"), (picked, listed)]


def check_size(p, sheet):
    """Raises ValueError for a grid too large to be drawn."""
    megapixels = len(sheet.places()) * p.width * p.height / 1_000_000
    most = shared.opts.img_max_size_mp
    if megapixels > most:
        raise ValueError(
            f"The grid would have {megapixels:.0f} megapixels, and img_max_size_mp allows {most}; use fewer values."
        )


def cell_of(p):
    """A copy of the job that may be changed."""
    own = copy.copy(p)
    own.styles = list(p.styles)
    own.override_settings = dict(p.override_settings)
    own.extra_generation_params = dict(p.extra_generation_params)
    return own


def fill(p, three, sheet, vary):
    """Make every cell that can be. Returns the job of the first cell that was made, and what went wrong."""
    first, met = None, []
    for done, place in enumerate(ordered(three, sheet)):
        if shared.state.interrupted or shared.state.stopping_generation:
            break
        shared.state.textinfo = f"Cell {done + 1} of {len(sheet.places())}"
        own = cell_of(p)
        try:
            for axis, number in zip(three, place, strict=True):
                axis.option.apply(own, axis.values[number], axis.values)
            own.seed = own.seed if own.seed == -1 else own.seed + offset(place, sheet, vary)
            sheet.cells[place] = made(own)
        except (ValueError, RuntimeError, errors.UserError) as error:
            errors.display(error, f"X/Y/Z plot, cell {place}")
            met.append(str(error))
            sheet.cells[place] = Cell()
            p.comment(f"A cell could not be made: {error}")
            continue
        first = first or (own if sheet.cells[place].image else None)
        shared.state.assign_current_image(sheet.preview(place))
    return first or p, met


def made(own):
    """The cell of a job: of a batch its first picture or its grid."""
    processed = processing.process_images(own)
    if not processed.images:
        return Cell()
    return Cell(
        processed.images[0],
        processed.infotexts[0],
        processed.all_prompts[0],
        processed.all_negative_prompts[0],
        processed.all_seeds[0],
        processed.all_subseeds[0],
    )


def ordered(three, sheet):
    """The places, the costliest axis changing least; of equal ones z, then y."""
    by_cost = sorted(range(3), key=lambda number: (three[number].option.cost, number), reverse=True)
    return sorted(sheet.places(), key=lambda place: [place[number] for number in by_cost])


def offset(place, sheet, vary):
    """What the seed of a place is counted on by."""
    found, stride = 0, 1
    for number, length, varies in zip(place, (sheet.columns, sheet.rows, sheet.sheets), vary, strict=True):
        if varies:
            found += number * stride
            stride *= length
    return found


def describe(p, title, three, typed, no_fixed_seeds):
    """What the grid's infotext says of the axes."""
    p.extra_generation_params["Script"] = title
    for name, axis, before in zip("XYZ", three, typed, strict=True):
        if axis.option.label == "Nothing":
            continue
        p.extra_generation_params[f"{name} Type"] = axis.option.label
        p.extra_generation_params[f"{name} Values"] = axis.text
        if axis.option.label in SEEDS and not no_fixed_seeds and axis.values != before:
            p.extra_generation_params[f"Fixed {name} Values"] = ", ".join(map(str, axis.values))


def save(p, grid_p, whole, parts, infotext, *, wanted):
    """Write the grid, and those of each z that are to be included. Returns the grid's file; None if none is wanted."""
    if not wanted and (p.do_not_save_grid or not shared.opts.grid_save):
        return None
    saved = None
    for number, grid in enumerate((whole, *(parts if len(parts) > 1 else ()))):
        told = {"info": infotext, "prompt": grid_p.all_prompts[0], "seed": grid_p.all_seeds[0], "p": grid_p}
        path, _ = images.save_image(grid, p.outpath_grids, "xyz_grid", grid=True, **told)
        saved = saved or (Path(path) if number == 0 else None)
    return saved


def write_exports(exported, saved, sheet, three, labels):
    if saved is None:
        return
    named = [(axis.option.label, label) for axis, label in zip(three, labels, strict=True)]
    if "CSV" in exported:
        export.write_csv(saved.with_suffix(".csv"), sheet, named)
    if "HTML" in exported:
        title = " × ".join(axis.option.label for axis in three if axis.option.label != "Nothing")
        export.write_html(saved.with_suffix(".html"), sheet, named, title or "X/Y/Z plot")


def result(p, sheet, whole, parts, infotext, *, lone, sub):
    """The grids first, then the cells, as far as they are to be included."""
    cells = [sheet.cells.get(place) or Cell() for place in sheet.places()]
    cells = [cell for cell in cells if cell.image is not None]
    grids = [whole, *(parts if sub and len(parts) > 1 else ())]
    shown = cells if lone else []
    return processing.Processed(
        p,
        [*grids, *(cell.image for cell in shown)],
        all_prompts=[cell.prompt for cell in cells],
        all_negative_prompts=[cell.negative_prompt for cell in cells],
        all_seeds=[cell.seed for cell in cells],
        all_subseeds=[cell.subseed for cell in cells],
        infotexts=[*[infotext] * len(grids), *(cell.infotext for cell in shown)],
        index_of_first_image=len(grids),
    )
