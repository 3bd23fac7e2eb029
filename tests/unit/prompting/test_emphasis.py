"""Brackets and BREAK. The recorded answers of A1111 are in tests/golden; here is each rule by itself."""

from __future__ import annotations

from itertools import pairwise

import pytest

from modules.foundation.errors import UserError
from modules.prompting import emphasis
from modules.prompting.emphasis import BREAK, Span, parse, read


def spans(text: str) -> list[tuple[str, float]]:
    return [(span.text, span.weight) for span in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("((a)", [("a", 1.2100000000000002)]),
        ("(a))", [("a", 1.1), (")", 1.0)]),
        ("a)", [("a)", 1.0)]),
        ("a]", [("a]", 1.0)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("(a:2)(b:2)", [("ab", 2.0)]),
        ("", [("", 1.0)]),
        ("()", [("", 1.0)]),
        ("(:1.3)", [("", 1.0)]),
        ("(a:-1.3)", [("a", -1.3)]),
        ("(a:+.5)", [("a", 0.5)]),
        ("(a: 1.3 )", [("a", 1.3)]),
        ("(a :1.3)", [("a ", 1.3)]),
        ("(a:1.)", [("a", 1.0)]),
        ("(a:0)", [("a", 0.0)]),
        ("((a:1.2):1.5)", [("a", 1.7999999999999998)]),
        ("[[a]]", [("a", 0.8264462809917354)]),
        ("([a])", [("a", 1.0)]),
        ("(a:1.3", [("a:1.3", 1.1)]),
        ("a:1.3)", [("a:1.3)", 1.0)]),
        ("(a:b:1.2)", [("a:b", 1.2)]),
        ("(a:1.2 b)", [("a:1.2 b", 1.1)]),
        ("(a:1e2)", [("a:1e2", 1.1)]),
        ("[a:0.5]", [("a:0.5", 0.9090909090909091)]),
        ("a (b (c:1.5) d:0.8) e", [("a ", 1), ("b ", 0.8), ("c", 1.2000000000000002), (" d", 0.8), (" e", 1)]),
        ("(a\nb:1.2)", [("a\nb", 1.2)]),
        (r"a \\ b", [("a \\ b", 1.0)]),
        (r"\n", [("n", 1.0)]),
        (r"a\:b", [("a:b", 1.0)]),
        ("ends in \\", [("ends in ", 1.0)]),
        ("(a:１.2)", [("a", 1.2)]),
        ("<lora:x:1> {a} [a|b] a AND b", [("<lora:x:1> {a} ", 1), ("a|b", 1 / 1.1), (" a AND b", 1)]),
        # Round and square brackets do not know each other: each ends where its own closes.
        ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 1 / 1.1)]),
        ("🔴 (réd:1.2) 背景", [("🔴 ", 1.0), ("réd", 1.2), (" 背景", 1.0)]),
        ("  \n\t ", [("  \n\t ", 1.0)]),
    ],
)
def test_brackets(text: str, expected: list[tuple[str, float]]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a BREAK b", [("a", 1), ("BREAK", -1), ("b", 1)]),
        ("aBREAK b", [("aBREAK b", 1)]),
        ("a break b", [("a break b", 1)]),
        ("a\nBREAK\nb", [("a", 1), ("BREAK", -1), ("b", 1)]),
        ("a, BREAK, b", [("a,", 1), ("BREAK", -1), (", b", 1)]),
        ("a BREAK BREAK b", [("a", 1), ("BREAK", -1), ("", 1), ("BREAK", -1), ("b", 1)]),
        ("BREAK", [("", 1), ("BREAK", -1), ("", 1)]),
        ("(a BREAK b:1.2)", [("a", 1.2), ("BREAK", -1.2), ("b", 1.2)]),
        ("(a:1.2) BREAK (b:1.2)", [("a", 1.2), ("", 1), ("BREAK", -1), ("", 1), ("b", 1.2)]),
    ],
)
def test_break(text: str, expected: list[tuple[str, float]]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize("weight", ["1..5", ".", "+.", "1.2.3"])
def test_a_weight_that_is_no_number_is_named(weight: str) -> None:
    with pytest.raises(UserError, match=f"'{weight}'".replace(".", r"\.").replace("+", r"\+")):
        parse(f"a (cat:{weight})")


def test_mode_none_reads_nothing() -> None:
    assert read(r"a (b:2) \( BREAK", "None") == (Span(r"a (b:2) \( BREAK"),)
    assert BREAK in read("a BREAK b", "Ignore")


def test_whether_emphasis_is_used() -> None:
    used = {"a": False, "a BREAK b": False, "(a)": True, "([a])": False, "[a]": True, "(a:1..2)": True}
    assert {text: emphasis.is_used(text) for text in used} == used


def test_five_hundred_levels() -> None:
    assert spans("(" * 500 + "a" + ")" * 500) == [("a", pytest.approx(1.1**500))]
    assert spans("[" * 500 + "a" + "]" * 500) == [("a", pytest.approx(1.1**-500))]
    mixed = parse("([" * 500 + "a" + "])" * 500)
    assert [(s.text, s.weight) for s in mixed] == [("a", pytest.approx(1))]


def test_deep_nesting_weighs_as_exactly_as_shallow_to_eye_measure() -> None:
    # 3000 levels with a piece each are beyond what is multiplied one by one.
    found = parse("(a" * 3000 + "[b" * 3000 + "(:-1)(z:0)")
    assert len(found) > 2000
    assert found[0] == Span("a", pytest.approx(1.1))
    assert found[9].weight == pytest.approx(1.1**10)
    assert found[-1].weight == 0
    assert all(one.weight == pytest.approx(1.1 * other.weight) for other, one in pairwise(found[:3000]))


@pytest.mark.parametrize(
    "text",
    [
        "(a" * 50_000,
        "(" * 50_000 + "a" + ")" * 50_000,
        "a(b" * 20_000 + ")" * 40_000,
        " " * 100_000,
        "  BREAK" * 14_000,
        ": " * 50_000,
        ":" + " " * 99_999,
        ":1" * 50_000,
        "(a:" + "1" * 99_990,
        "\\" * 100_000,
        "[(a])" * 20_000,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(60)  # takes a tenth of a second; anything quadratic would take hours
def test_a_hundred_kilobytes_of_anything_are_read(text: str) -> None:
    assert all(isinstance(span.text, str) for span in parse(text))
