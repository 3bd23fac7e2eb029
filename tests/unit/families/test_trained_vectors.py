"""Vectors of embeddings in a text encoder's first layer."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from modules.families.trained_vectors import trained_vectors


def test_vectors_stand_at_their_places_and_are_gone_afterwards() -> None:
    layer = nn.Embedding(10, 3)
    text, tokens = (
        SimpleNamespace(embeddings=SimpleNamespace(token_embedding=layer)),
        torch.zeros(2, 5, dtype=torch.long),
    )
    plain, given = layer(tokens), torch.arange(6.0).reshape(2, 3)
    with trained_vectors(text, [(1, 2, given), (0, 4, given)]):
        found = layer(tokens)
    assert torch.equal(found[1, 2:4], given)
    assert torch.equal(found[0, 4], given[0]), "what has no room is cut off"
    assert torch.equal(found[0, :4], plain[0, :4])
    assert torch.equal(layer(tokens), plain)
