"""A LoRA's weight block by block: `lbw=` in a tag, as the extension "LoRA Block Weight" writes it. Torch-free.

Blocks are ldm's: BASE (the text encoder and what is in no block), IN00 to IN11, M00, OUT00 to OUT11. Of a list of 17
the first is BASE and the others are those blocks of SD 1.x and 2.x that have attention.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from modules.foundation.errors import UserError

_ATTENTION: Final = (
    ("BASE", *(f"IN{n:02}" for n in (1, 2, 4, 5, 7, 8)), "M00", *(f"OUT{n:02}" for n in range(3, 12))),
    ("BASE", *(f"IN{n:02}" for n in (4, 5, 7, 8)), "M00", *(f"OUT{n:02}" for n in range(6))),
)
_ALL: Final = (
    ("BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12))),
    ("BASE", *(f"IN{n:02}" for n in range(9)), "M00", *(f"OUT{n:02}" for n in range(9))),
)
LAYOUTS: Final[Mapping[int, tuple[str, ...]]] = {len(names): names for names in (*_ATTENTION, *_ALL)}
"""The blocks that a list of so many numbers is for: 17 and 26 in SD 1.x and 2.x, 12 and 20 in SDXL."""


def _runs(*runs: tuple[float, int]) -> tuple[float, ...]:
    return tuple(value for value, count in runs for _ in range(count))


PRESETS: Final[Mapping[str, tuple[float, ...]]] = {
    "NONE": _runs((0, 17)),
    "ALL": _runs((1, 17)),
    "INS": _runs((1, 4), (0, 13)),
    "IND": _runs((1, 1), (0, 3), (1, 3), (0, 10)),
    "INALL": _runs((1, 7), (0, 10)),
    "MIDD": _runs((1, 1), (0, 3), (1, 8), (0, 5)),
    "OUTD": _runs((1, 1), (0, 7), (1, 4), (0, 5)),
    "OUTS": _runs((1, 1), (0, 11), (1, 5)),
    "OUTALL": _runs((1, 1), (0, 7), (1, 9)),
    "ALL0.5": _runs((0.5, 17)),
}


def read(text: str) -> tuple[float, ...]:
    """The numbers of a preset or of a list like "1,0,0.5,...". Raises UserError for any other."""
    wanted = text.strip()
    if wanted in PRESETS:
        return PRESETS[wanted]
    try:
        numbers = tuple(float(number) for number in wanted.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in LAYOUTS:
        known, lengths = ", ".join(PRESETS), ", ".join(map(str, LAYOUTS))
        raise UserError(f"'lbw={text}' is neither one of {known} nor {lengths} numbers.")
    return numbers


def factor(blocks: tuple[float, ...], ldm: str) -> float:
    """What `blocks` multiply a module by; `ldm` is its name in the UNet, "" in a text encoder."""
    named = dict(zip(LAYOUTS[len(blocks)], blocks, strict=True))
    return named.get(_block(ldm), named["BASE"] if not _block(ldm) else 1.0)


def _block(ldm: str) -> str:
    if found := re.match(r"(in|out)put_blocks\.(\d+)\.", ldm):
        return f"{found[1].upper()}{int(found[2]):02}"
    return "M00" if ldm.startswith("middle_block.") else ""
