"""The denoiser and its training: velocity prediction on cached latents, the text encoder frozen.

Data parallel over processes with one thread each, because on a busy machine two threads of one process wait for each
other at every layer and two processes only once a step.
"""

import logging
import random
import time
from copy import deepcopy
from datetime import timedelta
from functools import cache
from itertools import accumulate

import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn
from transformers import CLIPTextModel

from modules.engine.conditioning import emphasized
from starter import diffusion, latents, muon, state, text, tokens
from starter.draw.captions import caption, with_emphasis
from starter.draw.records import Picture

WIDTHS = (64, 128, 192)
NORM_GROUPS = 8
HEADS = 4
EMPTY_SHARE = 0.1
"""Captions replaced by the empty one, for classifier-free guidance."""


def build() -> UNet2DConditionModel:
    """The untrained network; every residual branch and the output start at zero."""
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=WIDTHS, layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=text.HIDDEN, attention_head_dim=HEADS, norm_num_groups=NORM_GROUPS,
    )  # fmt: skip
    with torch.no_grad():
        for module in unet.modules():
            if isinstance(module, ResnetBlock2D):
                module.conv2.weight.zero_()
            elif isinstance(module, Transformer2DModel):
                module.proj_out.weight.zero_()
        unet.conv_out.weight.zero_()
    # Plain matrix products: torch's fused attention has a backward pass three times as slow at these sizes on a CPU.
    unet.set_attn_processor(AttnProcessor())
    return unet


@cache
def _empty_ids() -> Tensor:
    return tokens.compact(tokens.ids([""]))[0]


def encode_prompts(encoder: CLIPTextModel, prompts: list[str]) -> Tensor:
    """Text states [B, 77, hidden] as the denoiser reads them, emphasis applied as Atelier's "Original" does."""
    ids, weights = tokens.weighed(prompts)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        states = encoder(tokens.compact(ids)).last_hidden_state.float()
    return emphasized(states[:, None], weights[:, None], "Original")[:, 0]


def worded(picture: Picture, rng: random.Random) -> str:
    """A random training prompt of the picture."""
    return with_emphasis(text.with_strangers(caption(picture, rng)[0], rng), picture, rng)


def velocity_error(unet: UNet2DConditionModel, clean: Tensor, context: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """Squared velocity error per example [B]."""
    x, target = diffusion.noised(clean, noise, t)
    with torch.autocast("cpu", torch.bfloat16):
        v = unet(x, t, context).sample
    return (v.float() - target).square().mean((1, 2, 3))


def caption_gap(unet: UNet2DConditionModel, encoder: CLIPTextModel, pool: latents.Pool) -> dict[str, float]:
    """Clean-latent error with the right and with another picture's caption: the earliest sign of prompt following."""
    clean, rng = pool.latents[:64], random.Random(5)
    context = encode_prompts(encoder, [caption(p, rng)[0] for p in pool.pictures[:64]])
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))
    figures: dict[str, float] = {}
    for step in (999, 700, 400):
        t = torch.full((64,), step)
        for name, words in (("right", context), ("other", context.roll(1, 0))):
            with torch.no_grad():
                error = velocity_error(unet, clean, words, t, noise)
            figures[f"{name}{step}"] = float((error * (1 - diffusion.ALPHAS[step])).mean())
    return figures


class Training:
    """The running state: weights, their moving average, optimisers, and the samples seen by all processes."""

    def __init__(self, rate: float) -> None:
        torch.manual_seed(1)
        self.unet = build()
        self.average = deepcopy(self.unet).eval().requires_grad_(False)
        self.optimizers = muon.pair(self.unet.parameters(), rate)
        self.rate, self.step, self.samples = rate, 0, 0
        if saved := state.load("unet.pt"):
            self.unet.load_state_dict(saved["weights"])
            self.average.load_state_dict(saved["average"])
            self.step, self.samples = saved["step"], saved["samples"]
            if "optimizers" in saved:  # a state begun from a released file has none yet
                for optimizer, held in zip(self.optimizers, saved["optimizers"], strict=True):
                    optimizer.load_state_dict(held)

    def save(self) -> None:
        """Everything needed to go on."""
        state.save("unet.pt", {
            "weights": self.unet.state_dict(), "average": self.average.state_dict(),
            "step": self.step, "samples": self.samples, "optimizers": [o.state_dict() for o in self.optimizers],
        })  # fmt: skip

    def update(self, world: int, batch: int, total: int) -> None:
        """Average the gradients over the processes and step. The rate holds, and falls over the last fifth."""
        gradients = [p.grad for p in self.unet.parameters() if p.grad is not None]
        if world > 1:
            flat = torch.cat([g.flatten() for g in gradients])
            distributed.all_reduce(flat)
            for g, mean in zip(gradients, (flat / world).split([g.numel() for g in gradients]), strict=True):
                g.copy_(mean.view_as(g))
        nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
        done = self.step / total
        muon.set_rate(self.optimizers, self.rate * min(1, (self.step + 1) / 60) * min(1.0, max(0.02, (1 - done) / 0.2)))
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.samples += world * batch
        # Over a twentieth of the run: long enough to smooth, short enough to follow the falling rate at the end.
        decay = min(0.9995, (self.step + 1) / (self.step + 20), 1 - 20 / total)
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.unet.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)


def train(steps: int, *, mixes: list[str], processes: int = 1, batch: int = 32, rate: float = 1.5e-3) -> None:
    """Train to `steps` in all, resuming, on this many processes."""
    if processes == 1:
        _train(0, 1, steps, mixes, batch, rate)
    else:
        (state.FOLDER / "meeting").unlink(missing_ok=True)
        spawn(_train, (processes, steps, mixes, batch, rate), nprocs=processes)


def _train(rank: int, world: int, steps: int, mixes: list[str], batch: int, rate: float) -> None:
    """One process of the training; rank 0 logs and saves."""
    if world > 1:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        torch.set_num_threads(1)
        distributed.init_process_group(
            "gloo",
            init_method=f"file://{state.FOLDER / 'meeting'}",
            rank=rank,
            world_size=world,
            timeout=timedelta(minutes=10),
        )
    pool, encoder, training = latents.pool(mixes), text.trained(), Training(rate)
    rng, began, seen, total_loss = random.Random(f"{rank}/{training.step}"), time.monotonic(), 0, 0.0
    torch.manual_seed(rng.getrandbits(30))
    often = list(accumulate(pool.weights))
    while training.step < steps:
        chosen = rng.choices(range(len(often)), cum_weights=often, k=batch)
        prompts = ["" if rng.random() < EMPTY_SHARE else worded(pool.pictures[i], rng) for i in chosen]
        clean, t = pool.latents[chosen], diffusion.random_steps(batch)
        errors = velocity_error(training.unet, clean, encode_prompts(encoder, prompts), t, torch.randn_like(clean))
        loss = (errors * diffusion.loss_weight(t)).mean()
        loss.backward()
        training.update(world, batch, steps)
        seen, total_loss = seen + world * batch, total_loss + loss.item()
        if rank == 0 and (training.step % 50 == 0 or training.step == steps):
            gap = caption_gap(training.average, encoder, pool) if training.step % 200 == 0 else {}
            state.record(
                "unet",
                step=training.step,
                samples=training.samples,
                loss=total_loss * world * batch / seen,
                rate=seen / (time.monotonic() - began),
                **gap,
            )
            seen, total_loss, began = 0, 0.0, time.monotonic()
            training.save()
