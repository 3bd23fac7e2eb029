"""The axes: what each is called, of what kind its values are, and what it does to a job.

Other extensions add theirs to `axis_options` of the script's module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules import sd_models, sd_samplers, sd_schedulers, sd_vae, shared
from xyz_parts.values import Permutation


def format_value_add_label(p, option, value):
    """`Label: value`."""
    return f"{option.label}: {shortened(value)}"


def format_value(p, option, value):
    """The value alone."""
    return str(shortened(value))


def format_value_join_list(p, option, value):
    return ", ".join(value)


def format_remove_path(p, option, value):
    """A file's name without its folders and suffix."""
    return Path(str(value)).stem if str(value).endswith((".safetensors", ".ckpt", ".pt")) else str(value)


def format_nothing(p, option, value):
    return ""


def shortened(value):
    return round(value, 8) if isinstance(value, float) else value


@dataclass
class AxisOption:
    """One axis. `apply(p, x, xs)` changes a cell's job; `confirm(p, xs)` raises for values that cannot be.

    `cost` orders the loops: what takes long to change is changed least. `choices()` fills the drop-down.
    """

    label: str
    type: Any
    apply: Callable
    format_value: Callable = format_value_add_label
    confirm: Callable | None = None
    cost: float = 0.0
    choices: Callable | None = None
    prepare: Callable | None = None


class AxisOptionTxt2Img(AxisOption):
    """On the txt2img tab only."""


class AxisOptionImg2Img(AxisOption):
    """On the img2img tab only."""


def apply_nothing(p, x, xs):
    """The axis that is none."""


def apply_field(field):
    """A value of the job. Raises RuntimeError where jobs have none of that name."""

    def apply(p, x, xs):
        if not hasattr(p, field):
            raise RuntimeError(f"A job of this kind has no '{field}' to vary.")
        setattr(p, field, x)

    return apply


def apply_override(field, boolean=False):
    """A setting, for the cell only. Raises RuntimeError for one the studio does not have."""

    def apply(p, x, xs):
        if field not in shared.opts.data_labels:
            raise RuntimeError(f"This studio has no setting '{field}' to vary.")
        p.override_settings[field] = str(x).lower() == "true" if boolean else x

    return apply


def apply_prompt(p, x, xs):
    """The first value gives way to each of the others, wherever it stands in the prompts."""
    if xs[0] not in p.prompt and xs[0] not in p.negative_prompt:
        raise RuntimeError(f"Prompt S/R did not find '{xs[0]}' in the prompt or the negative prompt.")
    p.prompt = p.prompt.replace(xs[0], x)
    p.negative_prompt = p.negative_prompt.replace(xs[0], x)


def apply_order(p, x, xs):
    """The words change places; what stands between them stays."""
    places = sorted((p.prompt.find(word), word) for word in x)
    missing = [word for place, word in places if place < 0]
    if missing:
        raise RuntimeError(f"Prompt order did not find '{missing[0]}' in the prompt.")
    rest, built = p.prompt, ""
    for (_, was), now in zip(places, x, strict=True):
        before, rest = rest.split(was, 1)
        built += before + now
    p.prompt = built + rest


def apply_checkpoint(p, x, xs):
    info = sd_models.get_closet_checkpoint_match(x)
    if info is None:
        raise RuntimeError(f"There is no checkpoint '{x}'.")
    p.override_settings["sd_model_checkpoint"] = info.title


def apply_refiner_checkpoint(p, x, xs):
    if x in ("None", ""):
        p.refiner_checkpoint = None
        return
    info = sd_models.get_closet_checkpoint_match(x)
    if info is None:
        raise RuntimeError(f"There is no checkpoint '{x}' to refine with.")
    apply_field("refiner_checkpoint")(p, info.title, xs)


def apply_vae(p, x, xs):
    names = {name.lower(): name for name in ("Automatic", "None", *sd_vae.vae_dict)}
    if str(x).lower() not in names:
        raise RuntimeError(f"There is no VAE '{x}'.")
    apply_override("sd_vae")(p, names[str(x).lower()], xs)


def apply_styles(p, x, xs):
    p.styles = [*p.styles, *(style.strip() for style in x.split(","))]


def apply_uni_pc_order(p, x, xs):
    apply_override("uni_pc_order")(p, max(min(x, p.steps - 1), 1), xs)


def apply_face_restore(p, x, xs):
    """Which restorer, or whether at all."""
    wanted = str(x).lower()
    model = {"codeformer": "CodeFormer", "gfpgan": "GFPGAN"}.get(wanted)
    if model:
        apply_override("face_restoration_model")(p, model, xs)
    apply_field("restore_faces")(p, model is not None or wanted in ("true", "yes", "y", "1"), xs)


def apply_size(p, x, xs):
    width, _, height = str(x).lower().partition("x")
    try:
        p.width, p.height = int(width), int(height)
    except ValueError:
        raise RuntimeError(f"Size cannot be '{x}'; write it as 512x768.") from None


def confirm_samplers(p, xs):
    for x in xs:
        if x.lower() not in sd_samplers.samplers_map:
            raise RuntimeError(f"There is no sampler '{x}'.")


def confirm_schedules(p, xs):
    for x in xs:
        if x not in sd_schedulers.schedulers_map:
            raise RuntimeError(f"There is no schedule type '{x}'.")


def confirm_checkpoints(p, xs):
    for x in xs:
        if sd_models.get_closet_checkpoint_match(x) is None:
            raise RuntimeError(f"There is no checkpoint '{x}'.")


def confirm_checkpoints_or_none(p, xs):
    confirm_checkpoints(p, [x for x in xs if x not in ("None", "")])


def confirm_rng(p, xs):
    for x in xs:
        if x not in ("GPU", "CPU", "NV"):
            raise RuntimeError(f"RNG source cannot be '{x}'; it is GPU, CPU or NV.")


def boolean_choice(reverse=False):
    """What a yes-or-no axis offers."""
    return lambda: ["False", "True"] if reverse else ["True", "False"]


def upscalers():
    return [*shared.latent_upscale_modes, *(upscaler.name for upscaler in shared.sd_upscalers)]


def checkpoints():
    return sorted(sd_models.checkpoints_list, key=str.casefold)


def vaes():
    return ["Automatic", "None", *sd_vae.vae_dict]


def samplers():
    return [sampler.name for sampler in sd_samplers.samplers if sampler.name]


def schedules():
    return [schedule.label for schedule in sd_schedulers.schedulers]


def hypertile(part, field, kind=int):
    """An axis of the hypertile settings."""
    boolean = kind is bool
    return AxisOption(
        f"[Hypertile] {part}",
        str if boolean else int,
        apply_override(field, boolean),
        choices=boolean_choice(reverse=True) if boolean else None,
    )


axis_options = [
    AxisOption("Nothing", str, apply_nothing, format_value=format_nothing),
    AxisOption("Seed", int, apply_field("seed")),
    AxisOption("Var. seed", int, apply_field("subseed")),
    AxisOption("Var. strength", float, apply_field("subseed_strength")),
    AxisOption("Steps", int, apply_field("steps")),
    AxisOptionTxt2Img("Hires steps", int, apply_field("hr_second_pass_steps")),
    AxisOption("CFG Scale", float, apply_field("cfg_scale")),
    AxisOptionImg2Img("Image CFG Scale", float, apply_field("image_cfg_scale")),
    AxisOption("Prompt S/R", str, apply_prompt, format_value=format_value),
    AxisOption("Prompt order", Permutation, apply_order, format_value=format_value_join_list),
    AxisOptionTxt2Img("Sampler", str, apply_field("sampler_name"), format_value, confirm_samplers, choices=samplers),
    AxisOptionTxt2Img("Hires sampler", str, apply_field("hr_sampler_name"), confirm=confirm_samplers, choices=samplers),
    AxisOptionImg2Img("Sampler", str, apply_field("sampler_name"), format_value, confirm_samplers, choices=samplers),
    AxisOption(
        "Checkpoint name", str, apply_checkpoint, format_remove_path, confirm_checkpoints, 1.0, choices=checkpoints
    ),
    AxisOption("Negative Guidance minimum sigma", float, apply_field("s_min_uncond")),
    AxisOption("Sigma Churn", float, apply_field("s_churn")),
    AxisOption("Sigma min", float, apply_field("s_tmin")),
    AxisOption("Sigma max", float, apply_field("s_tmax")),
    AxisOption("Sigma noise", float, apply_field("s_noise")),
    AxisOption("Schedule type", str, apply_field("scheduler"), confirm=confirm_schedules, choices=schedules),
    AxisOption("Schedule min sigma", float, apply_override("sigma_min")),
    AxisOption("Schedule max sigma", float, apply_override("sigma_max")),
    AxisOption("Schedule rho", float, apply_override("rho")),
    AxisOption("Beta schedule alpha", float, apply_override("beta_dist_alpha")),
    AxisOption("Beta schedule beta", float, apply_override("beta_dist_beta")),
    AxisOption("Eta", float, apply_field("eta")),
    AxisOption("Clip skip", int, apply_override("CLIP_stop_at_last_layers")),
    AxisOption("Denoising", float, apply_field("denoising_strength")),
    AxisOption("Initial noise multiplier", float, apply_field("initial_noise_multiplier")),
    AxisOption("Extra noise", float, apply_override("img2img_extra_noise")),
    AxisOptionTxt2Img("Hires upscaler", str, apply_field("hr_upscaler"), choices=upscalers),
    AxisOptionImg2Img("Cond. Image Mask Weight", float, apply_override("inpainting_mask_weight")),
    AxisOption("VAE", str, apply_vae, cost=0.7, choices=vaes),
    AxisOption("Styles", str, apply_styles, choices=lambda: list(shared.prompt_styles.styles)),
    AxisOption("UniPC Order", int, apply_uni_pc_order, cost=0.5),
    AxisOption("Face restore", str, apply_face_restore, format_value=format_value),
    AxisOption("Token merging ratio", float, apply_override("token_merging_ratio")),
    AxisOption("Token merging ratio high-res", float, apply_override("token_merging_ratio_hr")),
    AxisOption(
        "Always discard next-to-last sigma",
        str,
        apply_override("always_discard_next_to_last_sigma", boolean=True),
        choices=boolean_choice(reverse=True),
    ),
    AxisOption(
        "SGM noise multiplier",
        str,
        apply_override("sgm_noise_multiplier", boolean=True),
        choices=boolean_choice(reverse=True),
    ),
    AxisOption(
        "Refiner checkpoint",
        str,
        apply_refiner_checkpoint,
        format_remove_path,
        confirm_checkpoints_or_none,
        1.0,
        choices=lambda: ["None", *checkpoints()],
    ),
    AxisOption("Refiner switch at", float, apply_field("refiner_switch_at")),
    AxisOption(
        "RNG source", str, apply_override("randn_source"), confirm=confirm_rng, choices=lambda: ["GPU", "CPU", "NV"]
    ),
    AxisOption(
        "FP8 mode",
        str,
        apply_override("fp8_storage"),
        cost=0.9,
        choices=lambda: ["Disable", "Enable for SDXL", "Enable"],
    ),
    AxisOption("Size", str, apply_size),
    hypertile("Unet First pass Enabled", "hypertile_enable_unet", bool),
    hypertile("Unet Second pass Enabled", "hypertile_enable_unet_secondpass", bool),
    hypertile("Unet Max Depth", "hypertile_max_depth_unet"),
    hypertile("Unet Max Tile Size", "hypertile_max_tile_unet"),
    hypertile("Unet Swap Size", "hypertile_swap_size_unet"),
    hypertile("VAE Enabled", "hypertile_enable_vae", bool),
    hypertile("VAE Max Depth", "hypertile_max_depth_vae"),
    hypertile("VAE Max Tile Size", "hypertile_max_tile_vae"),
    hypertile("VAE Swap Size", "hypertile_swap_size_vae"),
]
"""In the order of the drop-downs; API clients name an axis by its number among those of the tab."""


def axes_of(options, is_img2img):
    """The axes of one tab."""
    other = AxisOptionTxt2Img if is_img2img else AxisOptionImg2Img
    return [option for option in options if not isinstance(option, other)]
