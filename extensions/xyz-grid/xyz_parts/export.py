"""A finished sheet as a table for other programs and as a page for a browser, beside the grid's picture."""

import base64
import csv
import html
import io
import os
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; }
body { margin: 2rem; font: 15px/1.4 system-ui, sans-serif; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .4rem; text-align: center; vertical-align: middle; font-weight: 500; }
tbody th { max-width: 16rem; }
img { display: block; width: min(22vw, 20rem); height: auto; border-radius: 4px; }
"""


def write_csv(path, sheet, axes):
    """One row a cell: its place's labels, seed, prompt, file and infotext. `axes` are (title, labels) of x, y, z."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*(title for title, _ in axes), "seed", "prompt", "negative prompt", "file", "infotext"])
    for place in sheet.places():
        cell = sheet.cells.get(place)
        if cell is None or cell.image is None:
            continue
        labels = [axis[1][number] for axis, number in zip(axes, place, strict=True)]
        file = relative(cell.image, path)
        writer.writerow([*labels, cell.seed, cell.prompt, cell.negative_prompt, file, cell.infotext])
    replace(path, out.getvalue())


def write_html(path, sheet, axes, title):
    """A page of its own: a table for each z, with the pictures from where they were saved."""
    tables = []
    for z, heading in enumerate(axes[2][1]):
        head = "".join(f"<th>{html.escape(label)}</th>" for label in axes[0][1])
        rows = "".join(
            f"<tr><th>{html.escape(label)}</th>"
            + "".join(f"<td>{picture(sheet.cells.get((x, y, z)), path)}</td>" for x in range(sheet.columns))
            + "</tr>"
            for y, label in enumerate(axes[1][1])
        )
        table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
        tables.append(f"<h2>{html.escape(heading)}</h2><div class='scroll'>{table}</div>")
    text = html.escape(title)
    page = f"<!doctype html><meta charset='utf-8'><title>{text}</title><style>{STYLE}</style>"
    replace(path, f"{page}<h1>{text}</h1>{''.join(tables)}")


def picture(cell, path):
    """A cell's picture, in the page itself if it was not saved."""
    if cell is None or cell.image is None:
        return ""
    source = relative(cell.image, path) or embedded(cell.image)
    hint = html.escape(cell.infotext, quote=True)
    address = html.escape(source, quote=True)
    return f'<a href="{address}"><img loading="lazy" src="{address}" title="{hint}" alt=""></a>'


def relative(image, path):
    """Where a picture was saved, from the folder of `path`; "" if it was not."""
    saved = getattr(image, "already_saved_as", None)
    return Path(os.path.relpath(saved, path.parent)).as_posix() if saved else ""


def embedded(image):
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def replace(path, text):
    """A file that is whole whenever it is there."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
