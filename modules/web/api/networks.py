"""Networks: LoRA files, embeddings, hypernetworks, and looking for them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from modules.store.model_files import EMBEDDING, LORA
from modules.studio.networks import listing
from modules.web.api.current import CurrentStudio
from modules.web.api.schemas import EmbeddingItem, EmbeddingsReply, HypernetworkItem, LoraItem

if TYPE_CHECKING:
    from modules.networks.embedding import Embedding

router = APIRouter(prefix="/sdapi/v1", tags=["networks"])

COVERS = "ssmd_cover_images"
"""Pictures inside a file's remarks; megabytes of them."""


@router.get("/loras")
def loras(studio: CurrentStudio) -> list[LoraItem]:
    """LoRA files with what their trainers wrote into them, JSON in it decoded."""
    names = studio.catalog.lora_names
    return [
        LoraItem(name=file.stem, alias=names.alias(file), path=str(file.path), metadata=decoded(names.said(file)))
        for file in studio.catalog.loras()
    ]


@router.post("/refresh-loras")
def refresh_loras(studio: CurrentStudio) -> None:
    """Look for LoRA files again."""
    studio.catalog.refresh(LORA)
    studio.catalog.loras()


@router.get("/hypernetworks")
def hypernetworks(studio: CurrentStudio) -> list[HypernetworkItem]:
    """Hypernetworks by the names that prompts call them by."""
    files = (file for file in studio.catalog.hypernetworks() if file.stem != "None")
    return [HypernetworkItem(name=file.stem, path=str(file.path)) for file in files]


@router.get("/embeddings")
def embeddings(studio: CurrentStudio) -> EmbeddingsReply:
    """Embeddings that the model in memory can use, and those that it skips."""
    found = listing(studio)
    return EmbeddingsReply(loaded=_items(found.loaded), skipped=_items(found.skipped))


@router.post("/refresh-embeddings")
def refresh_embeddings(studio: CurrentStudio) -> None:
    """Look for embeddings again. They are found without it as soon as a prompt is read."""
    studio.catalog.refresh(EMBEDDING)
    studio.catalog.embeddings()


def decoded(said: Mapping[str, str]) -> dict[str, Any]:
    """A file's remarks with objects in place of their JSON, and without pictures."""
    return {key: _decoded(value) for key, value in said.items() if key != COVERS}


def _decoded(value: str) -> Any:
    if value[:1] != "{":
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _items(found: Mapping[str, Embedding]) -> dict[str, EmbeddingItem]:
    return {
        name: EmbeddingItem(
            step=one.step,
            sd_checkpoint=one.sd_checkpoint,
            sd_checkpoint_name=one.sd_checkpoint_name,
            shape=one.width,
            vectors=one.count,
        )
        for name, one in found.items()
    }
