"""Every key that A1111 writes into an infotext finds its way back into a control, a field or a setting."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from modules.boot import SETTINGS
from modules.engine.recipe import FIELDS, api_fields, read, request_fields
from modules.engine.request import Request, Txt2Img
from modules.foundation.settings import Snapshot
from modules.prompting.styles import Style

DEFAULTS = Snapshot({group: group() for group in SETTINGS})
PLAIN = "Steps: 20, Sampler: Euler, Seed: 5"


class Everything(Request):
    """All fields that A1111's two requests have and an infotext can fill."""

    init_images: list[str] = Field(min_length=1)  # what a request needs does not keep a field from being read
    image_cfg_scale: float | None = None
    denoising_strength: float | None = Field(None, ge=0, le=1)
    enable_hr: bool = False
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_cfg: float | None = None
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    tiling: bool | None = None
    restore_faces: bool | None = None
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    mask_blur: int | None = None
    inpainting_mask_invert: int = 0
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0


KEYS: list[tuple[str, str, dict[str, Any]]] = [
    ("Steps", "20", {"steps": 20}),
    ("CFG scale", "6.5", {"cfg_scale": 6.5}),
    ("Image CFG scale", "1.5", {"image_cfg_scale": 1.5}),
    ("Seed", "18446744073709551615", {"seed": 2**64 - 1}),
    ("Size", "640x960", {"width": 640, "height": 960}),
    ("Batch size", "4", {"batch_size": 4}),
    ("Variation seed", "7", {"subseed": 7}),
    ("Variation seed strength", "0.3", {"subseed_strength": 0.3}),
    ("Seed resize from", "512x768", {"seed_resize_from_w": 512, "seed_resize_from_h": 768}),
    ("CFG rescale", "0.7", {"guidance_rescale": 0.7}),
    ("PAG scale", "3", {"pag_scale": 3.0}),
    ("APG", "True", {"apg": True}),
    ("APG eta", "0.5", {"apg_eta": 0.5}),
    ("APG norm threshold", "7.5", {"apg_norm_threshold": 7.5}),
    ("APG momentum", "-0.75", {"apg_momentum": -0.75}),
    ("Sigmas", '"14.6, 3, 0.5"', {"sigmas": (14.6, 3.0, 0.5)}),
    ("Timestep start", "900", {"timestep_start": 900}),
    ("Timestep end", "50", {"timestep_end": 50}),
    ("Tiling", "True", {"tiling": True}),
    ("Face restoration", "CodeFormer", {"restore_faces": True}),
    ("Denoising strength", "0.75", {"denoising_strength": 0.75}),
    ("Hires upscale", "2.0", {"hr_scale": 2.0}),
    ("Hires upscaler", "Latent (nearest)", {"hr_upscaler": "Latent (nearest)"}),
    ("Hires steps", "12", {"hr_second_pass_steps": 12}),
    ("Hires CFG Scale", "3.5", {"hr_cfg": 3.5}),
    ("Hires resize", "1024x0", {"hr_resize_x": 1024, "hr_resize_y": 0}),
    ("Hires checkpoint", "other [0123456789]", {"hr_checkpoint_name": "other [0123456789]"}),
    ("Hires prompt", '"x, y"', {"hr_prompt": "x, y"}),
    ("Hires negative prompt", '"x: y\\nz"', {"hr_negative_prompt": "x: y\nz"}),
    ("Hires sampler", "Euler a", {"hr_sampler_name": "Euler a", "hr_scheduler": "Use same scheduler"}),
    ("Hires schedule type", "Karras", {"hr_sampler_name": "Use same sampler", "hr_scheduler": "Karras"}),
    ("Refiner", "refiner [0123456789]", {"refiner_checkpoint": "refiner [0123456789]"}),
    ("Refiner switch at", "0.8", {"refiner_switch_at": 0.8}),
    ("Mask blur", "4", {"mask_blur": 4}),
    ("Mask mode", "Inpaint not masked", {"inpainting_mask_invert": 1}),
    ("Masked content", "latent noise", {"inpainting_fill": 2}),
    ("Inpaint area", "Only masked", {"inpaint_full_res": True}),
    ("Masked area padding", "32", {"inpaint_full_res_padding": 32}),
]


@pytest.mark.parametrize(("label", "value", "fields"), KEYS, ids=[label for label, _, _ in KEYS])
def test_a_key_fills_its_fields(label: str, value: str, fields: dict[str, Any]) -> None:
    found = request_fields(read(f"{PLAIN}, {label}: {value}", DEFAULTS), DEFAULTS, Everything)
    assert {field: found.get(field) for field in fields} == fields


def test_every_field_that_can_be_filled_is_tried() -> None:
    """The table above is the whole of it."""
    tried = {field for _, _, fields in KEYS for field in fields}
    assert set(FIELDS.values()) - tried == {"prompt", "negative_prompt", "styles"}


def test_what_is_not_told_ends_what_was_on() -> None:
    found = request_fields(read(PLAIN, DEFAULTS), DEFAULTS, Everything)
    defaults = {
        "enable_hr": False,
        "tiling": False,
        "restore_faces": False,
        "refiner_checkpoint": "",
        "subseed_strength": 0.0,
        "hr_prompt": "",
        "hr_resize_x": 0,
    }
    defaults |= {"inpainting_mask_invert": 0, "inpainting_fill": 1, "inpaint_full_res": False}
    assert {field: found[field] for field in defaults} == defaults
    assert "enable_hr" not in request_fields(read("only a prompt", DEFAULTS), DEFAULTS, Everything)


@pytest.mark.parametrize(
    ("told", "enabled"),
    [
        ("Denoising strength: 0.7, Hires upscale: 2", True),
        ("Denoising strength: 0.7, Hires resize: 1024x1024", True),
        ("Denoising strength: 0.7, Hires upscaler: Latent", True),
        ("Denoising strength: 0.7", False),
        ("Hires upscale: 2", False),
    ],
)
def test_a_second_pass_is_on_where_it_was(told: str, enabled: bool) -> None:
    assert request_fields(read(f"{PLAIN}, {told}", DEFAULTS), DEFAULTS, Everything)["enable_hr"] is enabled


@pytest.mark.parametrize(
    ("told", "first", "second"),
    [
        ("Sampler: DPM++ 2M Karras", ("DPM++ 2M", "Automatic"), ("Use same sampler", "Use same scheduler")),
        (
            "Sampler: DPM++ 2M Karras, Hires sampler: DPM++ 2M Karras",
            ("DPM++ 2M", "Automatic"),
            ("Use same sampler", "Use same scheduler"),
        ),
        (
            "Sampler: Euler, Hires sampler: DPM++ SDE Karras",
            ("Euler", "Automatic"),
            ("DPM++ SDE", "Use same scheduler"),
        ),
        ("Sampler: Euler, Hires sampler: Euler a Karras", ("Euler", "Automatic"), ("Euler a", "Karras")),
        ("Sampler: Euler, Schedule type: Karras, Hires schedule type: Karras", ("Euler", "Karras"), None),
    ],
)
def test_samplers_of_both_passes(told: str, first: tuple[str, str], second: tuple[str, str] | None) -> None:
    found = request_fields(read(f"Steps: 20, {told}, Seed: 5", DEFAULTS), DEFAULTS, Everything)
    assert (found["sampler_name"], found["scheduler"]) == first
    same = ("Use same sampler", "Use same scheduler")
    assert (found["hr_sampler_name"], found["hr_scheduler"]) == (second or same)


SETTINGS_TOLD: list[tuple[str, str, str, Any]] = [
    ("Face restoration", "GFPGAN", "face_restoration_model", "GFPGAN"),
    ("Hires refiner", "both passes", "hires_fix_refiner_pass", "both passes"),
    ("Conditional mask weight", "0.5", "inpainting_mask_weight", 0.5),
    ("Noise multiplier", "1.1", "initial_noise_multiplier", 1.1),
    ("Extra noise", "0.1", "img2img_extra_noise", 0.1),
    ("Token merging ratio", "0.5", "token_merging_ratio", 0.5),
    ("Token merging ratio hr", "0.3", "token_merging_ratio_hr", 0.3),
    ("Refiner switch by sampling steps", "True", "refiner_switch_by_sample_steps", True),
    ("Clip skip", "2", "CLIP_stop_at_last_layers", 2),
    ("ENSD", "31337", "eta_noise_seed_delta", 31337),
    ("RNG", "NV", "randn_source", "NV"),
    ("VAE", "vae-ft-mse.safetensors", "sd_vae", "vae-ft-mse.safetensors"),
    ("Emphasis", "No norm", "emphasis", "No norm"),
    ("Eta", "0.67", "eta_ancestral", 0.67),
    ("Eta DDIM", "0.5", "eta_ddim", 0.5),
    ("Sigma churn", "3.0", "s_churn", 3.0),
    ("Sigma tmin", "0.5", "s_tmin", 0.5),
    ("Sigma tmax", "10.0", "s_tmax", 10.0),
    ("Sigma noise", "1.05", "s_noise", 1.05),
    ("Schedule min sigma", "0.1", "sigma_min", 0.1),
    ("Schedule max sigma", "10.0", "sigma_max", 10.0),
    ("Schedule rho", "5.0", "rho", 5.0),
    ("Beta schedule alpha", "0.5", "beta_dist_alpha", 0.5),
    ("Beta scheduler beta", "0.7", "beta_dist_beta", 0.7),
    ("Discard penultimate sigma", "True", "always_discard_next_to_last_sigma", True),
    ("SGM noise multiplier", "True", "sgm_noise_multiplier", True),
    ("UniPC variant", "bh2", "uni_pc_variant", "bh2"),
    ("UniPC skip type", "logSNR", "uni_pc_skip_type", "logSNR"),
    ("UniPC order", "2", "uni_pc_order", 2),
    ("UniPC lower order final", "False", "uni_pc_lower_order_final", False),
    ("Noise Schedule", "Zero Terminal SNR", "sd_noise_schedule", "Zero Terminal SNR"),
    ("NGMS", "1.5", "s_min_uncond", 1.5),
    ("NGMS all steps", "True", "s_min_uncond_all", True),
    ("Skip Early CFG", "0.2", "skip_early_cond", 0.2),
    ("Pad conds", "True", "pad_cond_uncond", True),
    ("Pad conds v0", "True", "pad_cond_uncond_v0", True),
    ("Downcast alphas_cumprod", "True", "use_downcasted_alpha_bar", True),
    ("Old prompt editing timelines", "True", "use_old_scheduling", True),
]


@pytest.mark.parametrize(("label", "value", "key", "wanted"), SETTINGS_TOLD, ids=[told[0] for told in SETTINGS_TOLD])
def test_a_key_overrides_its_setting(label: str, value: str, key: str, wanted: Any) -> None:
    found = request_fields(read(f"{PLAIN}, {label}: {value}", DEFAULTS), DEFAULTS)["override_settings"]
    assert found == {key: wanted}


def test_a_checkpoint_is_chosen_where_pasting_may_do_that() -> None:
    text = f"{PLAIN}, Model hash: 0123456789, Model: other"
    assert request_fields(read(text, DEFAULTS), DEFAULTS)["override_settings"] == {}
    swapping = DEFAULTS.overridden({"disable_weights_auto_swap": False})
    assert request_fields(read(text, swapping), swapping)["override_settings"] == {"sd_model_checkpoint": "0123456789"}


def test_the_api_takes_the_sides_of_a_seed_resize_crosswise() -> None:
    text = f"{PLAIN}, Seed resize from: 128x64"
    for version, sides in (("", (64, 128)), (", Version: v1.10.1", (64, 128)), (", Version: Atelier 0.1.0", (128, 64))):
        found = api_fields(read(text + version, DEFAULTS), DEFAULTS)
        assert (found["seed_resize_from_w"], found["seed_resize_from_h"]) == sides
    assert api_fields(read(PLAIN, DEFAULTS), DEFAULTS)["seed_resize_from_w"] == -1


def test_skipped_keys_are_not_pasted() -> None:
    settings = DEFAULTS.overridden({"infotext_skip_pasting": ["CFG scale", "Clip skip"]})
    found = request_fields(read(f"{PLAIN}, CFG scale: 3, Clip skip: 2", settings), settings)
    assert "cfg_scale" not in found and found["override_settings"] == {}


def test_styles_become_a_choice_of_styles() -> None:
    styles = [Style("best", "masterpiece", "")]
    found = request_fields(read(f"a cat, masterpiece\n{PLAIN}", DEFAULTS, styles), DEFAULTS)
    assert (found["prompt"], found["styles"]) == ("a cat", ("best",))
    assert "styles" not in request_fields(read(f"a cat\n{PLAIN}", DEFAULTS, styles), DEFAULTS)


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("v1.5.1", {"use_old_scheduling", "pad_cond_uncond_v0", "use_downcasted_alpha_bar"}),
        ("v1.6.0", {"use_downcasted_alpha_bar"}),
        ("v1.8.0", set[str]()),
    ],
)
def test_an_old_version_asks_for_its_ways(version: str, keys: set[str]) -> None:
    text = f"[a:b:0.5]\nSteps: 20, Sampler: DDIM, Seed: 5, Version: {version}"
    assert set(request_fields(read(text, DEFAULTS), DEFAULTS, Txt2Img)["override_settings"]) == keys
    strict = DEFAULTS.overridden({"auto_backcompat": False})
    assert request_fields(read(text, strict), strict)["override_settings"] == {}
