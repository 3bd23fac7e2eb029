"""How well pictures follow prompts: fixed prompts per group, read back by the checker, as a table of shares.

The same groups are also drawn instead of generated, which tests the checker itself.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from starter import state
from starter.checker import Reading, read
from starter.draw import captions, scenes
from starter.draw.canvas import render
from starter.draw.holdout import held_out
from starter.draw.kinds import OBJECTS, SHAPES
from starter.draw.palette import COLORS
from starter.draw.records import POSITIONS, Picture
from starter.generate import pictures, sheet, trained

log = logging.getLogger("starter")


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt, the record it asks for, and the kinds that its shape is read among."""

    prompt: str
    wanted: Picture
    kinds: tuple[str, ...]


def _combination(rng: random.Random, kinds: tuple[str, ...], held: bool) -> tuple[str, str, str]:
    """A random (kind, colour, background), held out from training or not."""
    while True:
        kind, (color, background) = rng.choice(kinds), rng.sample(list(COLORS), 2)
        if held_out(kind, color, background) == held:
            return kind, color, background


def _single(rng: random.Random, kinds: tuple[str, ...], held: bool) -> Case:
    kind, color, background = _combination(rng, kinds, held)
    return Case(
        f"{_article(color)} {color} {kind} on a {background} background",
        scenes.single(rng, kind, color, background),
        kinds,
    )


def _counted(rng: random.Random) -> Case:
    kind, color, background = _combination(rng, tuple(SHAPES), held=False)
    count = rng.randint(2, 4)
    prompt = f"{captions.NUMBERS[count][0]} {color} {captions.plural(kind)} on a {background} background"
    return Case(prompt, scenes.counted(rng, kind, color, background, count), tuple(SHAPES))


def _placed(rng: random.Random) -> Case:
    kind, color, background = _combination(rng, tuple(SHAPES), held=False)
    position = rng.choice(POSITIONS)
    prompt = f"a small {color} {kind} {captions.PLACES[position][0]}, {background} background"
    return Case(prompt, scenes.placed(rng, kind, color, background, position), tuple(SHAPES))


GROUPS: dict[str, Callable[[random.Random], Case]] = {
    "single shape, seen": lambda rng: _single(rng, tuple(SHAPES), held=False),
    "single shape, held out": lambda rng: _single(rng, tuple(SHAPES), held=True),
    "two to four shapes": _counted,
    "placed shape": _placed,
    "object": lambda rng: _single(rng, tuple(OBJECTS), held=False),
}


def cases(group: str, count: int) -> list[Case]:
    """The group's fixed cases."""
    rng = random.Random(f"evaluate/{group}")
    return [GROUPS[group](rng) for _ in range(count)]


def judge(case: Case, reading: Reading) -> dict[str, bool]:
    """Which attributes of the case the reading confirms."""
    first = case.wanted.things[0]
    right = {
        "background": reading.background == case.wanted.background,
        "color": reading.color == first.color,
        "shape": reading.kind == first.kind,
        "count": reading.count == len(case.wanted.things),
    }
    if case.wanted.position:
        right["position"] = position_of(reading.x, reading.y) == case.wanted.position
    return right | {"all": all(right.values())}


def position_of(x: float, y: float) -> str:
    """The named place of a centroid given in picture widths."""
    dx, dy = x - 0.5, y - 0.5
    if max(abs(dx), abs(dy)) < 0.125:
        return "center"
    if abs(dx) >= abs(dy):
        return "left" if dx < 0 else "right"
    return "top" if dy < 0 else "bottom"


def shares(chosen: list[Case], images: list[Image.Image]) -> dict[str, float]:
    """The share of cases, 0..1, in which each attribute is right."""
    verdicts = [judge(case, read(image, case.kinds)) for case, image in zip(chosen, images, strict=True)]
    return {name: sum(v[name] for v in verdicts) / len(verdicts) for name in verdicts[0]}


def table(rows: dict[str, dict[str, float]]) -> str:
    """A Markdown table of percentages; a dash where an attribute is not asked for."""
    columns = ("background", "color", "shape", "count", "position", "all")
    lines = ["| group | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    for group, row in rows.items():
        lines.append(f"| {group} | " + " | ".join(f"{100 * row[c]:.0f} %" if c in row else "-" for c in columns) + " |")
    return "\n".join(lines)


def report(count: int = 120) -> None:
    """Evaluate the model in the state folder and the checker on drawn truth; leaves tables and contact sheets there."""
    starter = trained()
    rows: dict[str, dict[str, float]] = {}
    for group in GROUPS:
        chosen = cases(group, count)
        rows[f"{group} (drawn)"] = shares(chosen, [render(case.wanted) for case in chosen])
        images = pictures(starter, [case.prompt for case in chosen])
        rows[group] = shares(chosen, images)
        sheet(images[:48], 12).save(state.FOLDER / f"{group.replace(' ', '-').replace(',', '')}.png")
    text = table(dict(sorted(rows.items(), key=lambda row: "drawn" in row[0])))
    (state.FOLDER / "evaluation.md").write_text(text + "\n")
    log.info("%d prompts per group\n%s", count, text)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
