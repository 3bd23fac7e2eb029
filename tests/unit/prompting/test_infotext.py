"""The form of the parameters text: quoting, order, reading of old and broken texts."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from modules.prompting.infotext import parse, quote, unquote, write
from modules.prompting.styles import Style

CASES = Path(__file__).resolve().parents[2] / "golden" / "cases.json"
TAIL = "Steps: 20, Sampler: Euler, CFG scale: 7"
DEFAULTS = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": False,
}


def read(text: str) -> dict[str, Any]:
    """What was told, without what is filled in for texts that do not tell."""
    return {label: value for label, value in parse(text).items() if DEFAULTS.get(label, ...) != value}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        ("a,b", '"a,b"'),
        ("a:b", '"a:b"'),
        ("a\nb", '"a\\nb"'),
        ('a"b', 'a"b'),
        ('"ab"', '"\\"ab\\""'),
        ('a: "b"', '"a: \\"b\\""'),
        ("é,ü", '"é,ü"'),
        (True, "True"),
        (7.0, "7.0"),
        (512, "512"),
        ({"a": 1}, "\"{'a': 1}\""),
    ],
)
def test_quote(value: object, expected: str) -> None:
    assert quote(value) == expected
    assert unquote(expected) == str(value)


@pytest.mark.parametrize("text", ['"', '""x', '"unfinished', '"bad \\escape"', ""])
def test_what_is_not_json_is_itself(text: str) -> None:
    assert unquote(text) == text


def test_order_and_quoting() -> None:
    values: dict[str, object] = {
        "User": "me",
        "Version": "v1.10.1",
        "Steps": 20,
        "Sampler": "DPM++ 2M",
        "Lora hashes": "a: 123, b: 456",
        "Denoising strength": 0.5,
        "Hires upscale": 2.0,
        "Flag": "Flag",
        "Per image": ["x", "y"],
        "Nothing": None,
        "Disc": True,
        "Seed": 1,
        "Size": "512x768",
        "CFG scale": 7.0,
        "Schedule type": "Karras",
        "Tiling": False,
    }
    assert write("a cat, (dog:1.2)", "neg", values, index=1) == (
        "a cat, (dog:1.2)\n"
        "Negative prompt: neg\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 1, Size: 512x768, "
        'Denoising strength: 0.5, Tiling: False, Lora hashes: "a: 123, b: 456", Hires upscale: 2.0, Flag, '
        "Per image: y, Disc: True, Version: v1.10.1, User: me"
    )


def test_empty_prompts_leave_one_line() -> None:
    values = {"Steps": 1, "Seed": 2, "Size": "3x4"}
    assert write("", "", values) == "Steps: 1, Seed: 2, Size: 3x4"
    assert write("", "n", values) == "Negative prompt: n\nSteps: 1, Seed: 2, Size: 3x4"


def test_everything_that_may_be_written_is_read() -> None:
    text = (
        'a (cat:1.2)\nSteps: 20, Sampler: Euler, CFG scale: 7, Lora hashes: "a: 123, b: 456", TI hashes: "e: 9", '
        'Hires prompt: "x, \\"y\\"\\nz", Hires upscale: 2, Hires resize: 1024x1024'
    )
    assert parse(text) == DEFAULTS | {
        "Steps": "20",
        "Sampler": "Euler",
        "CFG scale": "7",
        "Lora hashes": "a: 123, b: 456",
        "TI hashes": "e: 9",
        "Hires prompt": 'x, "y"\nz',
        "Hires upscale": "2",
        "Hires resize-1": "1024",
        "Hires resize-2": "1024",
        "Prompt": "a (cat:1.2)",
        "Negative prompt": "",
        "Emphasis": "Original",
    }


def test_no_text_has_the_defaults() -> None:
    assert parse("") == DEFAULTS | {"Prompt": "", "Negative prompt": ""}


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        ("no params here", "no params here", ""),
        (TAIL, "", ""),
        ("a\nSteps: 1, Sampler: Euler", "a\nSteps: 1, Sampler: Euler", ""),
        (f"a\n\n{TAIL}\n", "a\n", ""),
        ("a, b: c, d: e, f: g", "a, b: c, d: e, f: g", ""),
        (f"a\nNegative prompt: b\nNegative prompt: c\n{TAIL}", "a", "b\nc"),
        (f"line one\nline two\nNegative prompt: n1\nn2\n{TAIL}", "line one\nline two", "n1\nn2"),
        (f"  a  \r\n  Negative prompt:  b  \r\n{TAIL}", "a", "b"),
        (f"\n\n  a\n{TAIL}\n\n", "a", ""),
    ],
)
def test_prompts(text: str, prompt: str, negative: str) -> None:
    found = parse(text)
    assert (found["Prompt"], found["Negative prompt"]) == (prompt, negative)


def test_labels() -> None:
    found = read(f"a\n{TAIL}, Tiling, Foo-bar: x, Foo/bar: y, A: z, 1x: q, - dash: r, empty:, spaced : s")
    assert found == {
        "Prompt": "a",
        "Negative prompt": "",
        "Steps": "20",
        "Sampler": "Euler",
        "CFG scale": "7",
        "Foo-bar": "x",
        "Foo/bar": "y",
        "1x": "q",
        "dash": "r",
        "spaced ": "s",
    }


def test_values() -> None:
    found = read(f'{TAIL}, Size: 512x768, One: "a, b" c, Two: "x: y", Three: it\'s "so", Four: "bad \\q", Five: 10x')
    assert (found["Size-1"], found["Size-2"]) == ("512", "768")
    assert found["One"] == '"a'
    assert found["Two"] == "x: y"
    assert found["Three"] == 'it\'s "so"'
    assert found["Four"] == '"bad \\q"'
    assert found["Five"] == "10x"


def test_combined_sampler_names_stay_as_they_are() -> None:
    assert parse(TAIL.replace("Euler", "DPM++ 2M Karras"))["Sampler"] == "DPM++ 2M Karras"


def test_an_old_hypernetwork_becomes_a_tag() -> None:
    assert parse(f"a\n{TAIL}, Hypernet: foo, Hypernet strength: 0.5")["Prompt"] == "a<hypernet:foo:0.5>"
    assert parse(f"a\n{TAIL}, Hypernet: foo")["Prompt"] == "a<hypernet:foo:1.0>"


@pytest.mark.parametrize(
    ("sizes", "first", "final"),
    [
        ("First pass size: 512x512, Size: 1024x1024", (512, 512), (1024, 1024)),
        ("First pass size: 0x0, Size: 1024x1024", (512, 512), (1024, 1024)),
        ("First pass size: 0x0, Size: 768x1152", (448, 640), (768, 1152)),
        ("First pass size: 0x0, Size: 0x0", (0, 0), (0, 0)),
    ],
)
def test_old_hires_fix(sizes: str, first: tuple[int, int], final: tuple[int, int]) -> None:
    found = parse(f"{TAIL}, {sizes}")
    assert (found["Size-1"], found["Size-2"]) == first
    assert (found["Hires resize-1"], found["Hires resize-2"]) == final


@pytest.mark.parametrize("told", ["First pass size: {0}x1", "First pass size: 0x0, Size: {0}x{0}", "Version: 1.{0}.0"])
def test_numbers_of_thousands_of_digits(told: str) -> None:
    assert parse(f"{TAIL}, {told.format('9' * 5000)}")["Steps"] == "20"


def test_the_size_may_be_the_second_pass_s() -> None:
    found = parse(f"{TAIL}, Size: 512x512, Hires resize: 1024x768", final_size=True)
    assert (found["Size-1"], found["Size-2"]) == (1024, 768)
    found = parse(f"{TAIL}, Size: 512x512, First pass size: 256x256", final_size=True)
    assert (found["Size-1"], found["Hires resize-1"]) == (256, 512)


def test_old_additional_networks_become_tags() -> None:
    told = (
        "AddNet Enabled: True, AddNet Module 1: LoRA, AddNet Model 1: ink(0123abcd), AddNet Weight A 1: 0.6, "
        "AddNet Weight B 1: 0.6, AddNet Module 2: LoCon, AddNet Model 2: x(1), AddNet Module 3: LoRA, AddNet Model 3: y"
    )
    assert parse(f"a\n{TAIL}, {told}")["Prompt"] == "a\n<lora:ink:0.6><lora:y:1.0>"


STYLES = (
    Style("----", None, None),
    Style("best", "masterpiece", "bad"),
    Style("frame", "a (painting:1.2) of {prompt}"),
)


@pytest.mark.parametrize(
    ("mode", "prompt", "found"),
    [
        ("Ignore", "a, masterpiece", None),
        ("Apply", "a", ["best"]),
        ("Apply if any", "a", ["best"]),
        ("Discard", "a", None),
    ],
)
def test_styles_are_taken_out(mode: str, prompt: str, found: list[str] | None) -> None:
    read = parse(f"a, masterpiece\nNegative prompt: b, bad\n{TAIL}", styles=STYLES, style_mode=mode)
    assert (read["Prompt"], read.get("Styles array")) == (prompt, found)
    assert read["Negative prompt"] == ("b, bad" if mode == "Ignore" else "b")


def test_styles_where_there_are_none() -> None:
    for mode, found in (("Apply", []), ("Apply if any", None)):
        assert parse(f"a\n{TAIL}", styles=STYLES, style_mode=mode).get("Styles array") == found


def test_what_a_style_weighs_does_not_tell_of_emphasis() -> None:
    read = parse(f"a (painting:1.2) of a\n{TAIL}", styles=STYLES, style_mode="Apply")
    assert (read["Prompt"], read["Styles array"]) == ("a", ["frame"]) and "Emphasis" not in read


@pytest.mark.parametrize(
    ("told", "prompt", "second"),
    [
        ('Hires prompt: "x, masterpiece", Hires negative prompt: bad', "a", "x"),
        ('Hires prompt: "a, masterpiece"', "a", ""),
        ("Hires prompt: other", "a, masterpiece", "other"),
        ("Hires prompt: other, Version: v1.8.0-139-gabc", "a", "other"),
        ("Hires prompt: other, Version: v1.8.0-140-gabc", "a, masterpiece", "other"),
    ],
)
def test_a_second_pass_must_have_the_same_styles(told: str, prompt: str, second: str) -> None:
    text = f"a, masterpiece\nNegative prompt: bad\n{TAIL}, {told}"
    read = parse(text, styles=STYLES, style_mode="Apply")
    assert (read["Prompt"], read["Hires prompt"]) == (prompt, second)


def test_emphasis_is_told_where_it_matters() -> None:
    assert "Emphasis" not in parse(f"a\n{TAIL}")
    assert "Emphasis" not in parse(f"a BREAK b\n{TAIL}")
    assert parse(f"a\nNegative prompt: (b)\n{TAIL}")["Emphasis"] == "Original"
    assert parse(f"(a)\n{TAIL}, Emphasis: No norm")["Emphasis"] == "No norm"


OLD = ("Old prompt editing timelines", "Pad conds v0", "Downcast alphas_cumprod", "Refiner switch by sampling steps")


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("v1.5.1", {0, 1, 2, 3}),
        ("1.6.0-RC", {0, 1, 2, 3}),
        ("v1.6.0-RC-12-gabcdef", {0, 1, 2, 3}),
        ("v1.6.0", {2, 3}),
        ("1.7.0", {2, 3}),
        ("v1.7.0-224-gabcdef", {2, 3}),
        ("v1.7.0-225-gabcdef", {3}),
        ("v1.8.0-RC", {3}),
        ("v1.8.0", set()),
        ("v1.10.1", set()),
        ("f2.0.1v1.10.1-previous-584", set()),
        ("Atelier 0.1.0", set()),
        ("ComfyUI", set()),
        (None, set()),
    ],
)
def test_versions(version: str | None, asked: set[int]) -> None:
    told = f", Version: {version}" if version else ""
    text = f"[a:b:5]\nSteps: 20, Sampler: DDIM, CFG scale: 7, Refiner: r{told}"
    assert {i for i, label in enumerate(OLD) if parse(text).get(label) is True} == asked
    assert not any(parse(text, backcompat=False).get(label) is True for label in OLD)


def test_what_a1111_wrote_is_read_whole() -> None:
    for case in json.loads(CASES.read_text(encoding="utf-8"))["cases"]:
        for text in case["infotexts"]:
            found = parse(text, backcompat=False)
            known = {label: value for label, value in found.items() if label not in DEFAULTS}
            for label in ("Prompt", "Negative prompt", "Emphasis"):
                known.pop(label, None)
            line = re.sub(r'"[^"]*"', "", text.splitlines()[-1])  # quoted values have colons of their own
            assert len(known) >= line.count(": ") - sum(label in line for label in DEFAULTS), text


LINES = (
    "a cat",
    "",
    "Negative prompt: dog",
    "  Negative prompt:",
    "Steps: 1, Seed: 2, Size: 3x4",
    'quo"ted, "all": x',
    "ünï 🔴 背景",
    "\\(escaped\\)",
    "# comment",
    "tab\tbed ",
    '"',
    "\\",
    "a: b, cc: dd, ee: ff",
    "\u2028\x0b",
)


@pytest.mark.parametrize("seed", range(200))
def test_what_is_written_is_read(seed: int) -> None:
    rng = random.Random(seed)
    prompt, negative = ("\n".join(rng.choices(LINES, k=rng.randrange(5))) for _ in range(2))
    values = {label: rng.choice(LINES) for label in ("One", "Two", "Three")}
    found = parse(write(prompt, negative, {"Steps": 1, "Seed": 2, "Size": "3x4", **values, "Version": "x"}))
    assert found["Prompt"].split() == prompt.split()
    assert found["Negative prompt"].split() == negative.split()
    for label, value in values.items():
        assert found.get(label, "").split() == (value.split() if value != label else [])


@pytest.mark.parametrize(
    "text",
    [
        *(part * 16_000 for part in ("a b ", "a: ", 'ab:"', 'ab:"x,', 'ab:"\\"', "ab: ", "a\n", "Negative prompt:")),
        *(letter * 100_000 for letter in ("\n", "a", " ", ",", "-", '"')),
        "ab: " + " " * 99_999,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(60)  # takes a tenth of a second; anything quadratic would take hours
def test_a_hundred_kilobytes_of_anything_are_read(text: str) -> None:
    assert {"Prompt", "Negative prompt"} <= set(parse(text))
