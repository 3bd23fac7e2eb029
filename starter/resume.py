"""Turns a released checkpoint back into the state folder, so that training goes on from the file alone.

The file holds averaged weights in fp16 and no optimiser, so every phase begins with its own warm-up again. The released
autoencoder already gives latents of unit variance once they are multiplied by Stable Diffusion's scale factor; the
statistics say just that.
"""

import logging
from pathlib import Path

import torch
from safetensors import safe_open

from starter import export, state, text, tokens, vae

log = logging.getLogger("starter")


def resume(file: Path = export.FILE) -> None:
    """Write `vae.pt`, `statistics.pt`, `text.pt` and `unet.pt` from the file; refuses to overwrite a state."""
    if any((state.FOLDER / name).exists() for name in ("unet.pt", "text.pt", "vae.pt", "vae-decoder.pt")):
        raise FileExistsError(f"'{state.FOLDER}' already holds a state; move it away to begin from '{file.name}'.")
    denoiser, autoencoder, encoder = export.loaded(file)
    with safe_open(str(file), "pt") as reader:
        samples = int((reader.metadata() or {}).get(export.SAMPLES_NOTE, 0))
    state.save("vae.pt", {"phase": "released", "weights": autoencoder.state_dict()})
    state.save("statistics.pt", {"mean": torch.zeros(4), "std": torch.full((4,), 1 / vae.SCALING_FACTOR)})
    words = compacted(encoder.state_dict())
    state.save("text.pt", {"weights": words, "released": words})
    weights = denoiser.state_dict()
    state.save("unet.pt", {"weights": weights, "average": weights, "step": 0, "samples": samples})
    log.info("resuming from %s after %d samples", file.name, samples)


def compacted(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The text encoder's weights with only the grammar's token rows and, last, the row of all other tokens.

    Words that the grammar has learnt since the file was written begin as that neutral row.
    """
    name = next(key for key in weights if key.endswith("token_embedding.weight"))
    table = weights[name]
    unknown = next(row for row in range(text.FULL_VOCABULARY) if row not in set(tokens.known().tolist()))
    return weights | {name: torch.cat([table[tokens.known()], table[unknown : unknown + 1]])}
