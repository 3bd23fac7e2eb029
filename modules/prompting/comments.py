"""Comments in prompts: what stands behind a `#`, to the end of its line. Start with `without_comments`."""

from __future__ import annotations

import re
from typing import Final

_WHOLE_LINE: Final = re.compile(r"(?:\A|\n)#[^\n]*\n?")
_REST_OF_LINE: Final = re.compile(r"#[^\n]*\n?")


def without_comments(text: str) -> str:
    """The text that is left; each comment with the line ends at its sides is one line end, even at the text's end."""
    return _REST_OF_LINE.sub("\n", _WHOLE_LINE.sub("\n", text))
