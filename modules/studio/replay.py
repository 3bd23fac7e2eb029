"""Replay: a picture is made again from its own infotext and compared with itself.

`recipe_of` says what would be made, or why nothing can be; `submit` queues it, `run` makes and compares.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict

from modules.engine import recipe
from modules.engine.infotext import PROGRAM
from modules.engine.options import VaeOptions
from modules.engine.request import Txt2Img
from modules.foundation.errors import Interrupted, NotFound, UserError
from modules.prompting import infotext
from modules.store import pnginfo
from modules.studio import inputs
from modules.studio.generate import context_of
from modules.studio.result import SavedImage

if TYPE_CHECKING:
    from modules.engine.plan import Made
    from modules.foundation.settings import Snapshot
    from modules.jobs.job import Job
    from modules.studio.context import Studio

log = logging.getLogger(__name__)

KIND: Final = "replay"
CLOSE: Final = 45.0
"""dB; from here on two pictures count as equal, and no other way is tried."""
NEEDED: Final = ("Steps", "Sampler", "Seed", "Size-1", "Size-2")
FROM_A_PICTURE: Final = (
    "Init image hash", "Mask blur", "Mask mode", "Inpaint area", "Masked content", "Noise multiplier",
    "Image CFG scale",
)  # fmt: skip
"""Labels that only img2img writes."""
AFTERWARDS: Final = ("Postprocess upscale by", "Postprocess upscale to", "GFPGAN visibility", "CodeFormer visibility")
"""Labels of what Extras did to a picture."""
INFORMATION: Final = {
    "Model hash", "Model", "VAE hash", "VAE", "Version", "User", "Lora hashes", "TI hashes", "Hypernet",
    "Hypernet strength", *recipe.SAMPLING, "First pass size-1",
    "First pass size-2", "Exact prompt", "Exact negative prompt", "Init image hash",
}  # fmt: skip
"""Labels that are understood and are neither fields nor settings."""
Verdict = Literal["identical", "different", "other size"]


class Task(BaseModel):
    """`picture` is the name of a picture among the inputs."""

    model_config = ConfigDict(frozen=True)

    picture: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a picture says it was made with: the request, and what of it cannot be as it was.

    `sources` are where its noise may have come from, as the setting randn_source calls them, the likeliest first.
    """

    infotext: str
    request: Txt2Img
    remarks: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What came of it. `remarks` is what differs in the recipe and where it was made; `infotext` what was made now.

    The job's pictures are the new one and, if they can be compared, where both differ. `psnr` in dB is None for
    identical pictures and for those of another size.
    """

    verdict: Verdict
    infotext: str
    remarks: tuple[str, ...]
    psnr: float | None = None
    largest: int = 0
    share: float = 0.0


def register(studio: Studio, *, ready: bool) -> None:
    """Make the queue take replays; with `ready` also run them."""
    studio.jobs.register(KIND, Task, partial(run, studio=studio) if ready else None)


def submit(studio: Studio, data: bytes, owner: str | None) -> Job:
    """Queue the replay of a picture's file. Raises as `recipe_of`."""
    recipe_of(studio, data)
    return studio.jobs.submit(KIND, Task(picture=inputs.keep(studio, data)), owner=owner)


def run(job: Job, studio: Studio) -> Replayed:
    """Make the picture again and compare. Raises UserError if it cannot be made."""
    from modules.engine.generate import generate

    assert isinstance(job.request, Task)
    data = studio.inputs.read(job.request.picture)
    asked = recipe_of(studio, data)
    context = context_of(job, studio, studio.settings.snapshot)
    best: _Attempt | None = None
    for source in asked.sources:
        overrides = {**asked.request.override_settings, "randn_source": source}
        made = next(generate(asked.request.model_copy(update={"override_settings": overrides}), context), None)
        if made is None or job.cancel.interrupted:
            raise Interrupted
        with Image.open(BytesIO(data)) as original:
            attempt = _compared(original, made)
        if best is None or attempt.closeness > best.closeness:
            best = attempt
        if attempt.closeness >= CLOSE:
            break
    assert best is not None
    for image in best.images:
        job.announce("image", image)
    told = (*asked.remarks, *best.outcome.remarks, *_differing(asked.infotext, best.outcome.infotext))
    identical = best.outcome.verdict == "identical"
    if len(asked.sources) > 1 and not identical:
        told = (*told, "The noise was drawn by a GPU or by a CPU; the picture does not tell, so both may be tried.")
    return replace(best.outcome, remarks=(*told, *_circumstances(studio, identical), *job.comments))


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """One try. `closeness` is the PSNR in dB, infinite for identical pictures, -1 for those of another size."""

    outcome: Replayed
    images: tuple[SavedImage, ...]
    closeness: float


def recipe_of(studio: Studio, data: bytes) -> Recipe:
    """What the picture in a file was made with. Raises UserError that says why it cannot be made again."""
    text, items = pnginfo.read(data)
    if not text:
        raise UserError("The picture carries no generation parameters, so there is nothing to make it again from.")
    labels = infotext.parse(text)
    told = infotext.labels(text)
    if missing := [label.removesuffix("-1") for label in NEEDED if label not in labels and not label.endswith("-2")]:
        raise UserError(
            f"The picture's parameters do not tell {', '.join(missing)}; without that it cannot be made again."
        )
    _check_kind(labels, told)
    with pnginfo.opened(data) as image:
        _check_size(labels, image.size)
    fields, remarks = _fields(studio, labels)
    unknown = [label for label in told if label not in _known(studio.settings.snapshot)]
    if unknown:
        shown = ", ".join(f"{label}: {labels.get(label, '')}" for label in unknown)
        remarks.append(f"Not understood here, and left out: {shown}.")
    if "postprocessing" in items or "extras" in items:
        remarks.append("The picture went through Extras afterwards, which is not done again.")
    return Recipe(text, Txt2Img.model_validate(fields), tuple(remarks), _sources(labels))


def _check_kind(labels: Mapping[str, Any], told: tuple[str, ...]) -> None:
    """Raises UserError for what an infotext does not describe whole."""
    if "Script" in told:
        raise UserError(f"The picture is a grid that the script '{labels['Script']}' made of many; replay one of them.")
    hires = recipe.asks_for_hires(labels)
    if any(label in told for label in FROM_A_PICTURE) or ("Denoising strength" in told and not hires):
        raise UserError(
            "The picture was made from another one (img2img), which its parameters do not contain; so it cannot be "
            "made again from them."
        )
    if found := [label for label in AFTERWARDS if label in told]:
        raise UserError(f"The picture was changed after it was made ({', '.join(found)}), so it cannot be compared.")


def _check_size(labels: Mapping[str, Any], size: tuple[int, int]) -> None:
    """A first pass alone tells how large its picture is."""
    wanted = tuple(int(labels[label]) // 8 * 8 for label in ("Size-1", "Size-2"))
    if not recipe.asks_for_hires(labels) and wanted != size:
        raise UserError(
            f"The picture has {size[0]}x{size[1]} pixels but its parameters make one of {wanted[0]}x{wanted[1]}: it is "
            "a grid, or was enlarged or cut afterwards."
        )


def _fields(studio: Studio, labels: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The request's fields, every setting that matters as it was then, and what cannot be so."""
    snapshot, remarks = studio.settings.snapshot, list[str]()
    fields = recipe.request_fields(labels, snapshot, Txt2Img, complete=True)
    overrides: dict[str, Any] = fields["override_settings"]
    # The infotext's prompts are as they were encoded: comments are gone already, and what is left is text.
    overrides["enable_prompt_comments"] = False
    if checkpoint := _checkpoint(studio, labels, remarks):
        overrides["sd_model_checkpoint"] = checkpoint
    _use_vae(studio, labels, overrides, remarks)
    fields |= {"styles": (), "do_not_save_samples": True, "do_not_save_grid": True, "n_iter": 1, "batch_size": 1}
    return fields, remarks


def _checkpoint(studio: Studio, labels: Mapping[str, Any], remarks: list[str]) -> str | None:
    """The title of the checkpoint to use, None for the chosen one."""
    name, digest = str(labels.get("Model", "")), str(labels.get("Model hash", ""))
    for wanted in filter(None, (digest, name)):
        try:
            file = studio.catalog.sha256(studio.catalog.find_checkpoint(wanted))
        except (NotFound, UserError):
            continue
        if digest and file.hash != digest:
            remarks.append(
                f"The checkpoint {name or digest} is another file here: hash {file.hash}, the picture's was {digest}."
            )
        return file.title
    if name or digest:
        remarks.append(f"The checkpoint {name} [{digest}] is not here; the chosen one was used instead.")
    else:
        remarks.append("The picture does not tell its checkpoint; the chosen one was used.")
    return None


def _use_vae(studio: Studio, labels: Mapping[str, Any], overrides: dict[str, Any], remarks: list[str]) -> None:
    told = str(labels.get("VAE", ""))
    if not told:
        # Without a word of one, the checkpoint's own was used.
        if studio.settings.snapshot[VaeOptions].sd_vae != "None":
            overrides["sd_vae"] = "None"
        return
    try:
        overrides["sd_vae"] = studio.catalog.find_vae(told).name
    except NotFound:
        overrides["sd_vae"] = "None"
        remarks.append(f"The VAE {told} is not here; the checkpoint's own was used instead.")


def _known(settings: Snapshot) -> set[str]:
    """Every label that means something to this studio."""
    told = {about.infotext for group in settings.groups for about in group.declared().values() if about.infotext}
    return set(recipe.FIELDS) | told | INFORMATION


def _sources(labels: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the noise came from. "GPU", the default, is an NVIDIA GPU's (NV) where there was one, else a CPU's."""
    told = str(labels.get("RNG", "GPU"))
    if told != "GPU":
        return (told,)
    ours = str(labels.get("Version", "")).startswith(PROGRAM.split()[0])
    return ("GPU", "NV") if ours else ("NV", "CPU")


def _differing(before: str, now: str) -> Iterator[str]:
    """What both infotexts say differently, apart from the prompts' white space."""
    old, new = infotext.parse(before), infotext.parse(now, backcompat=False)
    for label in dict.fromkeys((*infotext.labels(before), *infotext.labels(now))):
        if label == "RNG" and "RNG" not in infotext.labels(before):
            continue  # told apart from the others
        one, other = old.get(label), new.get(label)
        if label == "Schedule type" and "Schedule type" not in infotext.labels(before):
            continue  # older versions have it in the sampler's name
        if label == "Sampler" and recipe.same_sampling(old, new):
            continue
        if not _alike(one, other):
            yield f"{label}: {_told(one)} then, {_told(other)} now."


def _alike(one: Any, other: Any) -> bool:
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return str(one).split() == str(other).split()


def _told(value: Any) -> str:
    return "not told" if value is None else str(value)


def _circumstances(studio: Studio, identical: bool) -> Iterator[str]:
    """Where it was made now: infotexts do not tell that of then."""
    handle = studio.models.current
    if handle is not None:
        dtype = str(handle.unet.dtype).removeprefix("torch.")
        closer = "" if identical or dtype == "float32" else ' The setting "Compute in 32 bits" may bring both closer.'
        yield f"Made now on {handle.device} in {dtype}; infotexts do not tell the device and precision of then.{closer}"


def _compared(original: Image.Image, made: Made) -> _Attempt:
    from modules.vision.compare import compare, saved_like

    new, remarks = _shown(made, made.image), ()
    if made.image.size != original.size:
        sizes = [f"{one.width}x{one.height}" for one in (original, made.image)]
        remarks = (f"The picture has {sizes[0]} pixels, the new one {sizes[1]}.",)
        return _Attempt(Replayed("other size", made.infotext, remarks), (new,), -1)
    if original.format == "JPEG":
        remarks = ("The file is a JPEG: the new picture was compressed the same way before comparing.",)
    elif original.format in ("WEBP", "AVIF", "GIF"):
        remarks = (f"The file is a {original.format}, which may have lost something when it was saved.",)
    found = compare(original, saved_like(made.image, original))
    if found.identical:
        return _Attempt(Replayed("identical", made.infotext, remarks), (new,), found.psnr)
    outcome = Replayed("different", made.infotext, remarks, found.psnr, found.largest, found.share)
    return _Attempt(outcome, (new, replace(_shown(made, found.picture), infotext="")), found.psnr)


def _shown(made: Made, image: Image.Image) -> SavedImage:
    plan, index = made.plan, made.index
    return SavedImage(
        path=None,
        image=image,
        infotext=made.infotext,
        seed=plan.seeds[index],
        subseed=plan.subseeds[index],
        prompt=plan.prompts[index],
        negative_prompt=plan.negative_prompts[index],
        width=image.width,
        height=image.height,
        disposable=True,
    )
