"""ldm single-file layout <-> diffusers and transformers layout: the key maps, both ways.

Start at `unet_names`, `vae_names` and `text_names`: each takes the keys of one part of a checkpoint
(without the part's prefix) and returns {ldm key: our key}. They find out from the keys how many levels
and blocks there are, so any width and depth fits. `diffusers_to_ldm` writes a whole checkpoint.

ldm numbers the UNet's blocks through (`input_blocks.4.0`), diffusers by level (`down_blocks.1.resnets.0`);
the VAE's decoder levels run backwards in ldm, and its attention weights are stored as 1x1 convolutions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modules.foundation.errors import BadFile

if TYPE_CHECKING:
    from torch import Tensor

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
CLIP_PREFIX = "cond_stage_model.transformer."
OPEN_CLIP_PREFIX = "cond_stage_model.model."

_UNET_ENDS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "middle_block.1": "mid_block.attentions.0",
}
_UNET_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_VAE_RESNET = {"norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2", "nin_shortcut": "conv_shortcut"}
_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
OPEN_CLIP_MODULES = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_NOT_WEIGHTS = re.compile(
    r"(.*\.)?position_ids$|logit_scale$|text_projection(\.weight)?$|attn_mask$|loss\.|model_ema\."
)
"""Keys inside a part that no network of ours has: buffers, and what only training used."""
_VAE_LINEAR = re.compile(r"\.attentions\.\d+\.to_(q|k|v|out\.0)\.weight$")


@dataclass(frozen=True, slots=True)
class Levels:
    """How a UNet is built: its levels, res blocks a level on the way down, and which levels attend."""

    count: int
    blocks: int
    attends: tuple[bool, ...]


def unet_names(keys: Iterable[str]) -> dict[str, str]:
    """{ldm key: diffusers key} of a UNet's ldm keys. Raises BadFile for a key that has no place."""
    keys = list(keys)
    return _translated(keys, _unet_modules(unet_levels(keys)))


def vae_names(keys: Iterable[str]) -> dict[str, str]:
    """{ldm key: diffusers key} of a VAE's ldm keys. Raises BadFile for a key that has no place."""
    keys = [key for key in keys if not _NOT_WEIGHTS.match(key)]
    return _translated(keys, _vae_modules(*_vae_size(keys, "encoder.down.", ".block.")))


def text_names(keys: Iterable[str]) -> dict[str, str]:
    """{ldm key: transformers key} of a CLIP text encoder, with or without the older `text_model.` in front."""
    return {key: key.removeprefix("text_model.") for key in keys if not _NOT_WEIGHTS.match(key)}


def open_clip_names(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """{OpenCLIP key: transformers keys} of SD 2.x's text encoder.

    Three names mean that the tensor is query, key and value one above the other.
    """
    names: dict[str, tuple[str, ...]] = {}
    for key in keys:
        if _NOT_WEIGHTS.match(key):
            continue
        if found := re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)", key):
            number, module, leaf = found.groups()
            layer = f"encoder.layers.{number}."
            if module == "attn.in_proj":
                names[key] = tuple(f"{layer}self_attn.{part}_proj.{leaf}" for part in "qkv")
                continue
            if module in OPEN_CLIP_MODULES:
                names[key] = (f"{layer}{OPEN_CLIP_MODULES[module]}.{leaf}",)
                continue
        names[key] = (_open_clip_end(key),)
    return names


def _open_clip_end(key: str) -> str:
    if key == "positional_embedding":
        return "embeddings.position_embedding.weight"
    if key == "token_embedding.weight":
        return "embeddings.token_embedding.weight"
    if key.startswith("ln_final."):
        return key.replace("ln_final.", "final_layer_norm.")
    raise BadFile(f"'{key}' has no place in an OpenCLIP text encoder.")


def unet_names_to_ldm(keys: Iterable[str]) -> dict[str, str]:
    """{diffusers key: ldm key} of a UNet's diffusers keys."""
    keys = list(keys)
    return _translated(keys, _turned(_unet_modules(_levels_of_diffusers(keys))))


def vae_names_to_ldm(keys: Iterable[str]) -> dict[str, str]:
    """{diffusers key: ldm key} of a VAE's diffusers keys."""
    keys = list(keys)
    size = _vae_size(keys, "encoder.down_blocks.", ".resnets.")
    return _translated(keys, _turned(_vae_modules(*size)))


def text_names_to_ldm(keys: Iterable[str]) -> dict[str, str]:
    """{transformers key: ldm key} of a CLIP text encoder."""
    return {key: "text_model." + key.removeprefix("text_model.") for key in keys if not _NOT_WEIGHTS.match(key)}


def diffusers_to_ldm(
    unet: Mapping[str, Tensor], vae: Mapping[str, Tensor], text: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The three state dicts as one SD 1.x single-file checkpoint, exact and without a copy.

    `text` is a CLIPTextModel's; the file spells it with `text_model.`, as every SD 1.x file does.
    """
    checkpoint = {UNET_PREFIX + name: unet[key] for key, name in unet_names_to_ldm(unet).items()}
    for key, name in vae_names_to_ldm(vae).items():
        checkpoint[VAE_PREFIX + name] = vae[key][:, :, None, None] if _VAE_LINEAR.search(key) else vae[key]
    return checkpoint | {CLIP_PREFIX + name: text[key] for key, name in text_names_to_ldm(text).items()}


def fitted(name: str, tensor: Tensor) -> Tensor:
    """A tensor of an ldm file in the shape diffusers wants for `name`: VAE attention is linear there."""
    return tensor.reshape(fitted_shape(name, tuple(tensor.shape)))


def fitted_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape `fitted` gives."""
    return shape[:2] if shape[2:] == (1, 1) and _VAE_LINEAR.search(name) else shape


def unet_levels(keys: Iterable[str]) -> Levels:
    """What an ldm UNet's keys tell of its structure. Raises BadFile when they make no UNet."""
    keys = list(keys)
    blocks = {int(found[1]) for key in keys if (found := re.match(r"input_blocks\.(\d+)\.", key))}
    ends = sorted({int(found[1]) for key in keys if (found := re.match(r"input_blocks\.(\d+)\.0\.op\.", key))})
    if len(blocks) < 2 or max(blocks) >= len(blocks):
        raise BadFile("The file has no complete UNet: input blocks are missing.")
    a_level = (ends[0] if ends else max(blocks) + 1) - 1
    if ends != [(a_level + 1) * (i + 1) for i in range(len(ends))]:
        raise BadFile(f"The UNet's levels differ in length (they end at input blocks {ends}); that kind is not known.")
    attending = {int(found[1]) for key in keys if (found := re.match(r"input_blocks\.(\d+)\.1\.", key))}
    count = len(ends) + 1
    attends = tuple((a_level + 1) * i + 1 in attending for i in range(count))
    return Levels(count, a_level, attends)


def _levels_of_diffusers(keys: Iterable[str]) -> Levels:
    keys = list(keys)
    count = 1 + _greatest(keys, r"down_blocks\.(\d+)\.")
    blocks = 1 + _greatest(keys, r"down_blocks\.0\.resnets\.(\d+)\.")
    attends = tuple(any(key.startswith(f"down_blocks.{i}.attentions.") for key in keys) for i in range(count))
    return Levels(count, blocks, attends)


def _unet_modules(levels: Levels) -> dict[str, str]:
    """{ldm module: diffusers module} of the UNet, down to the modules whose insides are named alike."""
    names = dict(_UNET_ENDS)
    resnets = {"middle_block.0": "mid_block.resnets.0", "middle_block.2": "mid_block.resnets.1"}
    last = levels.count - 1
    for level in range(levels.count):
        first = 1 + level * (levels.blocks + 1)
        for block in range(levels.blocks):
            resnets[f"input_blocks.{first + block}.0"] = f"down_blocks.{level}.resnets.{block}"
            names[f"input_blocks.{first + block}.1"] = f"down_blocks.{level}.attentions.{block}"
        names[f"input_blocks.{first + levels.blocks}.0.op"] = f"down_blocks.{level}.downsamplers.0.conv"
        first = level * (levels.blocks + 1)
        attends = levels.attends[last - level]
        for block in range(levels.blocks + 1):
            resnets[f"output_blocks.{first + block}.0"] = f"up_blocks.{level}.resnets.{block}"
            if attends:
                names[f"output_blocks.{first + block}.1"] = f"up_blocks.{level}.attentions.{block}"
        # The upsampler follows the attention where there is one.
        place = f"output_blocks.{first + levels.blocks}.{2 if attends else 1}.conv"
        names[place] = f"up_blocks.{level}.upsamplers.0.conv"
    return names | _inside(resnets, _UNET_RESNET)


def _vae_modules(count: int, blocks: int) -> dict[str, str]:
    """{ldm module: diffusers module} of the VAE with `count` levels of `blocks` res blocks (one more when decoding)."""
    names = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    resnets: dict[str, str] = {}
    attentions: dict[str, str] = {}
    for part in ("encoder", "decoder"):
        names |= {f"{part}.{end}": f"{part}.{end}" for end in ("conv_in", "conv_out")}
        names[f"{part}.norm_out"] = f"{part}.conv_norm_out"
        resnets |= {f"{part}.mid.block_{i + 1}": f"{part}.mid_block.resnets.{i}" for i in range(2)}
        attentions[f"{part}.mid.attn_1"] = f"{part}.mid_block.attentions.0"
    for level in range(count):
        up, down = count - 1 - level, f"encoder.down.{level}"
        names[f"{down}.downsample.conv"] = f"encoder.down_blocks.{level}.downsamplers.0.conv"
        names[f"decoder.up.{level}.upsample.conv"] = f"decoder.up_blocks.{up}.upsamplers.0.conv"
        resnets |= {f"{down}.block.{i}": f"encoder.down_blocks.{level}.resnets.{i}" for i in range(blocks)}
        resnets |= {f"decoder.up.{level}.block.{i}": f"decoder.up_blocks.{up}.resnets.{i}" for i in range(blocks + 1)}
    return names | _inside(resnets, _VAE_RESNET) | _inside(attentions, _VAE_ATTENTION)


def _vae_size(keys: Iterable[str], levels: str, blocks: str) -> tuple[int, int]:
    keys = list(keys)
    pattern = re.escape(levels)
    return (
        1 + _greatest(keys, rf"{pattern}(\d+)\."),
        1 + _greatest(keys, rf"{pattern}0{re.escape(blocks)}(\d+)\."),
    )


def _inside(modules: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, str]:
    return {f"{a}.{part}": f"{b}.{name}" for a, b in modules.items() for part, name in parts.items()}


def _turned(names: Mapping[str, str]) -> dict[str, str]:
    return {theirs: ours for ours, theirs in names.items()}


def _greatest(keys: Iterable[str], pattern: str) -> int:
    found = {int(match[1]) for key in keys if (match := re.match(pattern, key))}
    place = pattern.replace("\\", "").replace("(d+)", "N")
    if not found:
        raise BadFile(f"The file lacks a whole part of the model: no key is like '{place}'.")
    if max(found) >= len(found):
        raise BadFile(f"The file is incomplete: of {max(found) + 1} parts like '{place}' {len(found)} are there.")
    return max(found)


def _translated(keys: Iterable[str], modules: Mapping[str, str]) -> dict[str, str]:
    """Each key with the longest module name in `modules` that it starts with replaced."""
    names: dict[str, str] = {}
    for key in keys:
        module, rest = key, ""
        while module not in modules:
            module, dot, last = module.rpartition(".")
            if not dot:
                raise BadFile(f"'{key}' has no place in this kind of model.")
            rest = f".{last}{rest}"
        names[key] = modules[module] + rest
    return names
