"""Our txt2img against a plain diffusers pipeline over the same parts: same dtype, steps and CFG batching, in turn.

Prints the ratio of the medians, and what a picture costs outside text encoder, network and VAE.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEPS = 20
PROMPT = "a red circle on a blue background, picture {}"
NEGATIVE = "blurry, low quality"
RATIO_LIMIT = 1.03
OVERHEAD_LIMIT = 25.0


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent inside the watched modules."""

    seconds: float = 0.0

    def watch(self, owner: Any, method: str) -> None:
        original = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - begun

        setattr(owner, method, timed)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--precision", choices=("full", "half"), default="full", help="32 bits, or 16 everywhere")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs, inside = _contestants(folder, arguments.size, arguments.precision)
        times: dict[str, list[float]] = {"ours": [], "diffusers": [], "outside": []}
        for number in range(arguments.pairs + 1):
            inside.seconds = 0.0
            mine = _seconds(ours, number)
            outside = mine - inside.seconds
            plain = _seconds(theirs, number)
            if number:  # the first warms both up
                times["ours"].append(mine)
                times["diffusers"].append(plain)
                times["outside"].append(outside)
    ratios = [a / b for a, b in zip(times["ours"], times["diffusers"], strict=True)]
    size, precision, pairs = arguments.size, arguments.precision, arguments.pairs
    print(f"{size}x{size}, {STEPS} steps, {precision} precision, {pairs} pairs, median (least to most)")
    _row("ours, s", times["ours"])
    _row("diffusers, s", times["diffusers"])
    _row(f"ours / diffusers (limit {RATIO_LIMIT})", ratios)
    _row(f"outside the networks, ms (limit {OVERHEAD_LIMIT:.0f})", [1000 * t for t in times["outside"]])


def _row(label: str, values: list[float]) -> None:
    print(f"{label:<42}{statistics.median(values):9.3f}   ({min(values):.3f} to {max(values):.3f})")


def _seconds(work: Callable[[int], Any], number: int) -> float:
    begun = time.perf_counter()
    work(number)
    return time.perf_counter() - begun


def _contestants(
    folder: str, size: int, precision: str
) -> tuple[Callable[[int], Any], Callable[[int], Any], Stopwatch]:
    from modules.foundation import torchvision_ops

    torchvision_ops.declare()
    from modules.boot import assemble
    from modules.engine.generate import generate
    from modules.engine.hooks import Hooks
    from modules.engine.options import ModelOptions, VaeOptions
    from modules.engine.request import Txt2Img
    from modules.engine.run import RunContext
    from modules.foundation.flags import parse
    from modules.jobs.job import Job

    checkpoints = Path(__file__).resolve().parent.parent / "models" / "Stable-diffusion"
    studio = assemble(parse(["--data-dir", folder, "--ckpt-dir", str(checkpoints), "--precision", precision]))
    settings = studio.settings.snapshot
    handle = studio.models.acquire(None, settings[ModelOptions], settings[VaeOptions])

    def ours(number: int) -> Any:
        request = Txt2Img(
            prompt=PROMPT.format(number), negative_prompt=NEGATIVE, seed=number, steps=STEPS, width=size, height=size,
            sampler_name="Euler", cfg_scale=4,
        )  # fmt: skip
        job = Job(str(number), "txt2img", request)
        return list(generate(request, RunContext(settings, studio.models, studio.catalog, Hooks(), job.cancel, job)))

    inside = Stopwatch()
    with handle.unet.ready() as unet, handle.vae.ready() as vae, handle.text.ready() as text:
        inside.watch(unet, "forward")
        inside.watch(vae, "decode")
        inside.watch(text, "forward")
        theirs = _plain(unet, vae, text, handle.parametrization.prediction, size)
    return ours, theirs, inside


def _plain(unet: Any, vae: Any, text: Any, prediction: str, size: int) -> Callable[[int], Any]:
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    from modules.families import tokenizer

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=prediction
    )
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=None, unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    clip = tokenizer.clip()

    def embedded(prompt: str) -> Any:
        ids = [clip.bos, *clip.encode(prompt)]
        return text(input_ids=torch.tensor([[*ids, *[clip.eos] * (77 - len(ids))]])).last_hidden_state

    def theirs(number: int) -> Any:
        with torch.no_grad():
            return pipeline(
                prompt_embeds=embedded(PROMPT.format(number)).to(unet.dtype),
                negative_prompt_embeds=embedded(NEGATIVE).to(unet.dtype),
                num_inference_steps=STEPS, guidance_scale=4.0, width=size, height=size,
                generator=torch.Generator().manual_seed(number),
            ).images  # fmt: skip

    return theirs


if __name__ == "__main__":
    main()
