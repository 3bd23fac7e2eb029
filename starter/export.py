"""Writes the checkpoint: Stable Diffusion 1.x's single-file layout in fp16, and the yaml that states its sizes."""

import logging
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextModel

from modules.weights import layouts
from starter import diffusion, latents, text, tokens, unet, vae
from starter.draw.canvas import render
from starter.generate import Starter, trained

log = logging.getLogger("starter")

FILE = Path(__file__).parents[1] / "models" / "Stable-diffusion" / "starter.safetensors"
NATIVE = 128
SAMPLES_NOTE = "atelier.samples"
"""The name in the file's metadata of how many samples the denoiser has seen."""

Networks = tuple[UNet2DConditionModel, AutoencoderKL, CLIPTextModel]


def export(file: Path = FILE) -> None:
    """Write the trained model to `file` and its yaml beside it, then load both back and compare exactly."""
    starter = trained()
    parts = shipped(starter)
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = layouts.diffusers_to_ldm(*({k: v.half().contiguous() for k, v in m.state_dict().items()} for m in parts))
    notes = {
        "format": "pt",
        "modelspec.title": "Atelier starter",
        "modelspec.license": "free to use, see docs/starter.md",
        SAMPLES_NOTE: str(starter.samples),
    }
    save_file(tensors, str(file), notes)
    file.with_suffix(".yaml").write_text(yaml.safe_dump(config(preview(starter)), sort_keys=False, width=120))
    verify(parts, file)
    log.info("%s: %.1f MB", file.name, file.stat().st_size / 1e6)


def shipped(starter: Starter) -> Networks:
    """Denoiser, autoencoder and text encoder as others expect them: the usual scale factor, and a full token table."""
    return starter.unet, with_usual_scale(starter), with_all_tokens(starter.encoder)


def with_usual_scale(starter: Starter) -> AutoencoderKL:
    """The autoencoder with the latents' mean and deviation folded into its two 1x1 convolutions, so that multiplying by
    0.18215 gives what the denoiser was trained on."""
    network, spread = deepcopy(starter.vae), starter.std * vae.SCALING_FACTOR
    before, after = network.quant_conv, network.post_quant_conv
    assert before is not None and after is not None and before.bias is not None and after.bias is not None
    with torch.no_grad():
        before.weight[:4] /= spread[:, None, None, None]
        before.bias[:4] = (before.bias[:4] - starter.mean) / spread
        before.bias[4:] -= 2 * spread.log()
        after.bias += after.weight[:, :, 0, 0] @ starter.mean
        after.weight *= spread[:, None, None]
    return network


def with_all_tokens(encoder: CLIPTextModel) -> CLIPTextModel:
    """The encoder with CLIP's 49,408 token rows; tokens outside the grammar share the row trained to be neutral."""
    full = text.build(text.FULL_VOCABULARY)
    weights = encoder.state_dict()
    name = next(key for key in weights if key.endswith("token_embedding.weight"))
    compact = weights[name]
    table = compact[-1].expand(text.FULL_VOCABULARY, -1).clone()
    table[tokens.known()] = compact[:-1]
    full.load_state_dict(weights | {name: table})
    return full.eval()


def preview(starter: Starter, count: int = 512) -> tuple[list[list[float]], list[float]]:
    """Weight [4][3] and bias [3] from the denoiser's latent to the 8x8-averaged colours in -1..1: least squares."""
    images = np.stack([np.asarray(render(latents.picture("full", i))) for i in range(count)])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        raw = torch.cat([vae.encoded(starter.vae, part).mode() for part in pixels.split(64)])
    seen = ((raw - starter.mean[:, None, None]) / starter.std[:, None, None]).permute(0, 2, 3, 1).reshape(-1, 4)
    colors = functional.avg_pool2d(pixels, 8).permute(0, 2, 3, 1).reshape(-1, 3)
    fit = torch.linalg.lstsq(torch.cat([seen, torch.ones(len(seen), 1)], 1), colors).solution
    rounded = [[round(v, 5) for v in row] for row in fit.tolist()]
    return rounded[:4], rounded[4]


def config(fit: tuple[list[list[float]], list[float]]) -> dict[str, Any]:
    """The yaml: ldm's structure in our widths, the sizes ldm has no field for, and the `atelier` block."""
    base = unet.WIDTHS[0]
    unet_params = {
        "image_size": NATIVE // 8, "in_channels": 4, "out_channels": 4, "model_channels": base,
        "attention_resolutions": [4, 2], "num_res_blocks": 1, "channel_mult": [w // base for w in unet.WIDTHS],
        "num_heads": unet.HEADS, "use_spatial_transformer": True, "transformer_depth": 1, "context_dim": text.HIDDEN,
        "use_checkpoint": False, "legacy": False, "norm_num_groups": unet.NORM_GROUPS,
    }  # fmt: skip
    ddconfig = {
        "double_z": True, "z_channels": 4, "resolution": NATIVE, "in_channels": 3, "out_ch": 3, "ch": vae.WIDTHS[0],
        "ch_mult": [w // vae.WIDTHS[0] for w in vae.WIDTHS], "num_res_blocks": 1, "attn_resolutions": [],
        "dropout": 0.0, "norm_num_groups": vae.NORM_GROUPS,
    }  # fmt: skip
    text_params = {
        "hidden_size": text.HIDDEN, "num_hidden_layers": text.LAYERS, "num_attention_heads": text.HEADS,
        "intermediate_size": text.INTERMEDIATE,
    }  # fmt: skip
    params = {
        "linear_start": diffusion.LINEAR_START, "linear_end": diffusion.LINEAR_END, "timesteps": diffusion.STEPS,
        "parameterization": "v", "first_stage_key": "jpg", "cond_stage_key": "txt", "image_size": NATIVE // 8,
        "channels": 4, "conditioning_key": "crossattn", "scale_factor": vae.SCALING_FACTOR, "use_ema": False,
        "unet_config": {"target": "ldm.modules.diffusionmodules.openaimodel.UNetModel", "params": unet_params},
        "first_stage_config": {
            "target": "ldm.models.autoencoder.AutoencoderKL",
            "params": {"embed_dim": 4, "ddconfig": ddconfig, "lossconfig": {"target": "torch.nn.Identity"}},
        },
        "cond_stage_config": {"target": "ldm.modules.encoders.modules.FrozenCLIPEmbedder", "params": text_params},
    }  # fmt: skip
    recommended = {"steps": 20, "cfg_scale": 4.0, "sampler_name": "DPM++ 2M", "scheduler": "Automatic"}
    own = {"native_resolution": NATIVE, "recommended": recommended, "preview": {"weight": fit[0], "bias": fit[1]}}
    return {"model": {"target": "ldm.models.diffusion.ddpm.LatentDiffusion", "params": params}, "atelier": own}


def loaded(file: Path) -> Networks:
    """The three networks read back from the file, every key accounted for."""
    tensors = load_file(str(file))

    def fill(network: nn.Module, prefix: str, names: Callable[[Iterable[str]], dict[str, str]]) -> None:
        part = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        named = names(part)
        network.load_state_dict({theirs: layouts.fitted(theirs, part[ours]) for ours, theirs in named.items()})

    denoiser, autoencoder, encoder = unet.build(), vae.build(), text.build(text.FULL_VOCABULARY)
    fill(denoiser, layouts.UNET_PREFIX, layouts.unet_names)
    fill(autoencoder, layouts.VAE_PREFIX, layouts.vae_names)
    fill(encoder, layouts.CLIP_PREFIX, layouts.text_names)
    return denoiser.eval(), autoencoder.eval(), encoder.eval()


def verify(parts: Networks, file: Path) -> None:
    """Raise unless the file, read back, computes exactly what the fp16-rounded originals compute in fp32."""
    generator = torch.Generator().manual_seed(0)
    x, t, words = torch.randn(1, 4, 16, 16, generator=generator), torch.tensor([500]), tokens.ids(["a red circle"])
    outputs: list[list[Tensor]] = []
    for denoiser, autoencoder, encoder in (rounded(parts), loaded(file)):
        with torch.no_grad():
            context = encoder(words).last_hidden_state
            outputs.append([context, denoiser(x, t, context).sample, vae.decoded(autoencoder, x)])
    for name, ours, theirs in zip(("text encoder", "denoiser", "autoencoder"), *outputs, strict=True):
        if not torch.equal(ours, theirs):
            raise ValueError(f"The exported {name} differs from the trained one by {(ours - theirs).abs().max():.3g}.")


def rounded(parts: Networks) -> Networks:
    """The networks with their weights rounded to fp16, computing in fp32."""
    denoiser, autoencoder, encoder = deepcopy(parts)
    for part in (denoiser, autoencoder, encoder):
        part.half().float()
    return denoiser, autoencoder, encoder
