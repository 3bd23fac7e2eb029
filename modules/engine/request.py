"""What a user can ask for: the frozen request, in A1111's API names, with ranges and help.

One definition serves the API body, the tab's controls, the job's row in the database and the
infotext. Nothing here imports torch: the page is built from it before torch is loaded.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from modules.engine.advanced import Advanced
from modules.engine.high_res import HighRes, Target
from modules.foundation.lenient import Int, Text
from modules.store.inputs import NAME

MAX_PROMPT = 100_000
"""Characters. Far beyond any prompt a person writes; a pasted file is refused before it is queued."""

Prompt = Annotated[Text, StringConstraints(max_length=MAX_PROMPT)]
Seed = Annotated[Int, Field(ge=-1, le=2**64 - 1)]
Side = Annotated[Int, Field(ge=16, le=8192)]
"""Pixels. Sides that are no multiple of 8 are cut down to one, as A1111 does."""


NoneIsEmpty = Annotated[Text, BeforeValidator(lambda name: "" if name in (None, "None") else name)]
"""A name; null and A1111's word for it ask for none."""


class Request(Advanced):
    """What every generation has. Values are validated here and nowhere later."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt: Prompt = ""
    negative_prompt: Prompt = ""
    styles: tuple[Text, ...] = Field((), description="names of styles to put into the prompts")
    seed: Seed = Field(-1, description="-1 takes a random one")
    subseed: Seed = -1
    subseed_strength: float = Field(0.0, ge=0, le=1)
    seed_resize_from_w: Int = Field(-1, ge=-1, le=8192)
    seed_resize_from_h: Int = Field(-1, ge=-1, le=8192)
    sampler_name: Text = ""
    scheduler: Text = ""
    steps: Int = Field(20, ge=1, le=1000)
    cfg_scale: float = Field(7.0, ge=0, le=100)
    width: Side = 512
    height: Side = 512
    batch_size: Int = Field(1, ge=1, le=64)
    n_iter: Int = Field(1, ge=1, le=1000, description="number of batches")
    eta: float | None = Field(None, ge=0, le=10)
    s_churn: float | None = Field(None, ge=0)
    s_tmin: float | None = Field(None, ge=0)
    s_tmax: float | None = Field(None, ge=0)
    s_noise: float | None = Field(None, ge=0)
    s_min_uncond: float | None = Field(None, ge=0)
    disable_extra_networks: bool = Field(False, description="take networks' tags out of the prompt and apply none")
    refiner_checkpoint: NoneIsEmpty = Field("", description="the checkpoint that goes on in mid-run; none if empty")
    refiner_switch_at: float | None = Field(None, ge=0, le=1, description="the share that is done by then; at once")
    restore_faces: bool | None = Field(None, description="null leaves it to the settings")
    tiling: bool | None = Field(None, description="edges that fit together; the setting decides if open")
    override_settings: dict[str, Any] = Field(default_factory=dict)
    script_name: Text | None = Field(None, description="the script to run, by its title in any case")
    script_args: tuple[Any, ...] = Field((), description="its arguments in the order of its controls")
    alwayson_scripts: dict[str, Any] = Field(
        default_factory=dict, description='arguments of scripts that always run: {"<title>": {"args": [...]}}'
    )
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False

    @model_validator(mode="before")
    @classmethod
    def _schedule_was_a_setting(cls, data: Any) -> Any:
        # Up to A1111 1.8 the schedule was the setting k_sched_type; a field given wins over it.
        if isinstance(data, dict) and isinstance(overrides := data.get("override_settings"), dict):
            older = overrides.get("k_sched_type")
            if older and not data.get("scheduler"):
                return {**data, "scheduler": older}
        return data


class Txt2Img(HighRes, Request):
    """A picture from words alone."""

    kind: Literal["txt2img"] = "txt2img"

    @model_validator(mode="after")
    def _second_pass_has_a_size(self) -> Txt2Img:
        if self.enable_hr and not (self.firstphase_width or self.firstphase_height):
            Target.of(self.width, self.height, self.hr_scale, self.hr_resize_x, self.hr_resize_y)
        return self


Picture = Annotated[Text, StringConstraints(pattern=f"^{NAME}$")]
"""The name of a picture that is kept in `store.inputs`."""
Blur = Annotated[Int, Field(ge=0, le=256)]
"""Pixels: the standard deviation of the blur."""


class SoftInpainting(BaseModel):
    """How the original fades into what is painted over it, after A1111's built-in extension."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schedule_bias: float = Field(
        1.0, ge=0, le=8, description="how soon, in the course of the steps, the original holds"
    )
    preservation_strength: float = Field(0.5, ge=0, le=8, description="how strongly half-masked content is preserved")
    transition_contrast_boost: float = Field(
        4.0, ge=1, le=32, description="how far contrast lost by mixing is made up for"
    )
    mask_influence: float = Field(0.0, ge=0, le=1, description="how far the mask itself decides what is composited")
    difference_threshold: float = Field(
        0.5, ge=0, le=8, description="how much a place must change to lose the original"
    )
    difference_contrast: float = Field(2.0, ge=0, le=8, description="how sharp the edge of what changed is")


class Reconstruction(BaseModel):
    """How the noise is found that a picture could have come from, after A1111's img2img alternative test."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    prompt: Prompt = Field("", description="what the picture shows")
    negative_prompt: Prompt = ""
    steps: Int = Field(50, ge=1, le=1000)
    cfg_scale: float = Field(1.0, ge=0, le=100)
    randomness: float = Field(0.0, ge=0, le=1, description="the share of the seed's noise in it")
    sigma_adjustment: bool = False


class Img2Img(Request):
    """Pictures out of pictures and words. With a mask only its white parts are painted anew."""

    kind: Literal["img2img"] = "img2img"
    init_images: tuple[Picture, ...] = Field(
        min_length=1, max_length=64, description="one for all pictures of a batch, or one for each"
    )
    resize_mode: Int = Field(
        0, ge=0, le=3, description="0 just resize, 1 crop and resize, 2 resize and fill, 3 resize the latent"
    )
    denoising_strength: float = Field(0.75, ge=0, le=1)
    image_cfg_scale: float | None = Field(None, ge=0, le=100, description="for instruct-pix2pix models")
    mask: Picture | None = None
    mask_blur_x: Blur = 4
    mask_blur_y: Blur = 4
    mask_blur: Blur | None = Field(None, description="sets mask_blur_x and mask_blur_y")
    mask_round: bool = True
    inpainting_fill: Int = Field(0, ge=0, le=3, description="0 fill, 1 original, 2 latent noise, 3 latent nothing")
    inpaint_full_res: bool = Field(True, description="paint the masked region alone at the full size")
    inpaint_full_res_padding: Int = Field(0, ge=0, le=8192, description="pixels around the masked region")
    inpainting_mask_invert: Int = Field(0, ge=0, le=1, description="1 paints what is not masked")
    initial_noise_multiplier: float | None = Field(None, ge=0, le=10)
    latent_mask: Picture | None = Field(None, description="masks the latent in place of `mask`")
    soft_inpainting: SoftInpainting | None = None
    reconstruction: Reconstruction | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_blur_is_both(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("mask_blur") is not None:
            return {**data, "mask_blur_x": data["mask_blur"], "mask_blur_y": data["mask_blur"]}
        return data
