"""A1111's processing object `p`, and running it: `process_images(p)` -> `Processed`.

`p` holds the fields of a request, under the same names, and what scripts add to it. Running it makes the frozen
request of it, joins the hooks of its scripts into the engine's run, and delivers what comes out.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from modules import _making, _pictures
from modules._anchor import run_now
from modules.engine.infotext import PROGRAM
from modules.engine.plan import styled, uncommented
from modules.engine.request import Img2Img, Request, Txt2Img
from modules.foundation.errors import UserError
from modules.prompting.options import PromptOptions

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.store.inputs import Inputs

log = logging.getLogger(__name__)

opt_C = 4
opt_f = 8
EXTRAS: dict[str, Any] = {
    "outpath_samples": None,
    "outpath_grids": None,
    "prompt_for_display": None,
    "sd_model": None,
    "overlay_images": None,
    "scripts": None,
    "script_args": (),
    "is_api": False,
    "user": None,
    "iteration": 0,
    "batch_index": 0,
    "is_hr_pass": False,
    "paste_to": None,
    "color_corrections": None,
    "image_mask": None,
    "extra_network_data": None,
    "sampler_noise_scheduler_override": None,
    "override_settings_restore_afterwards": True,
    "reuse_made": False,
    "made_infotext": "",
}
"""Attributes of `p` besides the request's fields. `reuse_made` is Atelier's: pictures that an earlier job made of the
same request under the same settings are taken instead of being made again. `made_infotext` is the first picture's."""


class StableDiffusionProcessing:
    """`p`. Every field of the request is an attribute; other attributes may be set and mean nothing to the engine."""

    request_type: type[Request] = Request

    def __init__(self, **fields: Any) -> None:
        known = self.request_type.model_fields
        for name, info in known.items():
            if name not in ("script_args", "kind"):
                value = None if info.is_required() else info.get_default(call_default_factory=True)
                setattr(self, name, value)
        for name, default in EXTRAS.items():
            setattr(self, name, default)
        self.styles: list[str] = []
        self.extra_generation_params: dict[str, Any] = {}
        self.comments: dict[str, int] = {}
        self.override_settings: dict[str, Any] = {}
        for name in ("all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds"):
            setattr(self, name, None)
        for name in ("prompts", "negative_prompts", "seeds", "subseeds"):
            setattr(self, name, None)
        for name, value in fields.items():
            if name not in known and name not in EXTRAS and not hasattr(self, name):
                raise TypeError(f"{type(self).__name__} has no field '{name}'.")
            setattr(self, name, value)
        self.styles = list(self.styles)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def comment(self, text: str) -> None:
        """Tell the user something of the result."""
        self.comments[text] = 1

    def setup_prompts(self) -> None:
        """Fill `all_prompts` and `all_negative_prompts`: one for each picture of the job, styles put in."""
        count = self.batch_size * self.n_iter
        for name in ("prompt", "negative_prompt"):
            given = getattr(self, name)
            texts = list(given) if isinstance(given, list | tuple) else [given] * count
            setattr(self, f"all_{name}s", [self._finished(name, text) for text in texts])
        negatives = self.all_negative_prompts
        if len(negatives) != len(self.all_prompts):
            self.all_negative_prompts = [negatives[0]] * len(self.all_prompts)
        for name in ("hr_prompt", "hr_negative_prompt"):
            text = getattr(self, name, "")
            setattr(self, f"all_{name}s", [self._finished("prompt", text)] * len(self.all_prompts) if text else None)
        self.main_prompt, self.main_negative_prompt = self.all_prompts[0], self.all_negative_prompts[0]

    def setup_seeds(self) -> None:
        """Fill `all_seeds` and `all_subseeds`; with a variation strength only the variation seed counts on."""
        fix_seed(self)
        count = len(self.all_prompts)
        step = 0 if self.subseed_strength else 1
        for name, by in (("seed", step), ("subseed", 1)):
            given = getattr(self, name)
            seeds = list(given) if isinstance(given, list | tuple) else [int(given) + by * n for n in range(count)]
            setattr(self, f"all_{name}s", seeds)

    def save_samples(self) -> bool:
        """Whether its pictures are written to disk."""
        return bool(_shared().opts.samples_save and not self.do_not_save_samples)

    def close(self) -> None:
        """Nothing to let go of; scripts call it."""

    def _finished(self, name: str, text: str) -> str:
        """A prompt with the styles put in and its comments left out, as the engine will read it."""
        run = run_now()
        request, _ = styled(Request(**{name: str(text), "styles": tuple(self.styles)}), run.studio.styles.known())
        if run.settings[PromptOptions].enable_prompt_comments:
            request = uncommented(request)
        return getattr(request, name)


class StableDiffusionProcessingTxt2Img(StableDiffusionProcessing):
    """`p` of a picture from words alone."""

    request_type = Txt2Img


class StableDiffusionProcessingImg2Img(StableDiffusionProcessing):
    """`p` of a picture out of `init_images`, within `image_mask` if there is one; both are Pillow's pictures."""

    request_type = Img2Img

    def __init__(self, init_images: Sequence[Image] = (), mask: Image | None = None, **fields: Any) -> None:
        super().__init__(**fields)
        self.init_images = list(init_images)
        if mask is not None:
            self.image_mask = mask


def process_images(p: StableDiffusionProcessing) -> Processed:
    """Run `p` and deliver its pictures, as often as a script likes.

    Looks `process_images_inner` up when it is called, so that extensions may put theirs in its place.
    """
    with run_now().overridden(dict(p.override_settings)):
        if p.scripts is not None:
            p.scripts.before_process(p)
        return process_images_inner(p)


def process_images_inner(p: StableDiffusionProcessing) -> Processed:
    """What `process_images` comes down to."""
    p.setup_prompts()
    p.setup_seeds()
    if p.scripts is not None:
        p.scripts.process(p)
    images, infotexts, grids = _making.make(p)
    processed = Processed(p, images, infotexts=infotexts, index_of_first_image=grids)
    if p.scripts is not None:
        p.scripts.postprocess(p, processed)
    for text in p.comments:
        run_now().job.comment(text)
    return processed


def request_of(p: StableDiffusionProcessing) -> tuple[Request, Inputs]:
    """The frozen request that `p` comes down to, and the pictures it names.

    Raises UserError for a value that does not fit its field.
    """
    values: dict[str, Any] = {}
    for name in p.request_type.model_fields:
        if name in ("script_name", "script_args", "alwayson_scripts", "kind", "styles"):
            continue
        value = getattr(p, name)
        if name in ("prompt", "negative_prompt", "seed", "subseed"):
            value = getattr(p, f"all_{name}s")[0]
        values[name] = value
    pictures, inputs = _pictures.held(p, run_now().studio.inputs)
    try:
        return p.request_type.model_validate({**values, **pictures}), inputs
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{first['loc'][0]} cannot be {str(first['input'])[:80]}: {first['msg']}.") from None


def fix_seed(p: StableDiffusionProcessing) -> None:
    """Draw the seeds that are -1."""
    p.seed = [get_fixed_seed(seed) for seed in p.seed] if isinstance(p.seed, list) else get_fixed_seed(p.seed)
    subseed = p.subseed
    p.subseed = [get_fixed_seed(seed) for seed in subseed] if isinstance(subseed, list) else get_fixed_seed(subseed)


def get_fixed_seed(seed: Any) -> int:
    """The seed as a number; one drawn for "", None and -1."""
    if seed in ("", None) or int(seed) == -1:
        return run_now().draw_seed()
    return int(seed)


def program_version() -> str:
    return PROGRAM


class Processed:
    """Pictures and what they were made with. `images` has grids first, `index_of_first_image` of them."""

    def __init__(
        self,
        p: StableDiffusionProcessing,
        images_list: list[Image],
        seed: int = -1,
        info: str = "",
        subseed: int | None = None,
        all_prompts: list[str] | None = None,
        all_negative_prompts: list[str] | None = None,
        all_seeds: list[int] | None = None,
        all_subseeds: list[int] | None = None,
        index_of_first_image: int = 0,
        infotexts: list[str] | None = None,
        comments: str = "",
    ) -> None:
        self.images = images_list
        self.index_of_first_image = index_of_first_image
        self.prompt, self.negative_prompt = _first(p.prompt), _first(p.negative_prompt)
        self.all_prompts = all_prompts or p.all_prompts or [self.prompt]
        self.all_negative_prompts = all_negative_prompts or p.all_negative_prompts or [self.negative_prompt]
        self.all_seeds = all_seeds or p.all_seeds or [seed]
        self.all_subseeds = all_subseeds or p.all_subseeds or [subseed if subseed is not None else -1]
        self.seed = seed if seed != -1 else self.all_seeds[0]
        self.subseed = self.all_subseeds[0] if subseed is None else subseed
        self.infotexts = infotexts or [info] * len(images_list)
        self.info = info or (self.infotexts[0] if self.infotexts else "")
        self.comments = comments
        self.width, self.height = p.width, p.height
        self.sampler_name, self.steps, self.cfg_scale = p.sampler_name, p.steps, p.cfg_scale
        self.batch_size, self.styles = p.batch_size, p.styles
        self.denoising_strength = getattr(p, "denoising_strength", None)
        self.extra_generation_params = p.extra_generation_params

    def js(self) -> str:
        """Its plain values as JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "images"}
        return json.dumps(plain, default=lambda value: None)

    def infotext(self, p: StableDiffusionProcessing, index: int) -> str:
        """The infotext of picture `index`, grids not counted."""
        place = index + self.index_of_first_image
        return self.infotexts[place] if place < len(self.infotexts) else self.info


def create_infotext(
    p: StableDiffusionProcessing,
    all_prompts: list[str],
    all_seeds: list[int],
    all_subseeds: list[int],
    comments: Any = None,
    iteration: int = 0,
    position_in_batch: int = 0,
    use_main_prompt: bool = False,
    index: int | None = None,
    all_negative_prompts: list[str] | None = None,
) -> str:
    """The infotext of one picture of `p`: what the engine told of its first, with this prompt and these seeds."""
    number = position_in_batch + iteration * p.batch_size if index is None else index
    number = min(number, len(all_prompts) - 1)
    prompts = (all_prompts[number], (all_negative_prompts or p.all_negative_prompts)[number])
    if use_main_prompt:
        prompts = (p.main_prompt, p.main_negative_prompt)
    return _making.retold(p, *prompts, all_seeds[number], all_subseeds[number], number)


def batches(count: int, size: int) -> int:
    """How many batches `count` pictures take."""
    return math.ceil(count / size)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) else value


def _shared() -> Any:
    from modules import shared

    return shared
