"""The networks that prompts ask for: tags read, files found, the model patched. Start with `read_networks`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from modules.foundation.errors import NotFound, UserError
from modules.networks import blocks
from modules.networks.options import NetworkOptions
from modules.networks.patch import NOTHING, File, HypernetPatch, PatchSet, WeightPatch, ensure
from modules.prompting.network_tags import Tag, extract

if TYPE_CHECKING:
    from modules.engine.model import ModelHandle
    from modules.engine.run import RunContext
    from modules.networks.embedding import Embedding, Vocabulary
    from modules.store.model_files import ModelFile

log = logging.getLogger(__name__)

LORA: Final = ("lora", "lyco")
HYPERNET: Final = "hypernet"
_NAMED: Final = 4
"""Modules that are named when a network has more than the model has a place for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a batch's prompts ask for. `loras` are its LoRA files by the names in the prompt."""

    patches: PatchSet = NOTHING
    loras: Mapping[str, ModelFile] = field(default_factory=dict)


def read_networks(prompts: Sequence[str], run: RunContext, *, disabled: bool = False) -> tuple[tuple[str, ...], Asked]:
    """The prompts, with the tags of networks that settings add to all, and what the first of them asks for.

    As in A1111 a batch has the networks of its first prompt, and a LoRA named twice counts twice with its last
    weights. What cannot be found or understood is told as a comment and left out. `disabled` leaves out all.
    """
    prompts = tuple(prompts)
    tags = extract(prompts[0])[1] if prompts and not disabled else ()
    if not prompts or disabled:
        return prompts, Asked()
    unknown = [str(tag) for tag in tags if tag.kind not in (*LORA, HYPERNET)]
    if unknown:
        run.report.comment(f"There is no such kind of network, so it was left out: {', '.join(unknown)}.")
    loras, hypernetworks = [tag for tag in tags if tag.kind in LORA], [tag for tag in tags if tag.kind == HYPERNET]
    options = run.settings[NetworkOptions]
    weight = str(options.extra_networks_default_multiplier)
    added = [
        *_added(HYPERNET, options.sd_hypernetwork, weight, hypernetworks, _hypernetwork(run, options.sd_hypernetwork)),
        *_added("lora", options.sd_lora, weight, loras, run.catalog.lora_names.is_known(options.sd_lora)),
    ]
    loras += [tag for tag in added if tag.kind in LORA]
    hypernetworks += [tag for tag in added if tag.kind == HYPERNET]
    files, patches = _lora_patches(loras, run)
    asked = Asked(PatchSet(patches, _hypernet_patches(hypernetworks, run)), files)
    return tuple(text + "".join(map(str, added)) for text in prompts), asked


def activate(handle: ModelHandle, asked: Asked, run: RunContext) -> dict[str, str | None]:
    """Have the model with the networks asked for. The LoRAs' hashes for the infotext by their names in the prompt.

    Networks that do not fit the model are told as comments; so is what they have that the model does not.
    """
    options = run.settings[NetworkOptions]
    outcomes = ensure(handle, asked.patches, options.lora_in_memory_limit)
    refused: set[str] = set()
    for outcome in outcomes:
        if outcome.refused:
            refused.add(outcome.name)
            run.report.comment(f"The network '{outcome.name}' was left out: {outcome.refused}")
        elif outcome.unknown:
            names = ", ".join(outcome.unknown[:_NAMED]) + (", ..." if len(outcome.unknown) > _NAMED else "")
            run.report.comment(
                f"Of the network '{outcome.name}' {outcome.applied} modules were applied; "
                f"this model has no place for {len(outcome.unknown)} others: {names}."
            )
        else:
            log.info("Network %s: %d modules applied", outcome.name, outcome.applied)
    if not options.lora_add_hashes_to_infotext:
        return {}
    used = {name: file for name, file in asked.loras.items() if file.stem not in refused}
    return {name: run.catalog.lora_names.hash(file) for name, file in used.items()}


def vocabulary_of(handle: ModelHandle, run: RunContext) -> Vocabulary:
    """The trained words that the model's text encoder knows."""
    return run.embeddings.vocabulary(handle.family.name, handle.text_width, handle.patched.bundled)


def word_hashes(words: Mapping[str, Embedding], run: RunContext) -> dict[str, str | None]:
    """The hashes of embeddings for the infotext."""
    if not words or not run.settings[NetworkOptions].textual_inversion_add_hashes_to_infotext:
        return {}
    files = {file.path: file for file in run.catalog.embeddings()}
    bundles = {file.path: file for file in run.catalog.loras()}
    found: dict[str, str | None] = {}
    for name, word in words.items():
        if word.path in files:
            found[name] = _short(files[word.path], run)
        elif word.path in bundles and run.settings[NetworkOptions].lora_bundled_ti_to_infotext:
            found[word.path.stem] = run.catalog.lora_names.hash(bundles[word.path])
    return found


def _short(file: ModelFile, run: RunContext) -> str | None:
    try:
        return (run.catalog.sha256(file).sha256 or "")[:12]
    except UserError as error:
        log.warning("%s", error)
        return None


def joined_hashes(hashes: Mapping[str, str | None]) -> str | None:
    """ "name: hash, name: hash" as infotexts have it; None without any."""
    told = [f"{name.translate(_SEPARATORS)}: {digest}" for name, digest in hashes.items() if digest]
    return ", ".join(told) or None


_SEPARATORS: Final = str.maketrans("", "", ":,")


def _added(kind: str, name: str, weight: str, named: Sequence[Tag], exists: object) -> list[Tag]:
    """The tag that a setting adds to every prompt, unless the prompt names that network itself."""
    if name in ("", "None") or not exists or any(tag.positional[:1] == (name,) for tag in named):
        return []
    return [Tag(kind, (name, weight))]


def _lora_patches(tags: Sequence[Tag], run: RunContext) -> tuple[dict[str, ModelFile], tuple[WeightPatch, ...]]:
    files: dict[str, ModelFile] = {}
    missing: list[str] = []
    strengths: dict[str, tuple[float, float, int | None, tuple[float, ...] | None]] = {}
    order: list[str] = []
    try:
        for tag in tags:
            name, *_ = tag.positional or ("",)
            strengths[name] = _strengths(tag)
            order.append(name)
    except UserError as error:
        # One weight that is no number, and A1111 applies none of the LoRAs.
        run.report.comment(f"{error} No LoRA was applied.")
        return {}, ()
    for name in strengths:
        try:
            files[name] = run.catalog.lora_names.find(name)
        except NotFound:
            missing.append(name)
    if missing:
        run.report.comment(f"Lora not found: {', '.join(missing)}")
    return files, tuple(WeightPatch(_file(files[name]), *strengths[name]) for name in order if name in files)


def _strengths(tag: Tag) -> tuple[float, float, int | None, tuple[float, ...] | None]:
    """Weights in the text encoder and the UNet, ranks to keep, weights of blocks. Raises UserError naming the tag."""
    _, *positional = tag.positional or ("",)
    named = tag.named
    try:
        te = float(named.get("te", positional[0] if positional else 1.0))
        # Without a weight of its own the UNet has the text encoder's.
        unet = float(named.get("unet", positional[1] if len(positional) > 1 else te))
        rank = named.get("dyn", positional[2] if len(positional) > 2 else None)
        dyn = None if rank is None else int(rank)
    except ValueError:
        raise UserError(f"{tag} cannot be read: its weights must be numbers, as in <lora:name:0.8>.") from None
    return te, unet, dyn, blocks.read(named["lbw"]) if "lbw" in named else None


def _hypernet_patches(tags: Sequence[Tag], run: RunContext) -> tuple[HypernetPatch, ...]:
    found: list[HypernetPatch] = []
    missing: list[str] = []
    for tag in tags:
        name, *rest = tag.positional or ("",)
        file = _hypernetwork(run, name)
        try:
            multiplier = float(rest[0]) if rest else 1.0
        except ValueError:
            run.report.comment(f"{tag} cannot be read: its weight must be a number. It was left out.")
            continue
        if file is None:
            missing.append(name)
        else:
            found.append(HypernetPatch(_file(file), multiplier))
    if missing:
        run.report.comment(f"Hypernetwork not found: {', '.join(missing)}")
    return tuple(found)


def _hypernetwork(run: RunContext, name: str) -> ModelFile | None:
    """The file of a stem. A file called None could never be told from none."""
    if name in ("", "None"):
        return None
    return next((file for file in run.catalog.hypernetworks() if file.stem == name), None)


def _file(file: ModelFile) -> File:
    return File(file.stem, file.path, file.modified)
