"""The text encoder: CLIP's layout in small, trained on captions alone to know what they say before any picture is seen.

It tags every attribute of the caption's record from the end token and from random padding positions, because Stable
Diffusion 1.x attends to all 77 positions. Training holds only the token rows the grammar uses, and one more row for
all other tokens, which learns to be neutral from random words slipped into the captions.
"""

import math
import random
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel

from starter import state, tokens
from starter.draw.captions import VALUES, caption, said_indices
from starter.draw.scenes import FULL, Mix, random_picture

HIDDEN, LAYERS, HEADS, INTERMEDIATE = 160, 4, 4, 640
FULL_VOCABULARY = 49408


def build(rows: int | None = None) -> CLIPTextModel:
    """An untrained encoder with a compact token table, or with `rows` rows."""
    size = rows or len(tokens.known()) + 1
    full = size == FULL_VOCABULARY
    end = tokens.END if full else size - 2
    config = CLIPTextConfig(
        vocab_size=size, hidden_size=HIDDEN, intermediate_size=INTERMEDIATE, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, max_position_embeddings=tokens.LENGTH, hidden_act="quick_gelu",
        bos_token_id=tokens.START if full else 0, eos_token_id=end, pad_token_id=end, projection_dim=HIDDEN,
    )  # fmt: skip
    return CLIPTextModel(config)


class Tagger(nn.Module):
    """The encoder with one linear reading per attribute of `captions.Said`."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = build()
        self.readings = nn.ModuleList(nn.Linear(HIDDEN, len(values)) for values in VALUES.values())

    def read(self, hidden: Tensor, places: Tensor) -> list[Tensor]:
        """Logits [B, P, classes] per attribute, from the states [B, L, hidden] at the positions `places` [B, P]."""
        chosen = hidden.gather(1, places[..., None].expand(-1, -1, HIDDEN))
        return [reading(chosen) for reading in self.readings]


KEEPING = 4.0
"""Weight of the squared distance to the released encoder's states."""


class Teacher:
    """The released encoder, and which rows [rows] of the table it had learnt: new ones equal the neutral row."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.encoder = build()
        self.encoder.load_state_dict(weights)
        self.encoder.eval().requires_grad_(False)
        table = next(weights[key] for key in weights if key.endswith("token_embedding.weight"))
        self.learnt = (table != table[-1]).any(1)
        self.learnt[-1] = True


@dataclass(frozen=True, slots=True)
class Examples:
    """Compact ids [B, L], reading places [B, 4] (end token, three paddings), classes [B, attributes], and which of the
    captions [B] the grammar of the first release could have made."""

    ids: Tensor
    places: Tensor
    classes: Tensor
    familiar: Tensor


def examples(rng: random.Random, count: int, mix: Mix, length: int = tokens.LENGTH) -> Examples:
    """Captions of fresh records."""
    pictures = [random_picture(rng, mix) for _ in range(count)]
    pairs = [caption(picture, rng) for picture in pictures]
    full = tokens.ids([with_strangers(text, rng) for text, _ in pairs])[:, :length]
    ends = (full == tokens.END).int().argmax(1)
    beyond = torch.stack([torch.tensor([rng.randint(int(e), length - 1) for _ in range(3)]) for e in ends])
    plain = [bool(said.color and not (said.pattern or said.scene or said.style or said.fault)) for _, said in pairs]
    return Examples(
        tokens.compact(full),
        torch.cat([ends[:, None], beyond], 1),
        torch.tensor([said_indices(said) for _, said in pairs]),
        torch.tensor(plain),
    )


STRANGERS = (
    "dreamy",
    "window",
    "photorealistic",
    "8k",
    "greg",
    "Tuesday",
    "very",
    "nice",
    "detailed",
    "cinematic",
    "lovely",
    "studio",
    "artwork",
    "shiny",
    "render",
)
"""Words without meaning here; all share the row of unknown tokens."""


def with_strangers(text: str, rng: random.Random) -> str:
    """The caption, sometimes with one to three words slipped in that change nothing."""
    if rng.random() > 0.12:
        return text
    words = text.split()
    for _ in range(rng.randint(1, 3)):
        words.insert(rng.randint(0, len(words)), rng.choice(STRANGERS))
    return " ".join(words)


def _loss(tagger: Tagger, batch: Examples, teacher: Teacher | None) -> tuple[Tensor, Tensor]:
    """Cross-entropy of all readings plus the distance to the teacher's states; the share [attributes] read right."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = tagger.encoder(batch.ids).last_hidden_state
        logits = tagger.read(hidden, batch.places)
    wanted = batch.classes[:, None].expand(-1, batch.places.shape[1], -1)
    loss = sum(
        (functional.cross_entropy(x.float().flatten(0, 1), wanted[..., i].flatten()) for i, x in enumerate(logits)),
        torch.zeros(()),
    )
    if teacher:
        known = batch.familiar & teacher.learnt[batch.ids].all(1)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            before = teacher.encoder(batch.ids[known]).last_hidden_state
        loss = loss + KEEPING * (hidden[known].float() - before.float()).square().mean()
    return loss, torch.stack([(x.argmax(-1) == wanted[..., i]).float().mean() for i, x in enumerate(logits)])


def train(steps: int, batch: int = 96, rate: float = 1.2e-3) -> None:
    """Train the tagger for `steps` in all, resuming; logs the share of right readings per attribute.

    A state begun from a released file goes on at half the rate, and keeps what the encoder made of captions without
    new words, because the released denoiser understands exactly that.
    """
    tagger, teacher, step, right = Tagger(), None, 0, torch.zeros(len(VALUES))
    optimizer = torch.optim.AdamW(tagger.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    if saved := state.load("text.pt"):
        tagger.encoder.load_state_dict(saved["weights"])
        if "released" in saved:
            teacher = Teacher(saved["released"])
            rate /= 2
        if "optimizer" in saved:
            tagger.readings.load_state_dict(saved["readings"])
            optimizer.load_state_dict(saved["optimizer"])
            step = saved["step"]
    released = {"released": saved["released"]} if saved and teacher else {}
    rng, began = random.Random(2000 + step), time.monotonic()
    while step < steps:
        optimizer.param_groups[0]["lr"] = (
            rate * min(1, (step + 1) / 30) * (0.03 + 0.97 * (1 + math.cos(math.pi * step / steps)) / 2)
        )
        loss, share = _loss(tagger, examples(rng, batch, FULL, tokens.LENGTH if step % 4 == 0 else 40), teacher)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
        optimizer.step()
        step += 1
        right = share if step == 1 else 0.95 * right + 0.05 * share
        if step % 50 == 0 or step == steps:
            figures = dict(zip(VALUES, right.tolist(), strict=True))
            state.record("text", step=step, loss=loss.item(), seconds=time.monotonic() - began, **figures)
            parts = {"weights": tagger.encoder.state_dict(), "readings": tagger.readings.state_dict()}
            state.save("text.pt", {**parts, **released, "optimizer": optimizer.state_dict(), "step": step})


def trained() -> CLIPTextModel:
    """The pre-trained encoder with its compact table, frozen."""
    saved = state.load("text.pt")
    if saved is None:
        raise FileNotFoundError("The text encoder is not trained yet; run `python -m starter text` first.")
    encoder = build()
    encoder.load_state_dict(saved["weights"])
    return encoder.eval().requires_grad_(False)
