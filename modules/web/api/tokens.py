"""How many tokens a prompt takes, for the counters on the page. Needs no torch."""

from __future__ import annotations

from fastapi import APIRouter

from modules.studio.counting import counted
from modules.studio.networks import watching
from modules.web.api.current import CurrentStudio
from modules.web.api.schemas import TokenBody, TokenCount, TokenReply

router = APIRouter(prefix="/atelier/v1", tags=["page"])


@router.post("/token-count")
def count_tokens(body: TokenBody, studio: CurrentStudio) -> TokenReply:
    """Tokens of both prompts as they are encoded under the present settings, and the room their chunks have.

    `ends` has the last words of every chunk but the last, `remarks` what looks wrong.
    """
    both = (
        counted(
            body.prompt,
            body.negative_prompt,
            body.styles,
            body.steps,
            studio.settings.snapshot,
            studio.styles.known(),
            negative=negative,
            **watching(studio, negative=negative),
        )
        for negative in (False, True)
    )
    prompt, negative_prompt = (
        TokenCount(tokens=count.tokens, limit=count.limit, ends=list(count.ends), remarks=list(count.remarks))
        for count in both
    )
    return TokenReply(prompt=prompt, negative_prompt=negative_prompt)
