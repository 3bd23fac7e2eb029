"""A request's styles go into all its prompts once, and what is not known is told."""

from __future__ import annotations

from pathlib import Path

from modules.boot import assemble
from modules.engine.plan import styled, uncommented
from modules.engine.request import Txt2Img
from modules.foundation.flags import parse
from modules.prompting.styles import Style
from tests.runs import Watcher, made
from tests.tiny import write_checkpoint

KNOWN = {"st": Style("st", "best, {prompt}", "worst"), "end": Style("end", "4k", "")}


def test_styles_go_into_both_prompts() -> None:
    request, missing = styled(Txt2Img(prompt="a", negative_prompt="b", styles=["st", "end"]), KNOWN)
    assert (request.prompt, request.negative_prompt, request.styles) == ("best, a, 4k", "b, worst", ())
    assert missing == ()
    # Putting them in again changes nothing.
    assert styled(request, KNOWN)[0] == request


def test_a_second_pass_has_them_too_where_it_has_prompts_of_its_own() -> None:
    request, _ = styled(Txt2Img(prompt="a", hr_prompt="c", styles=["st"]), KNOWN)
    assert (request.hr_prompt, request.hr_negative_prompt) == ("best, c", "")


def test_comments_go_from_every_prompt() -> None:
    request = uncommented(Txt2Img(prompt="a # x", negative_prompt="b # x", hr_prompt="c # x"))
    assert (request.prompt, request.negative_prompt, request.hr_prompt) == ("a \n", "b \n", "c \n")


def test_without_styles_a_prompt_stays_as_it_is() -> None:
    request = Txt2Img(prompt=" a ")
    assert styled(request, KNOWN) == (request, ())


def test_an_unknown_style_is_told_of(tmp_path: Path) -> None:
    checkpoints = write_checkpoint(tmp_path / "checkpoints").parent
    studio = assemble(parse(["--data-dir", str(tmp_path), "--ckpt-dir", str(checkpoints)]))
    studio.styles.save("known", "red", "")
    watcher = Watcher()
    request = Txt2Img(prompt="a", styles=["known", "nonesuch"], steps=1, width=64, height=64, sampler_name="Euler")
    (one,) = made(studio, request, watcher)
    assert one.infotext.startswith("a, red\n")
    assert watcher.comments == ["There is no style named 'nonesuch'; it was left out."]
    studio.catalog.close()
    studio.history.close()
