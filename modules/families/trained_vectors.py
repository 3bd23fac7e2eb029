"""Vectors of embeddings in place of a text encoder's own for some tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

Placed = tuple[int, int, Tensor]
"""Row in the batch, index of the first token, vectors [n, width]."""


@contextmanager
def trained_vectors(text: Any, vectors: Sequence[Placed]) -> Iterator[None]:
    """While this lasts, the CLIP text encoder's first layer gives `vectors` at their places in the one batch it reads.

    What would stand beyond the last token is cut off, as in A1111.
    """
    if not vectors:
        yield
        return

    def replaced(_layer: nn.Module, _tokens: tuple[Tensor, ...], looked_up: Tensor) -> Tensor:
        looked_up = looked_up.clone()
        for row, index, given in vectors:
            count = min(looked_up.shape[1] - index, given.shape[0])
            looked_up[row, index : index + count] = given[:count].to(looked_up)
        return looked_up

    hook = text.embeddings.token_embedding.register_forward_hook(replaced)
    try:
        yield
    finally:
        hook.remove()
