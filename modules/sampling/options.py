"""Settings of sampling, by A1111's keys. `knobs.py` merges them with what a request asks for."""

from __future__ import annotations

from typing import Final, Literal

from modules.foundation.options import Options, Section, setting

ZERO_TERMINAL_SNR: Final = "Zero Terminal SNR"


class SamplerOptions(Options, section=Section("sampler-params", "Sampler parameters", "sd")):
    """What every sampler can be tuned with. For eta and the s_* values a request has its own fields."""

    eta_ddim: float = setting(
        0.0,
        "Eta for DDIM",
        slider=(0.0, 1.0, 0.01),
        infotext="Eta DDIM",
        note="Noise multiplier; higher is less predictable.",
    )
    eta_ancestral: float = setting(
        1.0,
        "Eta for k-diffusion samplers",
        slider=(0.0, 1.0, 0.01),
        infotext="Eta",
        note="Noise multiplier of the ancestral and SDE samplers.",
    )
    s_churn: float = setting(
        0.0,
        "Sigma churn",
        slider=(0.0, 100.0, 0.01),
        infotext="Sigma churn",
        note="Amount of noise added back; Euler, Heun, DPM2.",
    )
    s_tmin: float = setting(
        0.0, "Sigma tmin", slider=(0.0, 10.0, 0.01), infotext="Sigma tmin", note="Noise level where churn ends."
    )
    s_tmax: float = setting(
        0.0,
        "Sigma tmax",
        slider=(0.0, 999.0, 0.01),
        infotext="Sigma tmax",
        note="Noise level where churn begins; 0 is without limit.",
    )
    s_noise: float = setting(
        1.0, "Sigma noise", slider=(0.0, 1.1, 0.001), infotext="Sigma noise", note="Factor on the noise of each step."
    )
    sigma_min: float = setting(
        0.0,
        "Schedule min sigma",
        infotext="Schedule min sigma",
        note="0 takes the model's; all schedules but the model's own.",
    )
    sigma_max: float = setting(
        0.0,
        "Schedule max sigma",
        infotext="Schedule max sigma",
        note="0 takes the model's; all schedules but the model's own.",
    )
    rho: float = setting(
        0.0,
        "Schedule rho",
        infotext="Schedule rho",
        note="0 takes the schedule's; higher gives more steps to low noise.",
    )
    eta_noise_seed_delta: int = setting(
        0,
        "Eta noise seed delta",
        infotext="ENSD",
        note="Added to the seed of the noise of each step. Only for reproducing other programs' images.",
    )
    always_discard_next_to_last_sigma: bool = setting(
        False, "Always discard next-to-last sigma", infotext="Discard penultimate sigma"
    )
    sgm_noise_multiplier: bool = setting(
        False, "SGM noise multiplier", infotext="SGM noise multiplier", note="Start from slightly stronger noise."
    )
    uni_pc_variant: Literal["bh1", "bh2", "vary_coeff"] = setting(
        "bh1", "UniPC variant", choices=("bh1", "bh2", "vary_coeff"), infotext="UniPC variant"
    )
    uni_pc_skip_type: Literal["time_uniform", "time_quadratic", "logSNR"] = setting(
        "time_uniform",
        "UniPC skip type",
        choices=("time_uniform", "time_quadratic", "logSNR"),
        infotext="UniPC skip type",
    )
    uni_pc_order: int = setting(
        3, "UniPC order", slider=(1, 50, 1), infotext="UniPC order", note="At most the number of steps."
    )
    uni_pc_lower_order_final: bool = setting(True, "UniPC lower order final", infotext="UniPC lower order final")
    sd_noise_schedule: Literal["Default", "Zero Terminal SNR"] = setting(
        "Default",
        "Noise schedule for sampling",
        choices=("Default", ZERO_TERMINAL_SNR),
        infotext="Noise Schedule",
        note="For models trained with zero terminal SNR.",
    )
    skip_early_cond: float = setting(
        0.0,
        "Ignore negative prompt during early sampling",
        slider=(0.0, 1.0, 0.01),
        infotext="Skip Early CFG",
        note="Disables CFG on a proportion of steps at the beginning of generation; 0 never skips, 1 always.",
    )
    # A1111 reads "Beta scheduler alpha" but writes "Beta schedule alpha"; what is written can be read here.
    beta_dist_alpha: float = setting(
        0.6,
        "Beta scheduler alpha",
        slider=(0.01, 1.0, 0.01),
        infotext="Beta schedule alpha",
        note="Lower gives more steps to low noise.",
    )
    beta_dist_beta: float = setting(
        0.6,
        "Beta scheduler beta",
        slider=(0.01, 1.0, 0.01),
        infotext="Beta schedule beta",
        note="Lower gives more steps to high noise.",
    )


class GuidanceOptions(Options, section=Section("optimizations", "Optimizations", "sd")):
    """How the negative prompt's half of every step is computed."""

    s_min_uncond: float = setting(
        0.0,
        "Negative Guidance minimum sigma",
        slider=(0.0, 15.0, 0.01),
        infotext="NGMS",
        note="Below this noise level the negative prompt is skipped on every other step; 0 never skips.",
    )
    s_min_uncond_all: bool = setting(
        False,
        "Negative Guidance minimum sigma all steps",
        infotext="NGMS all steps",
        note="Below that noise level skip on every step.",
    )
    pad_cond_uncond: bool = setting(
        False,
        "Pad prompt/negative prompt",
        infotext="Pad conds",
        note="Lengthen the shorter of the two by empty prompts, so that both go in one call. Changes seeds.",
    )
    pad_cond_uncond_v0: bool = setting(
        False,
        "Pad prompt/negative prompt (v0)",
        infotext="Pad conds v0",
        note="Repeat the negative prompt's last token, or cut it off, as versions before 1.6 did for DDIM.",
    )
    batch_cond_uncond: bool = setting(
        True,
        "Batch cond/uncond",
        note="Evaluate prompt and negative prompt in one call: faster, and takes more memory.",
    )


class NoiseOptions(Options, section=Section("sd", "Stable Diffusion", "sd")):
    """Where random numbers come from, and which noise levels the network is asked for."""

    randn_source: Literal["GPU", "CPU", "NV"] = setting(
        "GPU",
        "Random number generator source",
        choices=("GPU", "CPU", "NV"),
        infotext="RNG",
        note="CPU gives the same images on every device; NV those of an NVIDIA device.",
    )
    enable_quantization: bool = setting(
        False,
        "Enable quantization in K samplers for sharper and cleaner results",
        note="The network is asked for whole timesteps only. This may change existing seeds.",
    )


class ScheduleCompatibility(Options, section=Section("compatibility", "Compatibility", "sd")):
    """Ways of older versions."""

    use_old_karras_scheduler_sigmas: bool = setting(
        False, "Use old karras scheduler sigmas (0.1 to 10)", infotext="Old Karras sigmas"
    )
    use_downcasted_alpha_bar: bool = setting(
        False,
        "Downcast model alphas_cumprod to fp16 before sampling",
        infotext="Downcast alphas_cumprod",
        note="For reproducing images of versions before 1.8 on a GPU.",
    )
