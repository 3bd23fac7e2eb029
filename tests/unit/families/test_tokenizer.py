"""CLIP's tokenizer. Whole prompts as A1111 tokenized them are in tests/golden."""

from __future__ import annotations

import pytest

from modules.families import tokenizer
from modules.families.tokenizer import BOS, COMMA, EOS, clip, open_clip


def test_words_are_those_of_the_published_vocabulary() -> None:
    assert clip().encode("a red circle on a blue background") == [320, 736, 7117, 525, 320, 1746, 5994]
    assert clip().encode(",") == [COMMA]


def test_case_and_white_space_do_not_count() -> None:
    assert clip().encode("  A  RED\n\tCircle ") == clip().encode("a red circle")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_nothing_gives_nothing(text: str) -> None:
    assert clip().encode(text) == []


def test_curly_quotes_and_entities_are_mended() -> None:
    assert clip().encode("“on” &amp; off") == clip().encode('"on" & off')
    assert clip().encode("fullwidth ＡＢＣ") == clip().encode("fullwidth ABC")


def test_open_clip_reads_entities_beside_tags_too() -> None:
    assert clip().encode("<b> &amp;") != clip().encode("<b> &")
    assert open_clip().encode("<b> &amp;") == open_clip().encode("<b> &")


def test_the_texts_of_start_and_end_mean_them() -> None:
    assert clip().encode("a <|startoftext|> b <|endoftext|>") == [320, BOS, 321, EOS]
    assert open_clip().encode("<start_of_text><end_of_text>") == [BOS, EOS]
    assert EOS not in open_clip().encode("<|endoftext|>")


def test_any_text_has_tokens() -> None:
    for text in ("🔴", "背景", "a\0b", "\ud83d", "e\u0301", "½", "'s"):
        assert all(0 <= token < BOS for token in clip().encode(text)), text


def test_each_family_has_its_own() -> None:
    assert tokenizer.of("sd1") is clip()
    assert tokenizer.of("sd2") is open_clip()


@pytest.mark.timeout(60)  # takes well under a second; anything quadratic would take hours
def test_a_hundred_kilobytes_are_read() -> None:
    for text in ("x" * 100_000, "é🔴" * 50_000, "a cat, " * 14_000):
        assert len(clip().encode(text)) > 10_000
