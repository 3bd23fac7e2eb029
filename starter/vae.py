"""The autoencoder: starts as an exact 8x8 averaging by construction, then learns edges.

Latent channels 0 to 2 begin as the averaged red, green and blue, which leaves training only the residual to learn: two
to three times fewer steps than from random weights. Groups are four channels wide because the usual 32 groups over 32
channels would be instance normalisation, which removes absolute colour.
"""

import math
import random
import time
from typing import Any, cast

import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

from starter import muon, state
from starter.draw.canvas import render
from starter.draw.scenes import PIXELS, random_picture

WIDTHS = (16, 32, 64, 128)
NORM_GROUPS = 4
SCALING_FACTOR = 0.18215
CARRIED = 16
"""Channels of every level that carry the average colours at the start."""
OFFSET = 1.5
GAIN = 2.5
"""Latents start at this multiple of the colours (-1..1), well above the posterior's noise."""


def build() -> AutoencoderKL:
    """The untrained network in its analytic start."""
    blocks = len(WIDTHS)
    vae = AutoencoderKL(
        block_out_channels=WIDTHS,  # pyright: ignore[reportArgumentType] - declared as a tuple of one, meant as any
        down_block_types=("DownEncoderBlock2D",) * blocks,  # pyright: ignore[reportArgumentType]
        up_block_types=("UpDecoderBlock2D",) * blocks,  # pyright: ignore[reportArgumentType]
        layers_per_block=1,
        norm_num_groups=NORM_GROUPS,
        latent_channels=4,
        scaling_factor=SCALING_FACTOR,
    )
    with torch.no_grad():
        _pass_through(vae)
    return vae


def _pass_through(vae: AutoencoderKL) -> None:
    """Set the weights so that encode is averaging and decode is repeating; everything else contributes zero."""
    for part in (vae.encoder, vae.decoder):
        for module in part.modules():
            if isinstance(module, ResnetBlock2D):
                _zero(module.conv2)
                if module.conv_shortcut is not None:
                    _identity(module.conv_shortcut)
            elif isinstance(module, Attention):
                _zero(module.get_submodule("to_out.0"))
            elif isinstance(module, Downsample2D):
                _copying(module.get_submodule("conv"), [(0, 0), (0, 1), (1, 0), (1, 1)])
            elif isinstance(module, Upsample2D):
                _copying(module.get_submodule("conv"), [(1, 1)])
    _spread(vae.encoder.conv_in, 1.0)
    _gather(vae.encoder.conv_norm_out, vae.encoder.conv_out, GAIN)
    if vae.encoder.conv_out.bias is not None:
        vae.encoder.conv_out.bias[4:] = -3.5  # log variance of the posterior
    _unit(vae.quant_conv)
    _unit(vae.post_quant_conv)
    _spread(vae.decoder.conv_in, 1 / GAIN)
    _gather(vae.decoder.conv_norm_out, vae.decoder.conv_out, 1.0)


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.zero_()


def _identity(layer: nn.Module) -> None:
    """A 1x1 convolution that copies the carried channels and writes nothing else."""
    assert isinstance(layer, nn.Conv2d)
    _zero(layer)
    for i in range(min(CARRIED, layer.out_channels)):
        layer.weight[i, i] = 1


def _unit(layer: nn.Module | None) -> None:
    assert isinstance(layer, nn.Conv2d)
    _zero(layer)
    layer.weight[:, :, 0, 0] = torch.eye(layer.out_channels)


def _copying(layer: nn.Module, taps: list[tuple[int, int]]) -> None:
    """Carried channels become their own mean over these kernel taps; the others stay random, without bias."""
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    layer.bias.zero_()
    layer.weight[:, :CARRIED] = 0
    layer.weight[:CARRIED] = 0
    for i in range(CARRIED):
        for row, column in taps:
            layer.weight[i, i, row, column] = 1 / len(taps)


def _spread(layer: nn.Conv2d, gain: float) -> None:
    """Write each colour x as four channels (x, -x, +c, -c).

    Their mean is 0 and their variance nearly constant, so group normalisation is close to a plain scaling.
    """
    assert layer.bias is not None
    layer.bias[:CARRIED] = 0
    layer.weight[:CARRIED] = 0
    for color in range(3):
        for sign, channel in ((1, 4 * color), (-1, 4 * color + 1)):
            layer.weight[channel, color, 1, 1] = sign * gain
            layer.bias[channel + 2] = sign * OFFSET
    layer.weight[CARRIED:] *= 0.1
    layer.bias[CARRIED:] = 0


def _gather(norm: nn.Module, layer: nn.Conv2d, gain: float) -> None:
    """Read each colour back as silu(a) - silu(-a) = a, undoing the normalisation for a mean square colour of 0.4."""
    assert isinstance(norm, nn.GroupNorm)
    channels = norm.num_channels // norm.num_groups
    colors = 1 if channels == 4 else 3
    norm.weight[:CARRIED] = math.sqrt(2 * colors * (0.4 + OFFSET**2) / channels)
    assert layer.bias is not None
    layer.bias.zero_()
    layer.weight[:3] = 0
    for color in range(3):
        layer.weight[color, 4 * color, 1, 1] = gain
        layer.weight[color, 4 * color + 1, 1, 1] = -gain


def encoded(vae: AutoencoderKL, truth: Tensor) -> DiagonalGaussianDistribution:
    """The posterior over latents of pixels in -1..1."""
    return cast(Any, vae.encode(cast(Any, truth))).latent_dist


def decoded(vae: AutoencoderKL, latent: Tensor) -> Tensor:
    """Pixels, about -1..1, of the autoencoder's own latents."""
    return cast(Any, vae.decode(cast(Any, latent))).sample


def pixels(rng: random.Random, count: int, size: int) -> Tensor:
    """Random crops [count, 3, size, size] in -1..1 from freshly drawn pictures of 128 pixels."""
    crops: list[np.ndarray] = []
    for _ in range(count):
        image = np.asarray(render(random_picture(rng, PIXELS)))
        top, left = (rng.randint(0, 128 - size) for _ in range(2))
        crops.append(image[top : top + size, left : left + size])
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _loss(restored: Tensor, truth: Tensor) -> Tensor:
    """L1, half the squared error, and half the L1 of neighbouring differences, which keeps edges sharp."""
    error = restored - truth
    edges = sum(torch.diff(error, dim=d).abs().mean() for d in (2, 3))
    return error.abs().mean() + 0.5 * error.square().mean() + 0.5 * edges


def psnr(vae: AutoencoderKL, truth: Tensor) -> float:
    """Peak signal to noise ratio in dB of decode(encode(x)), without posterior noise."""
    with torch.no_grad():
        restored = decoded(vae, encoded(vae, truth).mode()).clamp(-1, 1)
    return float(10 * torch.log10(4 / (restored - truth).square().mean()))


def train(steps: int, *, decoder_only: bool = False, batch: int = 16, rate: float = 1e-3) -> None:
    """Train for `steps` in all, resuming. `decoder_only` leaves the latents as they are."""
    name = "vae-decoder" if decoder_only else "vae"
    vae = build()
    saved = state.load(f"{name}.pt") or (state.load("vae.pt") if decoder_only else None) or {}
    if saved:
        vae.load_state_dict(saved["weights"])
    frozen = ("encoder.", "quant_conv.") if decoder_only else ()
    trained = [parameter for key, parameter in vae.named_parameters() if not key.startswith(frozen)]
    optimizers = muon.pair(trained, rate)
    step = 0
    if saved.get("phase") == name:
        for optimizer, held_state in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(held_state)
        step = saved["step"]
    held = pixels(random.Random(7), 64, 128)
    rng, began = random.Random(1000 + step), time.monotonic()
    while step < steps:
        muon.set_rate(
            optimizers, rate * min(1, (step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        )
        loss = _step(vae, pixels(rng, batch, 64), decoder_only)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        if step % 100 == 0 or step == steps:
            state.record(name, step=step, loss=loss.item(), psnr=psnr(vae, held), seconds=time.monotonic() - began)
            state.save(
                f"{name}.pt",
                {
                    "phase": name,
                    "weights": vae.state_dict(),
                    "optimizers": [o.state_dict() for o in optimizers],
                    "step": step,
                },
            )


def disturbed(latent: Tensor) -> Tensor:
    """The latent with noise of up to a fifth of its deviation: the decoder learns to smooth it out."""
    amount = 0.2 * torch.rand(len(latent), 1, 1, 1) * latent.float().std((0, 2, 3), keepdim=True)
    return latent + amount * torch.randn_like(latent)


def _step(vae: AutoencoderKL, truth: Tensor, decoder_only: bool) -> Tensor:
    """The loss of one batch."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.set_grad_enabled(not decoder_only):
            posterior = encoded(vae, truth)
        latent = posterior.sample()
        if decoder_only:
            latent = disturbed(latent)
        restored = decoded(vae, latent)
    loss = _loss(restored.float(), truth)
    if decoder_only:
        return loss
    kl = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).float().mean()
    return loss + 1e-4 * kl
