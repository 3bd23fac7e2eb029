"""How well the shipped file follows prompts through Atelier's own txt2img, in shares of fixed prompts.

The same prompts are also drawn instead of generated, which tests the checker itself.
"""

import json
import logging
import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from starter import abilities, state, vae
from starter.cases import GROUPS, Verdict, cases
from starter.draw.canvas import render
from starter.draw.scenes import FULL, WIDE, random_picture
from starter.engine import engine
from starter.export import FILE, loaded
from starter.sheets import sheet

log = logging.getLogger("starter")

SEEDS = 3
"""Pictures of every prompt."""
COLUMNS = ("background", "color", "shape", "count", "position", "bound", "relation", "scene", "time", "style", "all")

Shares = dict[str, float]


def shares(verdicts: list[Verdict]) -> Shares:
    """The share of pictures, 0..1, in which each attribute is right, and in which all are."""
    out = {name: sum(v[name] for v in verdicts) / len(verdicts) for name in verdicts[0]}
    return out | ({"all": sum(all(v.values()) for v in verdicts) / len(verdicts)} if len(out) > 1 else {})


def drawn(group: str, count: int) -> Shares:
    """The checker's shares on pictures drawn as asked."""
    return shares([case.judge(render(case.wanted), case.wanted) for case in cases(group, count)])


def generated(group: str, count: int, file: Path = FILE) -> Shares:
    """The model's shares; a contact sheet of the first pictures stays in the state folder."""
    torch.set_num_threads(1)
    verdicts: list[Verdict] = []
    shown: list[Image.Image] = []
    with engine(file) as studio:
        for number, case in enumerate(cases(group, count)):
            images = studio.pictures(case.prompt, 1000 * number, SEEDS)
            verdicts += [case.judge(image, case.wanted) for image in images]
            shown += images[:1]
    state.FOLDER.mkdir(exist_ok=True)
    sheet(shown[:48], 12).save(state.FOLDER / f"{group.replace(' ', '-').replace(',', '')}.png")
    log.info("%s: %s", group, shares(verdicts))
    return shares(verdicts)


def restored(count: int, file: Path = FILE) -> dict[str, float]:
    """Peak signal to noise ratio in dB, of the mean error, of the file's autoencoder on fresh pictures."""
    network, out = loaded(file)[1], dict[str, float]()
    for name, mix in (("plain", WIDE), ("full", FULL)):
        pictures = [random_picture(random.Random(f"held/{name}/{i}"), mix) for i in range(count)]
        images = np.stack([np.asarray(render(picture)) for picture in pictures])
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        out[name] = round(vae.psnr(network, pixels), 2)
    return out


def table(rows: dict[str, Shares]) -> str:
    """A Markdown table of percentages; a dash where an attribute is not asked for."""
    columns = [c for c in COLUMNS if any(c in row for row in rows.values())]
    lines = ["| group | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    for group, row in rows.items():
        lines.append(f"| {group} | " + " | ".join(f"{100 * row[c]:.0f} %" if c in row else "-" for c in columns) + " |")
    return "\n".join(lines)


def report(count: int = 120, processes: int = 1, groups: Iterable[str] = GROUPS) -> None:
    """Evaluate the shipped file and the checker; leaves `evaluation.md` and `.json` and contact sheets in the state."""
    names = list(groups)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        made = dict(zip(names, pool.map(partial(generated, count=count), names), strict=True))
        tested = list(pool.map(abilities.measured, abilities.ABILITIES))
    truth = {name: drawn(name, count) for name in names}
    text = "\n\n".join(
        [
            f"{count} prompts a group, {SEEDS} seeds each.",
            table(made),
            "Drawn as asked instead of generated (tests the checker):",
            table(truth),
            "\n".join(f"- {name}: {100 * share:.0f} % of {n}" for name, (share, n) in tested),
            "Autoencoder, 256 fresh pictures each, dB: " + json.dumps(restored(256)),
        ]
    )
    (state.FOLDER / "evaluation.md").write_text(text + "\n")
    figures = {"generated": made, "drawn": truth, "abilities": dict(tested)}
    (state.FOLDER / "evaluation.json").write_text(json.dumps(figures, indent=1))
    log.info("%s", text)
