"""The spellings of LoRA keys -> a model's modules. Start with `split`, then `Places.find`.

A key names a module and one of its weights. Modules are spelled by kohya (`lora_unet_down_blocks_0_...`), diffusers
(`unet.down_blocks.0...processor.to_q_lora`), PEFT (`base_model.model.down_blocks.0...`), LyCORIS (`lycoris_...`) and
after ldm (`lora_unet_input_blocks_1_1_...`, `diffusion_model.input_blocks.1.1...`). With every dot made an underscore
they differ in a prefix only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from modules.weights import layouts

Shape = tuple[int, ...]

UNET: Final = "unet"
PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    UNET: (
        *("lora_unet_", "lycoris_unet_", "lycoris_", "model_diffusion_model_", "diffusion_model_"),
        *("base_model_model_unet_", "base_model_model_", "unet_", ""),
    ),
    "text": (
        *("lora_te_", "lora_te1_", "lycoris_text_encoder_", "te_", "te1_", "text_encoder_"),
        *("base_model_model_text_encoder_", "base_model_model_", "cond_stage_model_transformer_"),
        *("cond_stage_model_model_", "conditioner_embedders_0_transformer_", "text_encoders_clip_l_transformer_"),
        *("clip_l_transformer_", "transformer_", "model_", "0_transformer_", ""),
    ),
    "text2": (
        *("lora_te2_", "lycoris_text_encoder_2_", "te2_", "text_encoder_2_", "base_model_model_text_encoder_2_"),
        *("conditioner_embedders_1_model_", "text_encoders_clip_g_transformer_", "clip_g_transformer_", "1_model_"),
    ),
}
"""What stands in front of the modules of each part, dots made underscores; `text2` is SDXL's second encoder."""

_LORA: Final = re.compile(r"(.+?)[._]lora(?:_linear_layer)?[._](up|down|mid|A|B)(?:\.default)?\.weight")
_SIDES: Final = {"up": "up", "B": "up", "down": "down", "A": "down", "mid": "mid"}
_DORA: Final = re.compile(r"(.+?)[._](?:dora_scale|lora_magnitude_vector)(?:\.default)?(?:\.weight)?")
_OTHERS: Final = re.compile(
    r"(.+?)(?:[._]lora)?\.(alpha|scale|diff|diff_b|w_norm|b_norm|on_input|ia3_l|rescale|oft_blocks|oft_diag"
    r"|hada_w[12]_[ab]|hada_t[12]|lokr_w[12](?:_[ab])?|lokr_t2|bias_indices|bias_values|bias_size"
    r"|[ab][12]\.weight|weight)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A module of a model: its part ("unet", "text") and its name there."""

    part: str
    module: str

    @property
    def is_text(self) -> bool:
        return self.part != UNET


def split(key: str) -> tuple[str, str] | None:
    """The module as it is spelled and the weight's name; None for a key that is no network's.

    Weights are called "up", "down", "mid" and "dora_scale" for all of their spellings, others by their own names,
    GLoRA's "a1" to "b2". A bare "weight" is IA3's, where an "on_input" is beside it.
    """
    if found := _LORA.fullmatch(key):
        return found[1], _SIDES[found[2]]
    if found := _DORA.fullmatch(key):
        return found[1], "dora_scale"
    if found := _OTHERS.fullmatch(key):
        return found[1], found[2].removesuffix(".weight")
    return None


class Places:
    """The modules of one model under every spelling."""

    def __init__(self, modules: Mapping[str, Iterable[str]]) -> None:
        """`modules` are the names of each part's modules that have weights, as diffusers and transformers call them."""
        self._tables: dict[str, dict[str, str]] = {}
        self.ldm: dict[str, str] = {}
        """What ldm calls each module of the UNet."""
        for part, found in modules.items():
            names = tuple(found)
            if part == UNET:
                self.ldm = _ldm(names)
            spelled = _unet_spellings(names, self.ldm) if part == UNET else _text_spellings(names)
            self._tables[part] = {text.replace(".", "_"): name for text, name in spelled}

    def find(self, spelled: str) -> Place | None:
        """The module that a key's first half means; None if this model has no such module."""
        text = spelled.replace(".", "_")
        for part, table in self._tables.items():
            for prefix in PREFIXES.get(part, ()):
                if text.startswith(prefix) and (module := table.get(text[len(prefix) :])):
                    return Place(part, module)
        return None


def _ldm(names: tuple[str, ...]) -> dict[str, str]:
    keys = layouts.unet_names_to_ldm(f"{name}.weight" for name in names)
    return {ours.removesuffix(".weight"): theirs.removesuffix(".weight") for ours, theirs in keys.items()}


def _unet_spellings(names: Iterable[str], ldm: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield ldm[name], name
        yield name, name
        if found := re.fullmatch(r"(.+\.attn[12])\.(to_[qkv]|to_out)(\.0)?", name):
            # diffusers once hung its LoRAs on the attention's processor, and named no place in the list `to_out`.
            yield f"{found[1]}.{found[2]}", name
            yield f"{found[1]}.processor.{found[2]}", name


def _text_spellings(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        module = name.removeprefix("text_model.")
        spelled = [module]
        if found := re.fullmatch(r"(.+\.self_attn)\.([qkv]|out)_proj", module):
            spelled.append(f"{found[1]}.to_{found[2]}")
        for text in spelled:
            yield text, name
            yield f"text_model.{text}", name
        if found := re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)", module):
            for theirs, ours in layouts.OPEN_CLIP_MODULES.items():
                if ours == found[2]:
                    yield f"transformer.resblocks.{found[1]}.{theirs}", name


FAMILIES: Final[Mapping[int, str]] = {768: "SD1", 1024: "SD2", 2048: "SDXL"}
"""Width of the text that a UNet's cross attention reads -> A1111's word for the family."""
_BASES: Final = (("sdxl", "SDXL"), ("sd_v1", "SD1"), ("sd_v2", "SD2"), ("sd3", "SD3"), ("flux", "Flux"))
_FOREIGN: Final = (
    (("double_blocks", "single_transformer_blocks", "single_blocks"), "Flux"),
    (("joint_blocks", "joint_transformer_blocks"), "SD3"),
    (("lora_te2_", "text_encoder_2.", "te2_"), "SDXL"),
)
_CROSS: Final = re.compile(r"attn2[._](?:processor[._])?to_[kv]")


def made_for(shapes: Mapping[str, Shape], metadata: Mapping[str, str]) -> str | None:
    """The family a network was made for, "SD1", "SD2", "SDXL", "SD3" or "Flux"; None where nothing tells.

    Told by the file's keys and widths first: what it says of itself may have been copied from another.
    """
    for marks, family in _FOREIGN:
        if any(mark in key for key in shapes for mark in marks):
            return family
    for key, shape in shapes.items():
        if _CROSS.search(key) and (width := _input_width(key, shape)) in FAMILIES:
            return FAMILIES[width]
    base = metadata.get("ss_base_model_version", metadata.get("modelspec.architecture", "")).lower()
    if "xl" in base:
        return "SDXL"
    return next((family for mark, family in _BASES if base.startswith(mark)), None)


def _input_width(key: str, shape: Shape) -> int | None:
    _, weight = split(key) or ("", "")
    if weight in ("down", "hada_w1_b", "diff") and len(shape) >= 2:
        return shape[1]
    return None
