"""The preview decoder: sixteen channels in TAESD's layout, taught to imitate the starter's own decoder.

It sees latents as the denoiser gives them and is trained on noisy ones, too, because a preview is of a forming picture.
"""

import logging
import random
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from modules.families import taesd
from starter import export, state, vae
from starter.draw.canvas import render
from starter.draw.scenes import PIXELS, random_picture

log = logging.getLogger("starter")

FILE = Path(__file__).parents[2] / "models" / "VAE-taesd" / "starter_decoder.safetensors"
WIDTH = 16
BATCH = 8
POOL = 160


def pool(use: str, count: int) -> tuple[Tensor, Tensor]:
    """Latents [count, 4, 16, 16] in the denoiser's scale, and what the starter's decoder makes of them, in 0..1."""
    _, autoencoder, _ = export.loaded(export.FILE)
    latents, pictures = [], []
    for first in range(0, count, 16):
        numbers = range(first, min(first + 16, count))
        images = [render(random_picture(random.Random(f"decoder/{use}/{number}"), PIXELS)) for number in numbers]
        given = (
            torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2).float() / 127.5 - 1
        )
        with torch.no_grad():
            moments = vae.encoded(autoencoder, given).mode()
            pictures.append(((vae.decoded(autoencoder, moments) + 1) / 2).clamp(0, 1).half())
            latents.append(moments * vae.SCALING_FACTOR)
    return torch.cat(latents), torch.cat(pictures).float()


def build() -> taesd.Decoder:
    """The untrained decoder, which enlarges the starter's linear preview: layers pass three channels on unchanged.

    Colours are never negative, so no ReLU changes them.
    """
    network = taesd.Decoder(4, WIDTH)
    preview = yaml.safe_load(export.FILE.with_suffix(".yaml").read_text(encoding="utf-8"))["atelier"]["preview"]
    first, *larger, last = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    assert first.bias is not None and last.bias is not None
    with torch.no_grad():
        first.weight[:3] = 0
        # Levels of -1..1 become 0..1.
        first.weight[:3, :, 1, 1] = torch.tensor(preview["weight"]).T / 2
        first.bias[:3] = (torch.tensor(preview["bias"]) + 1) / 2
        for layer in (*larger, last):
            nn.init.dirac_(layer.weight)
        last.bias.zero_()
        for block in network:
            if isinstance(block, taesd.Block):
                for parameter in block.conv[-1].parameters():
                    parameter.zero_()
    return network


def train(steps: int) -> None:
    """Train to `steps` optimiser steps in all and write the file whenever the state is kept."""
    network, saved = build(), state.load("preview-decoder.pt")
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=0.0)
    start = 0
    if saved:
        network.load_state_dict(saved["weights"])
        optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]
    latents, pictures = pool("training", POOL)
    began, running = time.time(), 0.0
    for step in range(start, steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 50, (steps - step) / (0.6 * steps) + 0.02)
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randint(len(latents), (BATCH,), generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            made = network(latents[chosen])
        loss = (made.float() - pictures[chosen]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        running = 0.98 * running + 0.02 * loss.item() if step > start else loss.item()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            state.record("preview-decoder", step=step + 1, loss=running, seconds=time.time() - began)
            kept = {"weights": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            state.save("preview-decoder.pt", kept)
            FILE.parent.mkdir(parents=True, exist_ok=True)
            notes = {
                "modelspec.title": "Atelier starter preview decoder",
                "modelspec.license": "free to use, see docs/starter.md",
            }
            save_file({key: value.half() for key, value in network.state_dict().items()}, str(FILE), notes)
    log.info("%s: %.2f dB", FILE.name, agreement())


@torch.no_grad()
def agreement(count: int = 64) -> float:
    """PSNR in dB of the shipped decoder against the starter's own, on held-out pictures."""
    network = taesd.Decoder(4, WIDTH).eval()
    network.load_state_dict({key: value.float() for key, value in load_file(str(FILE)).items()})
    latents, pictures = pool("held out", count)
    error = (network(latents).clamp(0, 1) - pictures).square().mean((1, 2, 3))
    return float((-10 * error.log10()).mean())
