"""A picture's infotext makes the same picture again, whatever the settings are by then."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modules.engine.infotext import PROGRAM, infotext_of
from modules.engine.options import ModelOptions, VaeOptions
from modules.engine.plan import plans, with_seeds
from modules.engine.recipe import read, request_fields
from modules.engine.request import Txt2Img
from modules.foundation.errors import UserError
from modules.foundation.options import Options
from modules.foundation.settings import Snapshot
from modules.prompting import emphasis
from modules.prompting.chunks import chunked
from modules.prompting.options import InfotextOptions, PromptOptions, TextCompatibility
from modules.sampling.catalog import SAMPLERS, SCHEDULES, Sampler, effective, resolve
from modules.sampling.knobs import Knobs, knobs_for
from modules.sampling.options import GuidanceOptions, NoiseOptions, SamplerOptions, ScheduleCompatibility

GROUPS: tuple[type[Options], ...] = (
    PromptOptions, InfotextOptions, TextCompatibility, SamplerOptions, GuidanceOptions, NoiseOptions,
    ScheduleCompatibility, ModelOptions, VaeOptions,
)  # fmt: skip
DEFAULTS = Snapshot({group: group() for group in GROUPS})


class Letters:
    """A tokenizer of letters, so that texts are compared as an encoder sees them."""

    bos, eos, comma = 1, 2, ord(",")

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text.lower() if not letter.isspace()]


def handle(vae: str | None = None) -> Any:
    ref = SimpleNamespace(hash="8719f52b7d", name="sub_tiny", path=Path("sub/tiny.safetensors"))
    vae_ref = SimpleNamespace(hash="235745af8d", path=Path(vae)) if vae else None
    return SimpleNamespace(ref=ref, vae_ref=vae_ref)


def written(request: Txt2Img, settings: Snapshot = DEFAULTS, index: int = 0, model: Any = None, **extra: Any) -> str:
    request = with_seeds(request)
    batch, image = divmod(index, request.batch_size)
    plan = list(plans(request))[batch]
    sampler, schedule = resolve(request.sampler_name, request.scheduler)
    run: Any = SimpleNamespace(settings=settings.overridden(request.override_settings), user="ann")
    knobs = asked_knobs(request, sampler, run.settings)
    return infotext_of(plan, image, model or handle(), run, sampler, schedule, knobs, extra)


def asked_knobs(request: Txt2Img, sampler: Sampler, settings: Snapshot) -> Knobs:
    asked = {name: getattr(request, name) for name in ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise")}
    return knobs_for(sampler, settings, **asked)


def line(text: str) -> str:
    return text.splitlines()[-1]


def words(text: str) -> dict[str, list[str]]:
    return {label: str(value).split() for label, value in read(text, DEFAULTS).items()}


def recipe(request: Txt2Img, settings: Snapshot, index: int) -> dict[str, Any]:
    """Everything that decides the pixels of one picture."""
    batch, image = divmod(index, request.batch_size)
    plan = list(plans(request))[batch]
    settings = settings.overridden(request.override_settings)
    sampler, schedule = resolve(request.sampler_name, request.scheduler)
    schedule = effective(sampler, schedule)
    knobs = asked_knobs(request, sampler, settings)
    used = {name: asdict(knobs)[name] for name in sampler.knobs}
    used["discards"] = knobs.always_discard_next_to_last_sigma or sampler.discard_next_to_last_sigma
    if schedule.path:
        used |= {name: asdict(knobs)[name] for name in ("sigma_min", "sigma_max", "old_karras_sigmas")}
        # No rho and the schedule's own are one.
        used["rho"] = (knobs.rho or schedule.default_rho) if schedule.default_rho != -1 else None
    if schedule.name == "beta":
        used["beta"] = knobs.beta_dist_alpha, knobs.beta_dist_beta
    if sampler.family == "unipc":
        used["uni_pc_skip_type"] = knobs.uni_pc_skip_type
    if sampler.family in ("sigma", "lcm", "span"):
        used["sgm_noise_multiplier"] = knobs.sgm_noise_multiplier
    delta = settings[SamplerOptions].eta_noise_seed_delta
    if sampler.name in ("Euler a", "DPM2 a", "DPM++ 2S a", "DPM fast", "DPM adaptive", "DDIM", "DDIM CFG++"):
        used["delta"] = delta if knobs.eta else None
    elif sampler.name in ("Euler", "Heun", "DPM2"):
        used["delta"] = delta if knobs.s_churn else None
    elif sampler.name in ("LCM", "Restart"):
        used["delta"] = delta
    prompt = settings[PromptOptions]
    return {
        "sampler": (sampler.name, schedule.name, used),
        "steps": (request.steps, request.cfg_scale),
        "size": (request.width, request.height),
        "seed": plan.seeds[image],
        "variation": (plan.subseeds[image], request.subseed_strength) if request.subseed_strength else None,
        "resize": resize if min(resize := (request.seed_resize_from_w, request.seed_resize_from_h)) > 0 else None,
        "source": settings[NoiseOptions].randn_source,
        "clip skip": prompt.CLIP_stop_at_last_layers,
        "texts": [read_by_encoder(text, prompt) for text in (request.prompt, request.negative_prompt)],
    }


def read_by_encoder(text: str, options: PromptOptions) -> Any:
    chunks = chunked(emphasis.read(text, options.emphasis), Letters(), options.comma_padding_backtrack)
    weighs = options.emphasis in ("Original", "No norm") and any(set(chunk.multipliers) != {1.0} for chunk in chunks)
    return [chunk if weighs else chunk.tokens for chunk in chunks], options.emphasis if weighs else None


PIECES = (
    "a cat", "(dog:1.3)", "[bird]", ", ", "\n", " BREAK ", r"\(", "\\", "Negative prompt: x", "\nNegative prompt:",
    "\nSteps: 3, Sampler: Euler, Seed: 1", '"quoted"', "ünï 🔴 背景", "<lora:x:0.5>", "a AND b", "[a:b:0.5]", "[a|b]",
    "((deep", "# comment", ": 1.2", "word, " * 20, "x" * 80,
)  # fmt: skip


def choices(rng: random.Random) -> dict[str, Any]:
    """Some settings, each as likely at its default as not."""
    values: dict[str, Any] = {
        "CLIP_stop_at_last_layers": rng.randint(1, 12),
        "emphasis": rng.choice(("None", "Ignore", "Original", "No norm")),
        "comma_padding_backtrack": rng.randint(0, 74),
        "randn_source": rng.choice(("GPU", "CPU", "NV")),
        "eta_noise_seed_delta": rng.choice((31337, -5)),
        "eta_ancestral": rng.random(),
        "eta_ddim": rng.random(),
        "s_churn": 100 * rng.random(),
        "s_tmin": 10 * rng.random(),
        "s_tmax": 999 * rng.random(),
        "s_noise": rng.random(),
        "sigma_min": rng.random(),
        "sigma_max": 1 + 20 * rng.random(),
        "rho": rng.choice((5.0, 7.0, 0.1)),
        "uni_pc_variant": rng.choice(("bh2", "vary_coeff")),
        "uni_pc_skip_type": rng.choice(("time_quadratic", "logSNR")),
        "uni_pc_order": rng.randint(1, 50),
        "uni_pc_lower_order_final": False,
        "always_discard_next_to_last_sigma": True,
        "sgm_noise_multiplier": True,
        "use_old_karras_scheduler_sigmas": True,
        "beta_dist_alpha": rng.uniform(0.01, 1),
        "beta_dist_beta": rng.uniform(0.01, 1),
    }
    return {key: value for key, value in values.items() if rng.random() < 0.5}


def drawn(rng: random.Random) -> Txt2Img:
    def maybe(value: float) -> float | None:
        return value if rng.random() < 0.4 else None

    scheduler = rng.choice(SCHEDULES)
    return Txt2Img(
        prompt="".join(rng.choices(PIECES, k=rng.randrange(8))),
        negative_prompt="".join(rng.choices(PIECES, k=rng.randrange(4))),
        seed=rng.choice((-1, 0, 2**64 - 100, rng.randrange(2**32))),
        subseed=rng.choice((-1, rng.randrange(2**32))),
        subseed_strength=rng.choice((0, 0, rng.random(), 1)),
        seed_resize_from_w=rng.choice((-1, 0, 96, 512)),
        seed_resize_from_h=rng.choice((-1, 0, 128)),
        sampler_name=rng.choice(("", *(sampler.name for sampler in SAMPLERS), "DPM++ 2M SDE Karras", "k_euler_a")),
        scheduler=rng.choice(("", scheduler.name, scheduler.label)),
        steps=rng.randint(1, 150),
        cfg_scale=rng.choice((0, 1, 7, 30 * rng.random())),
        width=rng.randint(16, 2048),
        height=rng.randint(16, 2048),
        batch_size=rng.randint(1, 4),
        n_iter=rng.randint(1, 3),
        eta=maybe(10 * rng.random()),
        s_churn=maybe(200 * rng.random()),
        s_tmin=maybe(20 * rng.random()),
        s_tmax=maybe(rng.choice((0, 2000 * rng.random()))),
        s_noise=maybe(2 * rng.random()),
        override_settings=choices(rng),
    )


@pytest.mark.parametrize("seed", range(400))
def test_a_picture_is_made_again_from_its_infotext(seed: int) -> None:
    rng = random.Random(seed)
    settings = DEFAULTS.overridden(choices(rng))
    request = with_seeds(drawn(rng))
    index = rng.randrange(request.batch_size * request.n_iter)
    text = written(request, settings, index)

    later = DEFAULTS.overridden(choices(rng))
    again = Txt2Img.model_validate(request_fields(read(text, later), later))

    assert recipe(again, later, 0) == recipe(request, settings, index), text
    # What is written of that is the same, white space at the ends of lines aside.
    assert words(written(again, later)) == words(text)


def test_what_a_common_request_says() -> None:
    request = Txt2Img(
        prompt="a cat, (dog:1.2)",
        negative_prompt="neg",
        sampler_name="DPM++ 2M",
        steps=20,
        seed=1,
        width=512,
        height=768,
    )
    assert written(request) == (
        "a cat, (dog:1.2)\n"
        "Negative prompt: neg\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 1, Size: 512x768, "
        f"Model hash: 8719f52b7d, Model: tiny, Version: {PROGRAM}"
    )


def test_what_an_uncommon_request_says() -> None:
    request = Txt2Img(
        prompt="(a)",
        sampler_name="Euler a",
        scheduler="karras",
        steps=5,
        seed=10,
        subseed=100,
        subseed_strength=0.3,
        seed_resize_from_w=640,
        seed_resize_from_h=512,
        width=100,
        height=100,
        batch_size=3,
        eta=0.5,
        override_settings={
            "CLIP_stop_at_last_layers": 2,
            "eta_noise_seed_delta": 31337,
            "randn_source": "NV",
            "emphasis": "No norm",
            "rho": 5.0,
        },
    )
    assert line(written(request, index=2, model=handle("vae-ft-mse.safetensors"), NGMS=3.0)) == (
        "Steps: 5, Sampler: Euler a, Schedule type: Karras, CFG scale: 7.0, Seed: 10, Size: 100x100, "
        "Model hash: 8719f52b7d, Model: tiny, VAE hash: 235745af8d, VAE: vae-ft-mse.safetensors, "
        "Variation seed: 102, Variation seed strength: 0.3, Seed resize from: 640x512, Clip skip: 2, ENSD: 31337, "
        f"RNG: NV, Emphasis: No norm, Schedule rho: 5.0, Eta: 0.5, NGMS: 3.0, Version: {PROGRAM}"
    )


def test_a_list_has_a_value_for_each_picture_of_the_job() -> None:
    request = Txt2Img(seed=1, batch_size=2, n_iter=2)
    told = [line(written(request, index=i, Letter=["a", "b", "c", "d"])) for i in range(4)]
    assert [read(text, DEFAULTS)["Letter"] for text in told] == ["a", "b", "c", "d"]


def test_what_is_not_wanted_is_not_said() -> None:
    options = dict.fromkeys((key for key in InfotextOptions.model_fields if key.startswith("add_")), False)
    text = written(Txt2Img(seed=1), DEFAULTS.overridden(options), model=handle("vae.pt"))
    assert line(text).endswith("Size: 512x512")


@pytest.mark.parametrize(
    ("sampler", "schedule", "expected"),
    [
        ("DPM++ 2M Karras", "", ("DPM++ 2M", "Automatic")),
        ("DPM++ 2M SDE Karras", "", ("DPM++ 2M SDE", "Karras")),
        ("Euler", "SGM Uniform", ("Euler", "SGM Uniform")),
        ("Euler a", "karras", ("Euler a", "Karras")),
        ("Nonesuch", "Karras", ("Nonesuch", "Karras")),
    ],
)
def test_samplers(sampler: str, schedule: str, expected: tuple[str, str]) -> None:
    told = f", Schedule type: {schedule}" if schedule else ""
    fields = request_fields(read(f"Steps: 20, Sampler: {sampler}{told}, Seed: 5", DEFAULTS), DEFAULTS)
    assert (fields["sampler_name"], fields["scheduler"]) == expected


def test_what_a1111_wrote_asks_for() -> None:
    text = (
        "a cat\nNegative prompt: dog\nSteps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 123456789012, "
        "Size: 640x960, Model hash: 6ce0161689, Model: v1-5, VAE: vae.pt, Variation seed: 5, "
        "Variation seed strength: 0.2, Seed resize from: 512x768, Clip skip: 2, ENSD: 31337, RNG: CPU, Eta: 0.67, "
        "Hires upscale: 2, Foo: bar, Version: v1.10.1"
    )
    found = request_fields(read(text, DEFAULTS), DEFAULTS)
    assert {field: value for field, value in found.items() if value != Txt2Img.model_fields[field].default} == {
        "prompt": "a cat",
        "negative_prompt": "dog",
        "steps": 28,
        "cfg_scale": 6.5,
        "seed": 123456789012,
        "width": 640,
        "height": 960,
        "subseed": 5,
        "subseed_strength": 0.2,
        "seed_resize_from_w": 512,
        "seed_resize_from_h": 768,
        "sampler_name": "DPM++ 2M",
        "scheduler": "Automatic",
        "tiling": False,
        "restore_faces": False,
        "hr_cfg": 0.0,
        "override_settings": {
            "CLIP_stop_at_last_layers": 2,
            "eta_noise_seed_delta": 31337,
            "randn_source": "CPU",
            "eta_ancestral": 0.67,
            "sd_vae": "vae.pt",
        },
    }


def test_settings_that_are_so_already_are_not_overridden() -> None:
    now = DEFAULTS.overridden({"randn_source": "CPU", "CLIP_stop_at_last_layers": 2})
    text = "Steps: 20, Sampler: Euler, Seed: 5, Clip skip: 2, RNG: CPU"
    assert request_fields(read(text, now), now)["override_settings"] == {}
    without = request_fields(read("Steps: 20, Sampler: Euler, Seed: 5", now), now)
    assert without["override_settings"] == {"CLIP_stop_at_last_layers": 1, "randn_source": "GPU"}


def test_a_foreign_text_leaves_what_it_does_not_tell() -> None:
    now = DEFAULTS.overridden({"eta_ddim": 0.5, "sd_vae": "some.pt"})
    foreign = "Steps: 20, Sampler: Euler, Seed: 5"
    assert request_fields(read(foreign, now), now)["override_settings"] == {}
    ours = f"{foreign}, Version: {PROGRAM}"
    assert request_fields(read(ours, now), now)["override_settings"] == {"eta_ddim": 0.0, "sd_vae": "None"}


def test_a_text_with_a_seed_ends_a_variation() -> None:
    fields = request_fields(read("Steps: 20, Sampler: Euler, Seed: 5", DEFAULTS), DEFAULTS)
    assert (fields["subseed_strength"], fields["seed_resize_from_w"], fields["seed_resize_from_h"]) == (0, -1, -1)
    assert "subseed_strength" not in request_fields(read("only a prompt", DEFAULTS), DEFAULTS)


@pytest.mark.parametrize("told", ["Steps: -3", "Steps: many", "Size: 512x99999999", "Seed: 1e99", "CFG scale: nan"])
def test_what_does_not_fit_is_left_out(told: str) -> None:
    bad = "RNG: TPU, Clip skip: 99, ENSD: 1e400, Eta: -1, Schedule rho: nan, Schedule max sigma: inf"
    fields = request_fields(read(f"{told}, {bad}", DEFAULTS), DEFAULTS)
    assert not {"steps", "height", "seed", "cfg_scale", "eta"} & fields.keys()
    assert fields["override_settings"] == {}
    Txt2Img.model_validate(fields)


def test_the_checkpoint_is_chosen_where_that_is_wanted() -> None:
    swapping = DEFAULTS.overridden({"disable_weights_auto_swap": False, "sd_model_checkpoint": "a.ckpt [0123456789]"})

    def chosen(told: str) -> Any:
        text = f"Steps: 20, Sampler: Euler, Seed: 5, {told}"
        return request_fields(read(text, swapping), swapping)["override_settings"].get("sd_model_checkpoint")

    assert chosen("Model hash: 8719f52b7d, Model: tiny") == "8719f52b7d"
    assert chosen("Model hash: 0123456789, Model: tiny") is None
    assert chosen("Model: tiny") == "tiny"
    assert chosen("Model: a") is None
    text = "Steps: 20, Sampler: Euler, Seed: 5, Model hash: 8719f52b7d"
    assert request_fields(read(text, DEFAULTS), DEFAULTS)["override_settings"] == {}


def test_fields_may_be_left_out_and_versions_ignored() -> None:
    now = DEFAULTS.overridden({"infotext_skip_pasting": ("Seed", "Prompt"), "auto_backcompat": False})
    found = read("a [b:c:3]\nSteps: 20, Sampler: Euler, Seed: 5, Version: v1.5.0", now)
    assert "Seed" not in found
    assert "Prompt" not in found
    assert "Old prompt editing timelines" not in found
    assert "prompt" not in request_fields(found, now)


def test_a_prompt_that_cannot_be_read_can_still_be_written_and_found() -> None:
    text = written(Txt2Img(prompt="a (b:1..5)", seed=1))
    assert request_fields(read(text, DEFAULTS), DEFAULTS)["prompt"] == "a (b:1..5)"
    with pytest.raises(UserError):
        emphasis.parse("a (b:1..5)")
