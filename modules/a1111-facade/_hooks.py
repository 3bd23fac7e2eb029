"""A1111's hooks over the engine's: writes what a stage holds into `p`, calls the scripts, and reads it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modules import scripts
from modules.engine.hooks import Hooks
from modules.engine.plan import Made, Plan

if TYPE_CHECKING:
    from torch import Tensor

    from modules.processing import StableDiffusionProcessing

SECOND = ("hr_prompts", "hr_negative_prompts")
"""Prompts of the second pass, where it has its own."""
PER_IMAGE = ("prompts", "negative_prompts", "seeds", "subseeds")


class ScriptHooks(Hooks):
    """The always-on scripts of `p` as the engine calls them. Without any it only keeps `p` and the run in step."""

    def __init__(self, p: StableDiffusionProcessing) -> None:
        self.p = p
        self._runner: scripts.ScriptRunner = p.scripts or scripts.ScriptRunner()

    def on_batch(self, plan: Plan) -> Plan:
        p, size = self.p, p_size(plan)
        part = slice(plan.batch_index * size, (plan.batch_index + 1) * size)
        p.iteration = plan.batch_index
        for name in PER_IMAGE:
            setattr(p, name, list(getattr(p, f"all_{name}")[part]))
        if plan.hr_prompts or plan.hr_negative_prompts:
            second = {name: getattr(p, f"all_{name}", None) for name in SECOND}
            plan = replace(plan, **{name: tuple(texts[part]) for name, texts in second.items() if texts})
        self._runner.before_process_batch(p, **self._told())
        return self._read_back(plan)

    def on_networks(self, plan: Plan) -> Plan:
        p = self.p
        for name in PER_IMAGE:
            setattr(p, name, list(getattr(plan, name)))
        self._runner.after_extra_networks_activate(p, **self._told(), extra_network_data=p.extra_network_data or {})
        self._runner.process_batch(p, **self._told())
        return self._read_back(plan)

    def on_latents(self, latents: Tensor) -> Tensor:
        args = scripts.PostSampleArgs(latents)
        self._runner.post_sample(self.p, args)
        return args.samples

    def on_pixels(self, pixels: Tensor) -> Tensor:
        p = self.p
        self._runner.postprocess_batch(p, images=pixels, batch_number=p.iteration)
        pictures = scripts.PostprocessBatchListArgs(list(pixels))
        self._runner.postprocess_batch_list(p, pictures, batch_number=p.iteration)
        import torch

        return torch.stack(list(pictures.images))

    def on_image(self, made: Made) -> Made:
        self.p.batch_index = made.index
        args = scripts.PostprocessImageArgs(made.image)
        self._runner.postprocess_image(self.p, args)
        return replace(made, image=args.image)

    def on_composited(self, made: Made) -> Made:
        args = scripts.PostprocessImageArgs(made.image)
        self._runner.postprocess_image_after_composite(self.p, args)
        return replace(made, image=args.image)

    def recorded(self, plan: Plan, index: int) -> Mapping[str, object]:
        number = plan.batch_index * p_size(plan) + index
        return extra_told(self.p, number, plan.prompts[index], plan.negative_prompts[index])

    def _told(self) -> dict[str, Any]:
        p = self.p
        return {"batch_number": p.iteration, "prompts": p.prompts, "seeds": p.seeds, "subseeds": p.subseeds}

    def _read_back(self, plan: Plan) -> Plan:
        return replace(plan, **{name: tuple(getattr(self.p, name)) for name in PER_IMAGE})


def p_size(plan: Plan) -> int:
    """Pictures in a full batch; the last one of a list of prompts may have fewer."""
    return plan.request.batch_size


def extra_told(p: StableDiffusionProcessing, number: int, prompt: str, negative: str) -> dict[str, object]:
    """`extra_generation_params` for picture `number` of the job: values, lists with one for each, and functions."""
    told = {"p": p, "index": number, "prompt_text": prompt, "negative_prompt": negative}
    return {label: _value(value, number, told) for label, value in p.extra_generation_params.items()}


def _value(value: Any, number: int, told: dict[str, Any]) -> object:
    if callable(value):
        return value(**told)
    if isinstance(value, list):
        return value[number] if number < len(value) else None
    return value
