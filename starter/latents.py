"""The pool the network learns from: pictures drawn once, encoded once, captioned afresh at every use.

Only a seed per picture is stored; the record is drawn again from it.
"""

import logging
import random
from dataclasses import dataclass

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from starter import state, vae
from starter.draw.canvas import render
from starter.draw.kinds import SHAPES
from starter.draw.records import Picture
from starter.draw.scenes import FIRST, FULL, MANY, WIDE, Mix, random_picture

log = logging.getLogger("starter")

MIXES: dict[str, Mix] = {"first": FIRST, "wide": WIDE, "many": MANY, "full": FULL}


@dataclass(frozen=True, slots=True)
class Pool:
    """Encoded pictures: `latents` [N, 4, 16, 16] in unit variance, the record of each, and how often it is shown."""

    latents: Tensor
    pictures: list[Picture]
    weights: list[float]


def weight(picture: Picture) -> float:
    """How often training shows a picture, against the others of the full mix: more of what takes longer to learn."""
    if picture.second:
        return 3.0
    several, simple = len(picture.things) > 1, not picture.things or picture.things[0].kind in SHAPES
    return (1.6 if several else 0.6 if simple else 1.0) * (1.4 if picture.style else 1.0)


def picture(mix: str, index: int) -> Picture:
    """The record of the pool's picture at this index."""
    return random_picture(random.Random(f"{mix}/{index}"), MIXES[mix])


def frozen_vae() -> AutoencoderKL:
    """The autoencoder as trained so far, with the finished decoder where there is one."""
    saved = state.load("vae-decoder.pt") or state.load("vae.pt")
    if saved is None:
        raise FileNotFoundError("The autoencoder is not trained yet; run `python -m starter vae` first.")
    network = vae.build()
    network.load_state_dict(saved["weights"])
    return network.eval().requires_grad_(False)


def encode(mix: str, count: int, batch: int = 64) -> None:
    """Grow the pool of this mix to `count` pictures; what is already encoded stays."""
    network = frozen_vae()
    saved = state.load(f"latents-{mix}.pt")
    raw: Tensor = saved["raw"] if saved else torch.empty(0, 4, 16, 16, dtype=torch.float16)
    while len(raw) < count:
        images = [np.asarray(render(picture(mix, i))) for i in range(len(raw), min(count, len(raw) + batch))]
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            moments = vae.encoded(network, pixels).mode()
        raw = torch.cat([raw, moments.half()])
        if len(raw) % (batch * 50) == 0 or len(raw) >= count:
            log.info("latents %s: %d of %d", mix, len(raw), count)
            state.save(f"latents-{mix}.pt", {"raw": raw})


def statistics() -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per latent channel, each [4], fixed by the first pool's first 4,000 pictures."""
    if fixed := state.load("statistics.pt"):
        return fixed["mean"], fixed["std"]
    saved = state.load("latents-first.pt")
    if saved is None:
        raise FileNotFoundError("No latents yet; run `python -m starter latents` first.")
    raw = saved["raw"][:4000].float()
    mean, std = raw.mean((0, 2, 3)), raw.std((0, 2, 3))
    state.save("statistics.pt", {"mean": mean, "std": std})
    return mean, std


def pool(mixes: list[str]) -> Pool:
    """The encoded pictures of these mixes one after another, normalised."""
    mean, std = statistics()
    parts: list[Tensor] = []
    pictures: list[Picture] = []
    weights: list[float] = []
    for mix in mixes:
        saved = state.load(f"latents-{mix}.pt")
        if saved is None:
            raise FileNotFoundError(
                f"No latents of the mix {mix!r}; run `python -m starter latents --mix {mix}` first."
            )
        parts.append((saved["raw"].float() - mean[:, None, None]) / std[:, None, None])
        drawn = [picture(mix, i) for i in range(len(saved["raw"]))]
        pictures += drawn
        weights += [weight(p) if mix == "full" else 1.0 for p in drawn]
    return Pool(torch.cat(parts), pictures, weights)
