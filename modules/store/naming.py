"""A1111's patterns for file and folder names: `[seed]-[prompt_spaces]` and the facts of an image -> text.

Begin with NameFacts and `expand`. `TAGS` is the whole vocabulary; what is not in it stays as it is
written, brackets included.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_PART = 128
"""Characters one value may add to a name."""


@dataclass(frozen=True, slots=True)
class Sanitizing:
    """How values become part of a file name: `longest` characters each, and what may not be in them.

    With `only_slashes` no more than Unix itself forbids (--unix-filenames-sanitization).
    """

    longest: int = LONGEST_PART
    only_slashes: bool = False


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a pattern can name of one image. None is what the image does not have.

    `batch_number` counts from 0 within the batch, `generation_number` from 0 within the job of
    `count` images; `seeds` are those of the whole job. `styles` are names and texts. `model_hash` and
    `pixels` are asked only if a pattern names them. `archive`: the name is that of several pictures together.
    """

    seed: int | None = None
    prompt: str = ""
    negative_prompt: str = ""
    width: int = 0
    height: int = 0
    steps: int | None = None
    cfg_scale: float | None = None
    sampler_name: str | None = None
    scheduler: str | None = None
    denoising_strength: float | None = None
    styles: tuple[tuple[str, str], ...] = ()
    vae_name: str | None = None
    basename: str = ""
    model_name: str | None = None
    model_hash: Callable[[], str | None] = lambda: None
    clip_skip: int | None = None
    seeds: tuple[int, ...] = ()
    batch_number: int = 0
    batch_size: int = 1
    generation_number: int = 0
    count: int = 1
    user: str | None = None
    made_at: datetime = field(default_factory=datetime.now)
    job_at: datetime | None = None
    pixels: Callable[[], bytes] = bytes
    prompt_words: int = 8
    archive: bool = False
    sanitizing: Sanitizing = Sanitizing()


class _Skip(Exception):
    """The tag and the text directly before it are left out."""


def sanitized(text: str, rules: Sanitizing = Sanitizing(), *, replace_spaces: bool = False) -> str:
    """`text` as part of a file name: what file systems forbid becomes `_`."""
    if replace_spaces:
        text = text.replace(" ", "_")
    text = re.sub(r"[/\0]" if rules.only_slashes else r'[#<>:"/\\|?*\n\r\t\0]', "_", text)
    return text.lstrip(" ")[: rules.longest].rstrip(" .")


def expand(pattern: str, facts: NameFacts) -> str:
    """The pattern with every known tag replaced by its value."""
    written, at = "", 0
    for match in _TAG.finditer(pattern):
        before = pattern[at : match.start()]
        at = match.end()
        make = TAGS.get(match["name"].lower())
        arguments = re.findall(r"<([^>]*)>", match["arguments"])
        try:
            value = make(facts, arguments) if make else None
        except _Skip:
            continue
        written += before + (match.group() if value is None else value)
    return written + pattern[at:]


def cut(name: str, longest: int) -> str:
    """The name in at most `longest` bytes, as file systems count them."""
    return name.encode()[:longest].decode(errors="ignore").rstrip(" .")


_TAG = re.compile(r"\[(?P<name>[a-zA-Z_]+)(?P<arguments>(?:<[^>]*>)*)\]")
_Make = Callable[[NameFacts, list[str]], str | None]


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _name(facts: NameFacts, value: str | None) -> str | None:
    return None if value is None else sanitized(value, facts.sanitizing)


def _seed_first(facts: NameFacts, _: list[str]) -> str | None:
    return _plain(facts.seed if facts.batch_size == 1 or not facts.seeds else facts.seeds[0])


def _seed_last(facts: NameFacts, _: list[str]) -> str | None:
    if facts.batch_size == 1:
        raise _Skip
    return _plain(facts.seeds[-1] if facts.seeds else None)


def _words(facts: NameFacts, _: list[str]) -> str:
    words = [word for word in re.split(rf"[\s{re.escape(string.punctuation)}]+", facts.prompt) if word]
    return sanitized(" ".join((words or ["empty"])[: facts.prompt_words]), facts.sanitizing)


def _without_styles(facts: NameFacts, _: list[str]) -> str:
    """The prompt without the texts of its styles, and without the commas that stood between."""
    prompt = facts.prompt
    for _name_of_it, text in facts.styles:
        for part in filter(None, text.split("{prompt}")):
            prompt = prompt.replace(part, "").replace(", ,", ",").strip().strip(",")
    return sanitized(prompt.strip().strip(",").strip(), facts.sanitizing)


def _scheduler(facts: NameFacts, _: list[str]) -> str | None:
    return None if facts.scheduler is None else facts.scheduler.capitalize()


def _sampler_scheduler(facts: NameFacts, _: list[str]) -> str | None:
    if facts.sampler_name is None or facts.scheduler is None:
        return None
    return sanitized(f"{facts.sampler_name} {facts.scheduler.capitalize()}", facts.sanitizing)


def _denoising(facts: NameFacts, _: list[str]) -> str:
    if not facts.denoising_strength:
        raise _Skip
    return str(facts.denoising_strength)


def _vae(facts: NameFacts, _: list[str]) -> str:
    """The VAE file's name up to its first dot; a hidden file's begins behind that."""
    if facts.vae_name is None:
        return "NoneType"
    return sanitized(facts.vae_name.lstrip(".").partition(".")[0], facts.sanitizing)


def _datetime(facts: NameFacts, arguments: list[str]) -> str:
    """`[datetime<format><zone>]`; a zone that does not exist is the local one, a bad format the usual one."""
    moment = facts.made_at
    if len(arguments) > 1 and arguments[1]:
        try:
            moment = moment.astimezone(ZoneInfo(arguments[1]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            moment = facts.made_at
    usual = "%Y%m%d%H%M%S"
    try:
        return sanitized(moment.strftime(arguments[0] if arguments and arguments[0] else usual), facts.sanitizing)
    except ValueError:
        return moment.strftime(usual)


def _hash(text: str | bytes, arguments: list[str], length: int | None) -> str:
    digest = hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()
    return digest[: int(arguments[0]) if arguments and arguments[0].isdecimal() else length]


def _batch_number(facts: NameFacts, _: list[str]) -> str:
    if facts.batch_size == 1 or facts.archive:
        raise _Skip
    return str(facts.batch_number + 1)


def _generation_number(facts: NameFacts, _: list[str]) -> str:
    if facts.count == 1 or facts.archive:
        raise _Skip
    return str(facts.generation_number + 1)


def _has_prompt(facts: NameFacts, arguments: list[str]) -> str:
    """`[hasprompt<word|otherwise>...]`: each word that is in the prompt, else its substitute."""
    prompt, found = facts.prompt.lower(), ""
    for argument in arguments:
        word, _, otherwise = argument.partition("|")
        found += word.lower() if word.lower() in prompt else otherwise
    return sanitized(found, facts.sanitizing, replace_spaces=True)


TAGS: dict[str, _Make] = {
    "seed": lambda facts, _: _plain(facts.seed) or "",
    "seed_first": _seed_first,
    "seed_last": _seed_last,
    "steps": lambda facts, _: _plain(facts.steps),
    "cfg": lambda facts, _: _plain(facts.cfg_scale),
    "width": lambda facts, _: str(facts.width),
    "height": lambda facts, _: str(facts.height),
    "sampler": lambda facts, _: _name(facts, facts.sampler_name),
    "scheduler": _scheduler,
    "sampler_scheduler": _sampler_scheduler,
    "denoising": _denoising,
    "styles": lambda facts, _: sanitized(", ".join(name for name, _ in facts.styles) or "None", facts.sanitizing),
    "model_hash": lambda facts, _: facts.model_hash(),
    "model_name": lambda facts, _: _name(facts, facts.model_name),
    "date": lambda facts, _: facts.made_at.strftime("%Y-%m-%d"),
    "datetime": _datetime,
    "job_timestamp": lambda facts, _: (facts.job_at or facts.made_at).strftime("%Y%m%d%H%M%S"),
    "prompt": lambda facts, _: sanitized(facts.prompt, facts.sanitizing, replace_spaces=True),
    "prompt_spaces": lambda facts, _: sanitized(facts.prompt, facts.sanitizing),
    "prompt_no_styles": _without_styles,
    "prompt_words": _words,
    "prompt_hash": lambda facts, arguments: _hash(facts.prompt, arguments, 8),
    "negative_prompt_hash": lambda facts, arguments: _hash(facts.negative_prompt, arguments, 8),
    "full_prompt_hash": lambda facts, arguments: _hash(f"{facts.prompt} {facts.negative_prompt}", arguments, 8),
    "image_hash": lambda facts, arguments: _hash(facts.pixels(), arguments, None),
    "batch_number": _batch_number,
    "batch_size": lambda facts, _: str(facts.batch_size),
    "generation_number": _generation_number,
    "hasprompt": _has_prompt,
    "clip_skip": lambda facts, _: _plain(facts.clip_skip),
    "user": lambda facts, _: _name(facts, facts.user),
    "vae_filename": _vae,
    "basename": lambda facts, _: facts.basename or "img",
    "none": lambda facts, _: "",
}
