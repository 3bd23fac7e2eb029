"""How large a model's networks are: from the shapes of their weights, the yaml and the family's own facts.

Shapes are by diffusers' and transformers' names and decide everything they can show: widths, depths,
where there is attention. Head counts, norm groups and activations are not in the weights; the yaml
says them, or else the family's file in `configs/`. Where the yaml contradicts the weights it is
refused, since a wrong count of heads would give wrong pictures without a word. Imports no torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules.families.original_config import OriginalConfig, Section
from modules.families.types import Family
from modules.foundation.errors import BadFile

Shapes = Mapping[str, tuple[int, ...]]

_CONFIGS = Path(__file__).with_name("configs")
_START, _END = 49406, 49407
"""CLIP's marks around a prompt, the last of its vocabulary."""
_TOKENS = 77
"""The length of a chunk, marks included."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Arguments of UNet2DConditionModel and AutoencoderKL, and of CLIPTextConfig."""

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    text: Mapping[str, Any]


def facts(family: Family) -> Mapping[str, Any]:
    """What `configs/<family>.json` holds."""
    return json.loads((_CONFIGS / f"{family.config}.json").read_text())


def dimensions(family: Family, unet: Shapes, vae: Shapes, text: Shapes, yaml: OriginalConfig | None) -> Dimensions:
    """The networks of a checkpoint. Raises BadFile if the yaml does not fit, or a part is incomplete."""
    known = facts(family)
    return Dimensions(
        unet=unet_dimensions(unet, known["unet"], yaml.unet if yaml else None),
        vae=vae_dimensions(vae, known["vae"], yaml.vae if yaml else None),
        text=text_dimensions(text, known["text"], yaml.text if yaml else None),
    )


def unet_dimensions(shapes: Shapes, known: Mapping[str, Any], yaml: Section | None) -> dict[str, Any]:
    """Arguments of UNet2DConditionModel."""
    widths = _widths(shapes, "down_blocks.{}.resnets.0.conv1.weight")
    blocks = _count(shapes, r"down_blocks\.0\.resnets\.(\d+)\.")
    attends = tuple(f"down_blocks.{i}.attentions.0.proj_in.weight" in shapes for i in range(len(widths)))
    keys = [key for key, shape in shapes.items() if key.endswith("attn2.to_k.weight") and len(shape) == 2]
    if not keys:
        raise BadFile("The UNet has no cross-attention, so it cannot follow a prompt.")
    if any(".transformer_blocks.1." in key for key in shapes):
        raise BadFile("The UNet has several transformer blocks in a row; that kind is not known.")
    context = shapes[keys[0]][1]
    if yaml:
        _agree_unet(yaml, shapes, widths, blocks, attends, context)
    groups = _groups(widths, known, yaml)
    return {
        "in_channels": _shape(shapes, "conv_in.weight", 4)[1],
        "out_channels": _shape(shapes, "conv_out.weight", 4)[0],
        "block_out_channels": widths,
        "down_block_types": tuple("CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends),
        "up_block_types": tuple("CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)),
        "layers_per_block": blocks,
        "cross_attention_dim": context,
        # diffusers keeps the number of heads under this name.
        "attention_head_dim": _heads(widths, attends, known, yaml),
        "use_linear_projection": len(shapes.get(keys[0].partition("transformer_blocks.")[0] + "proj_in.weight", ()))
        == 2,
        "norm_num_groups": groups,
    }


def vae_dimensions(shapes: Shapes, known: Mapping[str, Any], yaml: Section | None) -> dict[str, Any]:
    """Arguments of AutoencoderKL, without the scaling factor."""
    widths = _widths(shapes, "encoder.down_blocks.{}.resnets.0.conv1.weight")
    blocks = _count(shapes, r"encoder\.down_blocks\.0\.resnets\.(\d+)\.")
    if yaml:
        _agree(yaml, "num_res_blocks", yaml.whole("num_res_blocks"), blocks)
        base, factors = yaml.whole("ch"), yaml.wholes("ch_mult")
        if base and factors:
            _agree(yaml, "ch times ch_mult", tuple(base * factor for factor in factors), widths)
    return {
        "in_channels": _shape(shapes, "encoder.conv_in.weight", 4)[1],
        "out_channels": _shape(shapes, "decoder.conv_out.weight", 4)[0],
        "latent_channels": _shape(shapes, "post_quant_conv.weight", 4)[1],
        "block_out_channels": widths,
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "layers_per_block": blocks,
        "norm_num_groups": _groups(widths, known, yaml),
    }


def text_dimensions(shapes: Shapes, known: Mapping[str, Any], yaml: Section | None) -> dict[str, Any]:
    """Arguments of CLIPTextConfig."""
    vocabulary, width = _shape(shapes, "embeddings.token_embedding.weight", 2)
    positions = _shape(shapes, "embeddings.position_embedding.weight", 2)[0]
    if vocabulary <= _END or positions < _TOKENS:
        raise BadFile(
            f"The text encoder knows {vocabulary} tokens in {positions} places; CLIP's are {_END + 1} in {_TOKENS}."
        )
    layers = _count(shapes, r"encoder\.layers\.(\d+)\.")
    inner = _shape(shapes, "encoder.layers.0.mlp.fc1.weight", 2)[0]
    heads = known["num_attention_heads"]
    if yaml:
        heads = yaml.whole("num_attention_heads") or heads
        _agree(yaml, "hidden_size", yaml.whole("hidden_size"), width)
        _agree(yaml, "num_hidden_layers", yaml.whole("num_hidden_layers"), layers)
        _agree(yaml, "intermediate_size", yaml.whole("intermediate_size"), inner)
    if width % heads:
        raise BadFile(f"The text encoder is {width} wide, which {heads} heads do not divide{_say(yaml)}.")
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": positions,
        "hidden_act": known["hidden_act"],
        "bos_token_id": _START,
        "eos_token_id": _END,
        "pad_token_id": known["pad_token_id"],
    }


def _agree_unet(
    yaml: Section, shapes: Shapes, widths: tuple[int, ...], blocks: int, attends: tuple[bool, ...], context: int
) -> None:
    base, factors = yaml.whole("model_channels"), yaml.wholes("channel_mult")
    if base and factors:
        _agree(yaml, "model_channels times channel_mult", tuple(base * factor for factor in factors), widths)
    _agree(yaml, "num_res_blocks", yaml.whole("num_res_blocks"), blocks)
    _agree(yaml, "context_dim", yaml.whole("context_dim"), context)
    _agree(yaml, "in_channels", yaml.whole("in_channels"), _shape(shapes, "conv_in.weight", 4)[1])
    resolutions = yaml.wholes("attention_resolutions")
    if resolutions is not None:
        found = tuple(2**level for level, attend in enumerate(attends) if attend)
        _agree(yaml, "attention_resolutions", tuple(sorted(resolutions)), found)


def _agree(yaml: Section, name: str, said: Any, found: Any) -> None:
    if said is not None and said != found:
        raise BadFile(
            f"{yaml.path.name} does not fit the checkpoint: {name} is {_plain(said)} in '{yaml.place}', "
            f"but {_plain(found)} in the weights. Use the yaml that came with the model, or move it away."
        )


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _heads(
    widths: tuple[int, ...], attends: tuple[bool, ...], known: Mapping[str, Any], yaml: Section | None
) -> tuple[int, ...]:
    """Attention heads of each level: a fixed number, or as many as channels of a fixed width give."""
    number = yaml.whole("num_heads") if yaml else None
    channels = yaml.whole("num_head_channels") if yaml else None
    if not number and not channels:
        number, channels = known.get("num_heads"), known.get("num_head_channels")
    # The middle attends at the last level's width even where that level does not.
    attending = tuple(attend or i == len(widths) - 1 for i, attend in enumerate(attends))
    for width, attend in zip(widths, attending, strict=True):
        if attend and width % (channels or number or 1):
            parts = f"heads of {channels} channels" if channels else f"{number} heads"
            raise BadFile(f"The UNet has a level {width} wide, which {parts} do not divide{_say(yaml)}.")
    return tuple(max(1, width // channels) if channels else number or 1 for width in widths)


def _groups(widths: tuple[int, ...], known: Mapping[str, Any], yaml: Section | None) -> int:
    groups = (yaml.whole("norm_num_groups") if yaml else None) or known["norm_num_groups"]
    wrong = next((width for width in widths if width % groups), None)
    if wrong:
        raise BadFile(f"A level {wrong} wide cannot be normalised in {groups} groups{_say(yaml)}.")
    return groups


def _say(yaml: Section | None) -> str:
    return f"; {yaml.path.name} says so or leaves it open" if yaml else "; a yaml beside the file must say otherwise"


def _widths(shapes: Shapes, pattern: str) -> tuple[int, ...]:
    widths: list[int] = []
    while (key := pattern.format(len(widths))) in shapes:
        widths.append(_shape(shapes, key, 4)[0])
    if not widths:
        raise BadFile(f"The file lacks '{pattern.format(0)}', so it is incomplete.")
    return tuple(widths)


def _count(shapes: Shapes, pattern: str) -> int:
    numbers = {int(found[1]) for key in shapes if (found := re.match(pattern, key))}
    # A crafted number must not make a network of millions of layers.
    if max(numbers, default=0) >= max(1, len(numbers)):
        place = pattern.replace("\\", "").replace("(d+)", "N")
        raise BadFile(f"The file is incomplete: of {max(numbers) + 1} parts like '{place}' {len(numbers)} are there.")
    return len(numbers)


def _shape(shapes: Shapes, key: str, axes: int) -> tuple[int, ...]:
    """The shape of a weight with so many axes, none of them empty."""
    if key not in shapes:
        raise BadFile(f"The file lacks '{key}', so it is incomplete.")
    shape = shapes[key]
    if len(shape) != axes or 0 in shape:
        raise BadFile(f"'{key}' has the shape {shape}, but {axes} axes are needed.")
    return shape
