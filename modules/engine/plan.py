"""Request -> one Plan per batch, in which nothing is left to decide; and Made, what comes out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modules.engine.request import Request
from modules.prompting.comments import without_comments
from modules.prompting.styles import Style, applied

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.sampling.catalog import Sampler


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch. The tuples have one entry an image; width and height are pixels, multiples of 8."""

    request: Request
    batch_index: int
    prompts: tuple[str, ...]
    negative_prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    width: int
    height: int
    hr_prompts: tuple[str, ...] = ()
    hr_negative_prompts: tuple[str, ...] = ()
    """Those of the second pass; empty where it has the first's."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A picture that goes with another: its mask, or an earlier state. `suffix` ends its file's name.

    `shown` with the results, `saved` where those are saved; with a `name` under that name alone, among the
    pictures that were started from.
    """

    image: Image
    suffix: str = ""
    shown: bool = False
    saved: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """The engine's product: one image, its infotext, and its place `index` in the batch of `plan`."""

    image: Image
    infotext: str
    plan: Plan
    index: int
    beside: tuple[Beside, ...] = ()


def with_seeds(request: Request) -> Request:
    """The same request with random seeds drawn, so that what was made can be made again."""
    drawn = {
        name: random.SystemRandom().randrange(2**32) for name in ("seed", "subseed") if getattr(request, name) == -1
    }
    return request.model_copy(update=drawn) if drawn else request


_PROMPTS: Final = (("prompt", "negative_prompt"), ("hr_prompt", "hr_negative_prompt"))
"""Fields of a request's prompts, those of a second pass too, of which "" means the first one's."""


def styled(request: Request, known: Mapping[str, Style]) -> tuple[Request, tuple[str, ...]]:
    """The same request with its styles put into its prompts and none left to put in, and the names nobody knows."""
    update: dict[str, object] = {"styles": ()}
    missing: tuple[str, ...] = ()
    for names in _PROMPTS if request.styles else ():
        prompt, negative = (getattr(request, name, "") for name in names)
        *merged, missing = applied(prompt, negative, request.styles, known)
        given = zip(names, (prompt, negative), merged, strict=True)
        update |= {name: text for name, old, text in given if old or names is _PROMPTS[0]}
    return request.model_copy(update=update), missing


def uncommented(request: Request) -> Request:
    """The same request with the comments of its prompts left out, for what is made and for the infotext."""
    names = [name for pair in _PROMPTS for name in pair if hasattr(request, name)]
    return request.model_copy(update={name: without_comments(getattr(request, name)) for name in names})


def counted(sampler: Sampler, request: Request) -> int:
    """Evaluations that the edits of prompts are laid over. Samplers of second order make two a step."""
    return request.steps * (2 if sampler.second_order else 1)


def plans(request: Request) -> Iterator[Plan]:
    """The batches of a request whose seeds are drawn, in order.

    Image i uses seed + i; with a variation strength all share the seed and only the variation seed
    counts on, as in A1111.
    """
    size = request.batch_size
    hr_prompt, hr_negative = (getattr(request, name, "") for name in _PROMPTS[1])
    for batch in range(request.n_iter):
        numbers = range(batch * size, (batch + 1) * size)
        varied = request.subseed_strength > 0
        yield Plan(
            request=request,
            batch_index=batch,
            prompts=(request.prompt,) * size,
            negative_prompts=(request.negative_prompt,) * size,
            seeds=tuple(request.seed + (0 if varied else i) for i in numbers),
            subseeds=tuple(request.subseed + i for i in numbers),
            width=request.width // 8 * 8,
            height=request.height // 8 * 8,
            hr_prompts=(hr_prompt,) * size if hr_prompt else (),
            hr_negative_prompts=(hr_negative,) * size if hr_negative else (),
        )
