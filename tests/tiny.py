"""A tiny SD 1.x checkpoint (about 1 MB) with its yaml, the same bytes for the same seed.

It is built like any SD 1.x file with reduced widths: random weights, but every prompt, seed and step
changes the picture. `write_checkpoint(folder)` is all most tests need.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS = (8, 16)
CONTEXT = 8
NATIVE = 64
YAML = """\
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    linear_start: 0.00085
    linear_end: 0.0120
    timesteps: 1000
    scale_factor: 0.18215
    parameterization: "{prediction}"
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params:
        in_channels: {in_channels}
        out_channels: 4
        model_channels: 8
        attention_resolutions: [ 1, 2 ]
        num_res_blocks: 1
        channel_mult: [ 1, 2 ]
        num_heads: 2
        use_spatial_transformer: True
        transformer_depth: 1
        context_dim: 8
        legacy: False
        norm_num_groups: 4
    first_stage_config:
      target: ldm.models.autoencoder.AutoencoderKL
      params:
        embed_dim: 4
        ddconfig:
          double_z: true
          z_channels: 4
          in_channels: 3
          out_ch: 3
          ch: 8
          ch_mult: [ 1, 1, 1, 1 ]
          num_res_blocks: 1
          attn_resolutions: []
          dropout: 0.0
          norm_num_groups: 4
    cond_stage_config:
      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder
      params:
        hidden_size: 8
        num_hidden_layers: 2
        num_attention_heads: 2
        intermediate_size: 16
atelier:
  native_resolution: {native}
  recommended: {{ steps: 4, cfg_scale: 3.0, sampler_name: "Euler a", scheduler: "Automatic" }}
"""


def write_checkpoint(
    folder: Path, name: str = "tiny", seed: int = 0, *, prediction: str = "eps", in_channels: int = 4, yaml: bool = True
) -> Path:
    """Write `<name>.safetensors` (fp16, ldm layout) and `<name>.yaml` into `folder`; returns the checkpoint.

    `prediction` is ldm's word, "eps" or "v"; 9 `in_channels` make an inpainting model.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_file(checkpoint(seed, in_channels), path)
    if yaml:
        text = YAML.format(prediction=prediction, in_channels=in_channels, native=NATIVE)
        path.with_suffix(".yaml").write_text(text)
    return path


def checkpoint(seed: int = 0, in_channels: int = 4) -> dict[str, Tensor]:
    """The tensors of the tiny checkpoint, fp16, by ldm key."""
    import torch

    from modules.weights.layouts import diffusers_to_ldm

    generator = torch.Generator().manual_seed(seed)
    parts = ({key: _weight(key, value, generator) for key, value in part.items()} for part in _empty(in_channels))
    return {key: value.contiguous().half() for key, value in diffusers_to_ldm(*parts).items()}


def _empty(in_channels: int) -> tuple[dict[str, Any], ...]:
    """State dicts without storage: their keys and shapes."""
    from modules.foundation import torchvision_ops

    torchvision_ops.declare()
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            in_channels=in_channels,
            block_out_channels=WIDTHS,
            down_block_types=("CrossAttnDownBlock2D",) * 2,
            up_block_types=("CrossAttnUpBlock2D",) * 2,
            layers_per_block=1,
            cross_attention_dim=CONTEXT,
            norm_num_groups=4,
            attention_head_dim=2,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=4,
        )
        text = CLIPTextModel(
            CLIPTextConfig(hidden_size=CONTEXT, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16)
        )
    return unet.state_dict(), vae.state_dict(), text.state_dict()


def _weight(key: str, like: Tensor, generator: Any) -> Tensor:
    """Norms pass through, biases are small, everything else keeps its input's variance."""
    import torch

    drawn = torch.randn(like.shape, generator=generator)
    if "norm" in key:
        return torch.ones(like.shape) if key.endswith("weight") else 0.1 * drawn
    if key.endswith("bias"):
        return 0.1 * drawn
    if "embedding.weight" in key:
        return drawn
    return drawn / prod(like.shape[1:]) ** 0.5
