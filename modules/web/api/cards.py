"""The cards browser: pages of model files, their pictures and what people note of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from modules.foundation.errors import NotFound, UserError
from modules.store import confine, pnginfo
from modules.store.cards import PICTURES, Card, Found, Wish
from modules.store.thumbnails import thumbnail
from modules.studio import cards
from modules.studio.context import Studio
from modules.web.api.current import CurrentStudio, CurrentUser
from modules.web.api.networks import decoded
from modules.web.options import CardLooks

router = APIRouter(tags=["cards"])

Sort = Literal["path", "name", "created", "modified"]


class NoteBody(BaseModel):
    page: str
    key: str
    values: dict[str, str | float | None] = Field(max_length=20)


class PreviewBody(BaseModel):
    page: str
    key: str
    picture: str = Field(description='"<job id>/<number>", as the gallery names its selected picture')


class PageBody(BaseModel):
    page: str


@router.get("/atelier/v1/cards")
def search(
    studio: CurrentStudio,
    page: str,
    search: str = "",
    folder: str = "",
    sort: Sort = "path",
    descending: bool = False,
    offset: int = Query(0, ge=0),
    limit: int = Query(100, ge=1, le=500),
) -> dict[str, Any]:
    """Some of a page's cards, how many there are, and its folders with their numbers."""
    looks = studio.settings.snapshot[CardLooks]
    family = cards.family(studio) if page == cards.LORA and not looks.lora_show_all else None
    wish = Wish(
        search,
        folder,
        sort,
        descending,
        made_for=family,
        unknown_too=family not in looks.lora_hide_unknown_for_versions,
        hidden=looks.extra_networks_hidden_models if looks.extra_networks_show_hidden_directories else "Never",
    )
    found: Found = studio.cards.search(page, wish)
    shown = found.cards[offset : offset + limit]
    return {
        "total": len(found.cards),
        "folders": found.folders,
        "cards": [_shown(studio, page, card) for card in shown],
    }


@router.get("/atelier/v1/cards/details")
def details(studio: CurrentStudio, page: str, key: str) -> dict[str, Any]:
    """Everything of one card: what was noted, what the file says, the words it was trained with."""
    card = studio.cards.find(page, key)
    said = decoded(cards.said(studio, page, card))
    return {
        **_shown(studio, page, card),
        "path": str(card.path),
        "size": card.size,
        "modified": card.modified // 10**6,
        "noted": dict(card.noted),
        "metadata": said,
        "words": _words(said),
    }


@router.post("/atelier/v1/cards/note")
def note(body: NoteBody, studio: CurrentStudio) -> dict[str, Any]:
    """Write notes beside the file, under A1111's keys."""
    try:
        card = studio.cards.note(body.page, body.key, body.values)
    except OSError as error:
        raise UserError(f"The notes cannot be saved: {error.strerror or error}. Make the folder writable.") from error
    return _shown(studio, body.page, card)


@router.post("/atelier/v1/cards/preview")
def preview(body: PreviewBody, studio: CurrentStudio, user: CurrentUser) -> dict[str, Any]:
    """Make a picture of the gallery the card's own; its infotext goes with it."""
    id, _, number = body.picture.rpartition("/")
    job = studio.jobs.get(id) if id else None
    if job is None or job.owner != user or not number.isdecimal() or int(number) >= len(job.images):
        raise NotFound("No picture is selected: generate one, or choose one of those shown.")
    saved = job.images[int(number)]
    try:
        card = studio.cards.set_preview(body.page, body.key, pnginfo.encode(saved.open(), saved.infotext, "PNG"))
    except OSError as error:
        raise UserError(f"The preview cannot be saved: {error.strerror or error}. Make the folder writable.") from error
    return _shown(studio, body.page, card)


@router.post("/atelier/v1/cards/refresh")
def refresh(body: PageBody, studio: CurrentStudio) -> None:
    """Look at a page's folders again."""
    cards.refresh(studio, body.page)


@router.get("/atelier/v1/cards/thumb")
def thumb(studio: CurrentStudio, page: str, key: str) -> Response:
    """A card's picture, small."""
    card = studio.cards.find(page, key)
    if card.preview is None:
        raise HTTPException(404, f"{card.name} has no picture.")
    data = thumbnail(card.preview, studio.paths.data / "cache" / "thumbnails")
    # The page's address for it changes with the file.
    return Response(data, media_type="image/webp", headers={"cache-control": "private, max-age=31536000, immutable"})


@router.get("/sd_extra_networks/thumb")
def file_thumb(studio: CurrentStudio, filename: str) -> Response:
    """A picture beside a model file, by its path."""
    path = Path(filename)
    folders = [studio.paths.embeddings, *_folders(studio)]
    if path.suffix.lower() not in PICTURES or not confine.is_within(path, folders) or not path.is_file():
        raise HTTPException(404, f"'{filename}' is no picture of a model.")
    return FileResponse(path)


@router.get("/sd_extra_networks/metadata")
def metadata(studio: CurrentStudio, page: str, item: str) -> dict[str, str]:
    """What a file says of itself as readable JSON, by its card's name; {} where it says nothing."""
    page = page.replace(" ", "_")
    card = next((card for card in studio.cards.search(page, Wish(hidden="Always")).cards if card.name == item), None)
    said = decoded(cards.said(studio, page, card)) if card else {}
    return {"metadata": json.dumps(said, indent=4, ensure_ascii=False)} if said else {}


def _folders(studio: Studio) -> list[Path]:
    return [folder for kind in ("Lora", "hypernetworks", "Stable-diffusion") for folder in studio.paths.folders(kind)]


def _shown(studio: Studio, page: str, card: Card) -> dict[str, Any]:
    prompt, negative = cards.inserted(studio, page, card)
    return {
        "key": card.key,
        "name": card.name,
        "folder": card.folder,
        "description": card.description,
        "preview": card.preview.stat().st_mtime_ns if card.preview and card.preview.is_file() else None,
        "prompt": prompt,
        "negative": negative,
        "made_for": card.made_for,
        "told": page != cards.HYPERNETWORKS and card.path.suffix == ".safetensors",
    }


def _words(said: dict[str, Any]) -> list[list[Any]]:
    """The tags a LoRA was trained with and how often each came, the most frequent first."""
    counts: dict[str, int] = {}
    frequency = said.get("ss_tag_frequency")
    for folder in frequency.values() if isinstance(frequency, dict) else ():
        for word, count in folder.items() if isinstance(folder, dict) else ():
            if isinstance(count, int):
                counts[word.strip()] = counts.get(word.strip(), 0) + count
    return [[word, count] for word, count in sorted(counts.items(), key=lambda one: -one[1])[:200]]
