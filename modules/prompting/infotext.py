"""The "parameters" text that A1111 writes into every picture, and its reading.

    a cat, (dog:1.2)
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7.0, Seed: 1, Size: 512x768, ...

`write` makes it of labelled values, `parse` takes it apart, old spellings included. What a label means
to a request is told in engine.infotext.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modules.prompting import emphasis
from modules.prompting.styles import Style, extracted

FIRST: Final = (
    "Steps", "Sampler", "Schedule type", "CFG scale", "Image CFG scale", "Seed", "Face restoration", "Size",
    "Model hash", "Model", "FP8 weight", "Cache FP16 weight for LoRA", "VAE hash", "VAE", "Variation seed",
    "Variation seed strength", "Seed resize from", "Denoising strength", "Conditional mask weight", "Clip skip",
    "ENSD", "Token merging ratio", "Token merging ratio hr", "Init image hash", "RNG", "Tiling",
)  # fmt: skip
"""Labels that stand before all others, in A1111's order."""
LAST: Final = ("Version", "User")

_NEGATIVE: Final = "Negative prompt:"
_EXACT: Final = ("Exact prompt", "Exact negative prompt")
"""Added where a prompt's own lines would be read as something else ("Negative prompt: ..." inside a prompt)."""

_RUN: Final = re.compile(r"[\w \-/]+")
_VALUE: Final = re.compile(r'\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE: Final = re.compile(r"(\d+)x(\d+)")
_VERSION: Final = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-(\d{1,9}|rc\d*)(?:-.*)?)?", re.IGNORECASE)

_HASH_BEHIND: Final = re.compile(r"\s*\([0-9a-fA-F]+\)\s*$")
_STYLES_IN_HIRES_PROMPTS: Final = (1, 8, 0, 139)
"""A1111 up to here wrote the prompts of a second pass without their styles."""
_OLD_LABELS: Final = {"Beta scheduler alpha": "Beta schedule alpha", "Beta scheduler beta": "Beta schedule beta"}
"""A1111 reads these and writes those."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": False,
}
"""What a label means that is not there, as A1111 fills it in."""


def quote(value: object) -> str:
    """The value as it stands behind its label: as JSON where a comma, colon or line end would mislead a reader.

    And where it is JSON of itself, which a reader would take for that.
    """
    text = str(value)
    misleads = any(mark in text for mark in ",:\n") or unquote(text) != text
    return json.dumps(text, ensure_ascii=False) if misleads else text


def unquote(text: str) -> str:
    """The value that `quote` wrote; anything that is not a JSON string is itself."""
    if len(text) < 2 or not (text[0] == text[-1] == '"'):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def write(prompt: str, negative_prompt: str, values: Mapping[str, object], index: int = 0) -> str:
    """The infotext of one picture.

    `values` come in their order between the fixed labels; None is left out. A list holds one value
    for each picture of the job, `index` picks this picture's.
    """
    picked = {label: _picked(value, index) for label, value in values.items()}
    text = _joined(prompt, negative_prompt, picked)
    for label, meant, found in zip(_EXACT, (prompt, negative_prompt), _prompts(text)[:2], strict=True):
        if meant.split() != found.split():
            # An empty value would be taken for none.
            picked[label] = meant or "\n"
    return _joined(prompt, negative_prompt, picked)


def parse(
    text: str,
    *,
    backcompat: bool = True,
    final_size: bool = False,
    styles: Sequence[Style] = (),
    style_mode: str = "Ignore",
) -> dict[str, Any]:
    """Labels to values, as A1111's: text where it was read, numbers and booleans where it was filled in.

    "Size: 512x768" becomes "Size-1" and "Size-2". Text without parameters is all prompt. With
    `backcompat` the settings are added that make pictures of older versions come out the same; with
    `final_size` the size is the second pass's, where there is one. `styles` that the prompts have are
    taken out of them unless `style_mode` is "Ignore", and put into "Styles array" unless it is "Discard".
    """
    prompt, negative, parameters = _prompts(text)
    found: dict[str, Any] = {}
    for label, value in _items(parameters):
        label = _OLD_LABELS.get(label, label)
        if not value:
            continue
        value = unquote(value)
        if size := _SIZE.fullmatch(value):
            found[f"{label}-1"], found[f"{label}-2"] = size.groups()
        else:
            found[label] = value
    for label, exact, as_read in zip(("Prompt", "Negative prompt"), _EXACT, (prompt, negative), strict=True):
        meant = found.pop(exact, None)
        found[label] = as_read if meant is None else meant.strip("\n")
    if style_mode != "Ignore":
        _take_out(found, styles, style_mode)
    _fill_in(found)
    _read_old_hires(found, final_size)
    if backcompat:
        _compensate_version(found)
    return found


def labels(text: str) -> tuple[str, ...]:
    """The labels that an infotext itself has, as `parse` names them, without what is filled in."""
    found: list[str] = []
    for label, value in _items(_prompts(text)[2]):
        label = _OLD_LABELS.get(label, label)
        found += [f"{label}-1", f"{label}-2"] if _SIZE.fullmatch(unquote(value)) else [label]
    return tuple(dict.fromkeys(found))


def _picked(value: object, index: int) -> object:
    if isinstance(value, list | tuple):
        return value[index] if index < len(value) else None
    return value


def _joined(prompt: str, negative_prompt: str, values: Mapping[str, object]) -> str:
    between = [label for label in values if label not in FIRST and label not in LAST]
    items = [
        label if values[label] == label else f"{label}: {quote(values[label])}"
        for label in (*FIRST, *between, *LAST)
        if values.get(label) is not None
    ]
    negative = f"\n{_NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{', '.join(items)}".strip()


def _prompts(text: str) -> tuple[str, str, str]:
    """Prompt, negative prompt and the line of parameters, which is empty if there is none."""
    *lines, parameters = text.strip().split("\n")
    # Up to two items may well be prose: "rating: safe, style: oil".
    if sum(1 for _ in _items(parameters)) < 3:
        lines, parameters = [*lines, parameters], ""
    prompt: list[str] = []
    negative: list[str] = []
    current = prompt
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            current, line = negative, line.removeprefix(_NEGATIVE).strip()
        current.append(line)
    return "\n".join(prompt).lstrip("\n"), "\n".join(negative).lstrip("\n"), parameters


def _items(line: str) -> Iterator[tuple[str, str]]:
    """Label and value as they stand there, by A1111's pattern, in linear time.

    A label has two characters at least and starts with a letter, a digit or an underscore.
    """
    at = 0
    while run := _RUN.search(line, at):
        at = run.end()
        label = run[0].lstrip(" -/")
        if len(label) > 1 and line.startswith(":", at) and (value := _VALUE.match(line, at + 1)):
            yield label, value[1]
            at = value.end()


def _take_out(found: dict[str, Any], styles: Sequence[Style], mode: str) -> None:
    """Takes styles out of the prompts. Those of a second pass must have the same ones, else all is left as it is."""
    names, prompt, negative = extracted(found["Prompt"], found["Negative prompt"], styles)
    version = _version(str(found.get("Version", "")))
    tells_second = "Hires prompt" in found or "Hires negative prompt" in found
    if tells_second and (version is None or version > _STYLES_IN_HIRES_PROMPTS):
        told = found.get("Hires prompt", found["Prompt"]), found.get("Hires negative prompt", found["Negative prompt"])
        same, second, second_negative = extracted(*told, styles)
        if same != names:
            return
        found["Hires prompt"] = "" if second == prompt else second
        found["Hires negative prompt"] = "" if second_negative == negative else second_negative
    found["Prompt"], found["Negative prompt"] = prompt, negative
    if mode == "Apply" or (mode == "Apply if any" and names):
        found["Styles array"] = list(names)


def _fill_in(found: dict[str, Any]) -> None:
    """Puts in what older versions left out or said otherwise."""
    if hypernetwork := found.get("Hypernet"):
        found["Prompt"] += f"<hypernet:{hypernetwork}:{found.get('Hypernet strength', '1.0')}>"
    if tags := "".join(_additional_networks(found)):
        found["Prompt"] += f"\n{tags}"
    for label, value in _DEFAULTS.items():
        found.setdefault(label, value)
    if found["FP8 weight"] != "Disable":
        found.setdefault("Cache FP16 weight for LoRA", False)
    if "Emphasis" not in found and (emphasis.is_used(found["Prompt"]) or emphasis.is_used(found["Negative prompt"])):
        found["Emphasis"] = "Original"


def _additional_networks(found: Mapping[str, Any]) -> Iterator[str]:
    """Tags of the LoRAs that an extension named before there were tags: "AddNet Model 1: name(hash)"."""
    for label in [label for label in found if label.startswith("AddNet Model ")]:
        number = label.removeprefix("AddNet Model ")
        if found.get(f"AddNet Module {number}") == "LoRA":
            name = _HASH_BEHIND.sub("", str(found[label]))
            yield f"<lora:{name}:{found.get(f'AddNet Weight A {number}', '1.0')}>"


def _read_old_hires(found: dict[str, Any], final_size: bool) -> None:
    """Once "Size" was the final size and the first pass had its own, 0x0 when it was to be computed."""
    try:
        if final_size and (final := (int(found["Hires resize-1"]), int(found["Hires resize-2"]))) and all(final):
            found["Size-1"], found["Size-2"] = final
            return
        first = int(found["First pass size-1"]), int(found["First pass size-2"])
        width, height = int(found.get("Size-1", 512)), int(found.get("Size-2", 512))
        if 0 in first:
            scale = math.sqrt(512 * 512 / max(width * height, 1))
            first = math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64
    except (KeyError, ValueError, OverflowError):
        # Nothing of the kind, or numbers of thousands of digits.
        return
    found["Size-1"], found["Size-2"] = first
    found["Hires resize-1"], found["Hires resize-2"] = width, height


def _compensate_version(found: dict[str, Any]) -> None:
    """Asks for the old behaviour where an older version of A1111 wrote the text. Other programs are left alone."""
    version = _version(str(found.get("Version", "")))
    if version is None:
        return
    if version < (1, 6, 0, 0) and "[" in found["Prompt"]:
        found["Old prompt editing timelines"] = True
    if version < (1, 6, 0, 0) and found.get("Sampler") in ("DDIM", "PLMS"):
        found["Pad conds v0"] = True
    if version < (1, 7, 0, 225):
        found["Downcast alphas_cumprod"] = True
    if version < (1, 8, 0, 0) and "Refiner" in found:
        found["Refiner switch by sampling steps"] = True


def _version(text: str) -> tuple[int, int, int, int] | None:
    """Major, minor, micro and commits since then of "v1.7.0-225-gabc"; a release candidate counts -1."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, micro, since = match.groups(default="0")
    return int(major), int(minor), int(micro), int(since) if since.isdecimal() else -1
