"""What a model file is, told by its keys and shapes alone. Start at `recognise`.

A family's name is that of its entry in `families.catalog`. Rules look at the layout of keys and at
channel counts that do not depend on a model's width, so that reduced models are recognised too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modules.weights.layouts import CLIP_PREFIX, OPEN_CLIP_PREFIX, UNET_PREFIX, VAE_PREFIX

Shape = tuple[int, ...]

_FIRST = UNET_PREFIX + "input_blocks.0.0.weight"
_INPUTS = {9: "inpainting", 8: "instruct-pix2pix", 5: "depth"}
_OTHERS = (
    # (what a file of that kind has somewhere in a key, what it is)
    ("lora_unet_", "a LoRA; it belongs in models/Lora"),
    ("lora_te", "a LoRA; it belongs in models/Lora"),
    (".lora_A.", "a LoRA; it belongs in models/Lora"),
    (".lora_down.", "a LoRA; it belongs in models/Lora"),
    ("hada_w1_a", "a LoHa network; it belongs in models/Lora"),
    ("lokr_w1", "a LoKr network; it belongs in models/Lora"),
    ("control_model.", "a ControlNet"),
    ("controlnet_", "a ControlNet"),
    ("string_to_param", "a textual inversion embedding; it belongs in embeddings"),
    ("emb_params", "a textual inversion embedding; it belongs in embeddings"),
    ("double_blocks.", "a Flux model, which this version cannot run"),
    ("joint_blocks.", "a Stable Diffusion 3 model, which this version cannot run"),
    ("transformer_blocks.", "a model in diffusers layout; a single-file checkpoint is needed"),
    ("encoder.down.", "a VAE alone; it belongs in models/VAE"),
    ("encoder.down_blocks.", "a VAE alone; it belongs in models/VAE"),
    ("text_model.encoder.", "a text encoder alone"),
    ("model.0.weight", "an upscaler"),
    ("body.0.", "an upscaler"),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is. `family` is empty for what is no checkpoint; `about` completes "The file is ...".

    `variant` names extra inputs of the network: "inpainting", "depth", "unclip" or "".
    """

    family: str
    variant: str
    about: str


def recognise(shapes: Mapping[str, Shape]) -> Recognised:
    """The kind of model whose file has tensors of these shapes."""
    family, label = _family(shapes)
    if not family:
        return Recognised("", "", _other(shapes))
    variant = _variant(shapes)
    return Recognised(family, variant, f"a {label} {variant} model".replace("  ", " "))


def _family(shapes: Mapping[str, Shape]) -> tuple[str, str]:
    if _FIRST not in shapes:
        return "", ""
    if any(key.startswith("conditioner.") for key in shapes):
        return "sdxl", "Stable Diffusion XL"
    if _has(shapes, OPEN_CLIP_PREFIX):
        return "sd2", "Stable Diffusion 2.x"
    if _has(shapes, CLIP_PREFIX):
        return "sd1", "Stable Diffusion 1.x"
    return "", ""


def _variant(shapes: Mapping[str, Shape]) -> str:
    channels = shapes[_FIRST][1] if len(shapes[_FIRST]) == 4 else 0
    if channels in _INPUTS:
        return _INPUTS[channels]
    return "unclip" if _has(shapes, UNET_PREFIX + "label_emb.") and not _has(shapes, "conditioner.") else ""


def _other(shapes: Mapping[str, Shape]) -> str:
    if _FIRST in shapes:
        return "a UNet without a text encoder, so it is no complete checkpoint"
    if _has(shapes, UNET_PREFIX):
        # Flux and Stable Diffusion 3 files keep ldm's prefix.
        return next((about for mark, about in _OTHERS if any(mark in key for key in shapes)), "of an unknown family")
    if _has(shapes, VAE_PREFIX):
        return "a VAE alone; it belongs in models/VAE"
    for mark, about in _OTHERS:
        if any(mark in key for key in shapes):
            return about
    return "no Stable Diffusion model: none of its keys is known" + _sample(shapes)


def is_vae(shapes: Mapping[str, Shape]) -> bool:
    """Whether the file has an ldm VAE's keys, with the checkpoint's prefix or without."""
    return any(key.removeprefix(VAE_PREFIX).startswith("encoder.down.") for key in shapes)


def _has(shapes: Iterable[str], prefix: str) -> bool:
    return any(key.startswith(prefix) for key in shapes)


def _sample(shapes: Mapping[str, Shape]) -> str:
    first = next(iter(shapes), None)
    return f" (the first is '{first}')" if first else " because it has none"
