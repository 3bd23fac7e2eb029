"""Prompts -> what the network is told: networks' tags, AND, edits, spans, chunks, text encoder, emphasis.

Start with `condition`. Encoded prompts are kept on the handle, so that only texts that changed are encoded again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from modules.engine.model import ModelHandle
from modules.engine.networks import vocabulary_of
from modules.engine.plan import Plan
from modules.engine.run import RunContext
from modules.families import tokenizer
from modules.families.stable_diffusion import encode_tokens
from modules.families.trained_vectors import trained_vectors
from modules.foundation.errors import UserError
from modules.networks.embedding import Embedding, Vocabulary
from modules.prompting import emphasis, network_tags
from modules.prompting.chunks import Chunk, chunked
from modules.prompting.compose import Part, split
from modules.prompting.options import PromptOptions, TextCompatibility
from modules.prompting.schedule import schedule
from modules.sampling.types import Conditioning, Prompted

AT_ONCE: Final = 32
"""Chunks in one call of the text encoder; a prompt as long as a book has hundreds."""
KEPT: Final = 256
"""Chunks whose encoding is kept; 60 MB of SD 1.x in 32 bits."""


def condition(
    handle: ModelHandle,
    plan: Plan,
    run: RunContext,
    steps: int,
    words: dict[str, Embedding] | None = None,
    *,
    first_pass: int | None = None,
) -> tuple[Prompted, Prompted]:
    """The conditioning of a batch by its prompts and by its negative prompts, at each evaluation of the network.

    Each [B, T, D] in float32 with T 77 a chunk; within a batch short prompts repeat their last vector, as in
    A1111. The two may differ in T. Prompts joined with AND have a row each. Edits are laid over `steps`
    evaluations, in a second pass counting on from those of the `first_pass`. `words` is filled with the embeddings
    whose words stood in the prompts. Raises UserError for a prompt that cannot be read or encoded, Interrupted at the
    user's wish.
    """
    positive = [split(network_tags.extract(text)[0]) for text in plan.prompts]
    negative = [(Part(text),) for text in plan.negative_prompts]
    vocabulary = vocabulary_of(handle, run)
    encoder = _Encoder(handle, run, vocabulary, steps, first_pass)
    both = _prompted(encoder, positive), _prompted(encoder, negative)
    if words is not None:
        words |= encoder.words
    return both


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A prompt's schedule: up to evaluation `lasts[i]` the context [T, D] is `contexts[i]`."""

    lasts: tuple[int, ...]
    contexts: tuple[Tensor, ...]

    def index(self, evaluation: int) -> int:
        """Which holds at an evaluation. Evaluations count from 0 and `lasts` from 1, yet A1111 compares them.

        It also has the first hold where a sampler evaluates more often than was planned.
        """
        return next((i for i, last in enumerate(self.lasts) if evaluation <= last), 0)


class _Edited:
    """The conditioning of a batch in which some prompt changes from one evaluation to another."""

    def __init__(
        self, rows: Sequence[_Encoded], weights: tuple[tuple[float, ...], ...] | None, device: torch.device
    ) -> None:
        self._rows, self._weights, self._device = rows, weights, device
        self._chosen: tuple[Tensor, ...] = ()
        self._now: Conditioning | None = None

    def at(self, evaluation: int) -> Conditioning:
        chosen = tuple(row.contexts[row.index(evaluation)] for row in self._rows)
        if self._now is None or any(new is not old for new, old in zip(chosen, self._chosen, strict=True)):
            self._chosen = chosen
            self._now = Conditioning(_stacked(chosen).to(self._device), weights=self._weights)
        return self._now


@dataclass(slots=True)
class _Encoder:
    """What texts are encoded by. `words` are the embeddings that stood in them so far."""

    handle: ModelHandle
    run: RunContext
    vocabulary: Vocabulary
    steps: int = 1
    first_pass: int | None = None
    words: dict[str, Embedding] = field(default_factory=dict)


def _prompted(encoder: _Encoder, images: Sequence[tuple[Part, ...]]) -> Prompted:
    encoded = {
        text: _scheduled(encoder, text) for text in dict.fromkeys(part.text for parts in images for part in parts)
    }
    rows = [encoded[part.text] for parts in images for part in parts]
    plain = all(len(parts) == 1 and parts[0].weight == 1 for parts in images)
    weights = None if plain else tuple(tuple(part.weight for part in parts) for parts in images)
    edited = _Edited(rows, weights, encoder.handle.device)
    return edited if any(len(row.lasts) > 1 for row in rows) else edited.at(0)


def _scheduled(encoder: _Encoder, text: str) -> _Encoded:
    old = encoder.run.settings[TextCompatibility].use_old_scheduling
    entries = schedule(text, encoder.steps, old=old, first_pass=encoder.first_pass)
    contexts = _contexts(encoder, Counter(entry.text for entry in entries))
    return _Encoded(tuple(entry.last for entry in entries), tuple(contexts[entry.text] for entry in entries))


def empty_prompt(handle: ModelHandle, run: RunContext) -> Tensor:
    """The encoded empty prompt [77, D] in float32, for padding."""
    return _contexts(_Encoder(handle, run, vocabulary_of(handle, run)), Counter(("",)))[""].to(handle.device)


def emphasized(z: Tensor, multipliers: Tensor, mode: str, shares: Tensor | None = None) -> Tensor:
    """Chunks [..., N, 77, D] weighed token by token by [..., N, 77].

    "Original" then restores each chunk's mean, "No norm" leaves it, the other modes do not weigh. With `shares`
    [V], summing to 1, z is [V, N, 77, D] and the mean is that over V, each counting with its share.
    """
    if mode not in ("Original", "No norm"):
        return z
    weighed = z * multipliers.unsqueeze(-1).to(z)
    if mode == "No norm":
        return weighed
    before, after = (tensor.mean(dim=(-2, -1), keepdim=True) for tensor in (z, weighed))
    if shares is not None:
        before, after = ((mean * shares.view(-1, 1, 1, 1).to(z)).sum(0, keepdim=True) for mean in (before, after))
    return weighed * (before / after)


def _contexts(encoder: _Encoder, counts: Counter[str]) -> dict[str, Tensor]:
    """[T, D] for each text of one schedule, from what is kept where possible; `counts` is how often each occurs.

    A1111 encodes a schedule's texts together: all get as many chunks as the longest, and share their means.
    """
    handle, options = encoder.handle, encoder.run.settings[PromptOptions]
    texts = tuple(counts.items()) if len(counts) > 1 else tuple((text, 1) for text in counts)
    # Not the emphasis mode alone: clip skip, word wrap and the encoder's precision change the numbers too.
    words, patches = encoder.vocabulary.stamp, handle.patched.text_patches
    key = (texts, handle.text.dtype, words, patches, *options.model_dump().values())
    kept = handle.contexts
    chunks = _chunks(encoder, texts)
    encoded = kept.pop(key) if key in kept else _encoded(encoder, chunks, texts)
    kept[key] = encoded
    while sum(map(len, kept.values())) > KEPT * 77:
        del kept[next(iter(kept))]
    return dict(zip(counts, encoded.unflatten(0, (len(counts), -1)), strict=True))


def _chunks(encoder: _Encoder, counts: Sequence[tuple[str, int]]) -> list[tuple[Chunk, ...]]:
    """The chunks of each text, as many as the longest has; the words in them are noted."""
    options = encoder.run.settings[PromptOptions]
    tokens, words = tokenizer.of(encoder.handle.family.name), encoder.vocabulary.words
    backtrack = options.comma_padding_backtrack
    spans = [emphasis.read(text, options.emphasis) for text, _ in counts]
    texts = [chunked(one, tokens, backtrack, words) for one in spans]
    for span in (span for one in spans for span in one):
        for reason in encoder.vocabulary.refused(tokens.encode(span.text)).values():
            encoder.run.report.comment(f"An embedding was left out: {reason}")
    for chunk in (chunk for chunks in texts for chunk in chunks):
        encoder.words |= {word.name: encoder.vocabulary.get(word.name) for _, word in chunk.words}
    longest = max(map(len, texts))
    return [chunks + chunked((), tokens) * (longest - len(chunks)) for chunks in texts]


def _encoded(encoder: _Encoder, texts: Sequence[Sequence[Chunk]], counts: Sequence[tuple[str, int]]) -> Tensor:
    """[V * T, D], one text after another. Each goes through the encoder by itself.

    What is computed together differs in the last bits; so a picture comes out the same whatever else was
    encoded before it or with it.
    """
    handle, run = encoder.handle, encoder.run
    options = run.settings[PromptOptions]
    multipliers = torch.tensor([[chunk.multipliers for chunk in chunks] for chunks in texts])
    total = sum(count for _, count in counts)
    shares = torch.tensor([count / total for _, count in counts]) if len(counts) > 1 else None

    def encoded() -> Tensor:
        found: list[Tensor] = []
        for chunks in texts:
            if found:
                # An edit with a text for every step takes long enough to think better of it.
                run.cancel.check()
            found.append(_through_encoder(encoder, chunks, options.CLIP_stop_at_last_layers))
        return emphasized(torch.stack(found), multipliers, options.emphasis, shares)

    z = encoded()
    if not z.isfinite().all() and handle.in_fp32("text"):
        run.report.comment("The text encoder produced NaNs in 16 bits; the prompt was encoded again in 32 bits.")
        z = encoded()
    if not z.isfinite().all():
        raise UserError("The prompt cannot be encoded: its weights are out of reason. Write some such as (text:1.2).")
    return z.flatten(0, 2)


def _through_encoder(encoder: _Encoder, chunks: Sequence[Chunk], skip: int) -> Tensor:
    """The chunks of a text to [N, 77, D]."""
    found: list[Tensor] = []
    with encoder.handle.text.ready() as network:
        for start in range(0, len(chunks), AT_ONCE):
            part = chunks[start : start + AT_ONCE]
            tokens = torch.tensor([chunk.tokens for chunk in part])
            vectors = [
                (row, index, encoder.vocabulary.get(word.name).vectors["text"])
                for row, chunk in enumerate(part)
                for index, word in chunk.words
            ]
            with trained_vectors(network, vectors):
                found.append(encode_tokens(network, tokens, skip))
    return torch.cat(found)


def _stacked(contexts: Sequence[Tensor]) -> Tensor:
    """[B, T, D] with T that of the longest."""
    longest = max(len(context) for context in contexts)
    return torch.stack([torch.cat([c, c[-1:].expand(longest - len(c), -1)]) for c in contexts])
