"""The token counters at the prompts and the lines under them: where chunks end and what looks wrong."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from modules.studio.counting import Count, counted
from modules.studio.networks import watching

if TYPE_CHECKING:
    from modules.studio.context import Studio

Handler = Callable[[str, str, Sequence[str] | None, float | None], list[str]]


def count(studio: Studio, *, negative: bool) -> Handler:
    """(prompt, negative prompt, styles, steps) -> (HTML of the counter, HTML of the lines under the box)."""

    def handler(prompt: str, negative_prompt: str, styles: Sequence[str] | None, steps: float | None) -> list[str]:
        found = counted(
            prompt or "",
            negative_prompt or "",
            styles or (),
            steps,
            studio.settings.snapshot,
            studio.styles.known(),
            negative=negative,
            **watching(studio, negative=negative),
        )
        return [shown(found), under(found)]

    return handler


def shown(count: Count) -> str:
    """ "12/75", the limit growing by whole chunks; "?" of what cannot be read. Red where something looks wrong."""
    text = "?" if count.tokens is None else f"{count.tokens}/{count.limit}"
    hint = "\n".join((*count.remarks, *_borders(count)))
    kind = ' class="error"' if count.remarks else ""
    title = f' title="{html.escape(hint)}"' if hint else ""
    return f"<span{kind}{title}>{text}</span>"


def under(count: Count) -> str:
    """What stands under the box: nothing most of the time."""
    remarks = "".join(f'<p class="remark">{html.escape(remark)}</p>' for remark in count.remarks)
    ends = "".join(
        f'<span class="chunk"><b>{number}</b> … {html.escape(end) or "(empty)"}</span>'
        for number, end in enumerate(count.ends, 1)
    )
    return remarks + (f'<p class="chunks" title="Where each 75 tokens end">{ends}</p>' if ends else "")


def _borders(count: Count) -> list[str]:
    return [f"Chunk {number} ends: … {end or '(empty)'}" for number, end in enumerate(count.ends, 1)]
