"""Prompts -> what the network is told: spans, chunks, text encoder, emphasis. Start with `condition`.

Encoded prompts are kept on the handle, so that only texts that changed are encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from modules.engine.model import ModelHandle
from modules.engine.plan import Plan
from modules.engine.run import RunContext
from modules.families import tokenizer
from modules.families.stable_diffusion import encode_tokens
from modules.foundation.errors import UserError
from modules.prompting import emphasis
from modules.prompting.chunks import chunked
from modules.prompting.options import PromptOptions
from modules.sampling.types import Conditioning

AT_ONCE: Final = 32
"""Chunks in one call of the text encoder; a prompt as long as a book has hundreds."""
KEPT: Final = 256
"""Chunks whose encoding is kept; 60 MB of SD 1.x in 32 bits."""


def condition(handle: ModelHandle, plan: Plan, run: RunContext) -> tuple[Conditioning, Conditioning]:
    """The conditioning of a batch by its prompts and by its negative prompts.

    Each [B, T, D] in float32 with T 77 a chunk; within a batch short prompts repeat their last vector, as in
    A1111. The two may differ in T. Raises UserError for a prompt that cannot be read or encoded.
    """
    options = run.settings[PromptOptions]
    contexts = _contexts(handle, tuple(dict.fromkeys((*plan.prompts, *plan.negative_prompts))), options, run)
    positive, negative = (
        Conditioning(_stacked([contexts[text] for text in texts]).to(handle.device))
        for texts in (plan.prompts, plan.negative_prompts)
    )
    return positive, negative


def emphasized(z: Tensor, multipliers: Tensor, mode: str) -> Tensor:
    """Chunks [N, 77, D] weighed token by token by [N, 77].

    "Original" then restores each chunk's mean, "No norm" leaves it, the other modes do not weigh.
    """
    if mode not in ("Original", "No norm"):
        return z
    weighed = z * multipliers.unsqueeze(-1).to(z)
    if mode == "No norm":
        return weighed
    before, after = (tensor.mean(dim=(1, 2), keepdim=True) for tensor in (z, weighed))
    return weighed * (before / after)


def _contexts(handle: ModelHandle, texts: Sequence[str], options: PromptOptions, run: RunContext) -> dict[str, Tensor]:
    """[T, D] for each text, from what is kept where possible."""
    # Not the emphasis mode alone: clip skip, word wrap and the encoder's precision change the numbers too.
    keys = {text: (text, handle.text.dtype, *options.model_dump().values()) for text in texts}
    kept = handle.contexts
    found = {text: kept.pop(key) if key in kept else _encoded(handle, text, options, run) for text, key in keys.items()}
    kept.update((keys[text], context) for text, context in found.items())
    while sum(map(len, kept.values())) > KEPT * 77:
        del kept[next(iter(kept))]
    return found


def _encoded(handle: ModelHandle, text: str, options: PromptOptions, run: RunContext) -> Tensor:
    """[T, D]. Each text goes through the encoder by itself: what is computed together differs in the last bits.

    So a picture comes out the same whatever else was encoded before it or with it.
    """
    spans = emphasis.read(text, options.emphasis)
    chunks = chunked(spans, tokenizer.of(handle.family.name), options.comma_padding_backtrack)
    tokens = torch.tensor([chunk.tokens for chunk in chunks])
    multipliers = torch.tensor([chunk.multipliers for chunk in chunks])
    skip = options.CLIP_stop_at_last_layers
    z = emphasized(_through_encoder(handle, tokens, skip), multipliers, options.emphasis)
    if not z.isfinite().all() and handle.in_fp32("text"):
        run.report.comment("The text encoder produced NaNs in 16 bits; the prompt was encoded again in 32 bits.")
        z = emphasized(_through_encoder(handle, tokens, skip), multipliers, options.emphasis)
    if not z.isfinite().all():
        raise UserError("The prompt cannot be encoded: its weights are out of reason. Write some such as (text:1.2).")
    return z.flatten(0, 1)


def _through_encoder(handle: ModelHandle, tokens: Tensor, skip: int) -> Tensor:
    """[N, 77] token ids to [N, 77, D]."""
    with handle.text.ready() as encoder:
        return torch.cat([encode_tokens(encoder, part, skip) for part in tokens.split(AT_ONCE)])


def _stacked(contexts: Sequence[Tensor]) -> Tensor:
    """[B, T, D] with T that of the longest."""
    longest = max(len(context) for context in contexts)
    return torch.stack([torch.cat([c, c[-1:].expand(longest - len(c), -1)]) for c in contexts])
