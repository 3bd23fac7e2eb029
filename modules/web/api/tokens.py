"""How many tokens a prompt takes, for the counters on the page. Needs no torch."""

from __future__ import annotations

from fastapi import APIRouter

from modules.web.api.schemas import TokenBody, TokenCount, TokenReply

router = APIRouter(prefix="/atelier/v1", tags=["page"])


@router.post("/token-count")
def count_tokens(body: TokenBody) -> TokenReply:
    """Tokens of both prompts, and the room their chunks have: 76 of 150."""
    return TokenReply(prompt=counted(body.prompt), negative_prompt=counted(body.negative_prompt))


def counted(text: str) -> TokenCount:
    """Tokens of one prompt. Raises UserError for a weight that is no number."""
    from modules.families.tokenizer import clip
    from modules.prompting import chunks, emphasis

    tokens, limit = chunks.count(emphasis.parse(text), clip())
    return TokenCount(tokens=tokens, limit=limit)
