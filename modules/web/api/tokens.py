"""How many tokens a prompt takes, for the counters on the page. Needs no torch."""

from __future__ import annotations

from fastapi import APIRouter

from modules.web.api.schemas import TokenBody, TokenCount, TokenReply

router = APIRouter(prefix="/atelier/v1", tags=["page"])


@router.post("/token-count")
def count_tokens(body: TokenBody) -> TokenReply:
    """Tokens of both prompts as they are encoded, and the room their chunks have: 76 of 150."""
    return TokenReply(
        prompt=counted(body.prompt, body.steps),
        negative_prompt=counted(body.negative_prompt, body.steps, negative=True),
    )


def counted(text: str, steps: int, *, negative: bool = False) -> TokenCount:
    """Tokens of a prompt, the most that is encoded at once: of its parts joined with AND, of the texts of its edits.

    Raises UserError for a weight that is no number.
    """
    from modules.families.tokenizer import clip
    from modules.prompting import chunks, emphasis
    from modules.prompting.comments import without_comments
    from modules.prompting.compose import split
    from modules.prompting.network_tags import extract
    from modules.prompting.schedule import schedule

    text = without_comments(text)
    parts = [text] if negative else [part.text for part in split(extract(text)[0])]
    texts = {entry.text for part in parts for entry in schedule(part, steps)}
    tokens, limit = max(chunks.count(emphasis.parse(text), clip()) for text in texts)
    return TokenCount(tokens=tokens, limit=limit)
