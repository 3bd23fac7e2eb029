"""File name patterns against A1111's own answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from modules.store.naming import TAGS, NameFacts, Sanitizing, cut, expand, sanitized

A1111 = NameFacts(
    seed=11,
    prompt='masterpiece, a (cat:1.2), dog / "x": <y> | z?',
    negative_prompt="neg",
    width=512,
    height=768,
    steps=20,
    cfg_scale=7.0,
    sampler_name="DPM++ 2M",
    scheduler="karras",
    styles=(("st", "masterpiece"), ("a/b", "x {prompt} y")),
    vae_name="vae-ft-mse.vae.pt",
    model_name="v1-5-pruned-emaonly",
    model_hash=lambda: "6ce0161689",
    clip_skip=2,
    seeds=(11,),
    made_at=datetime(2024, 7, 27, 13, 5, 9),
    job_at=datetime(2024, 7, 27, 13, 5, 0),
    pixels=lambda: b"\x01\x02\x03",
    user="ann/bob",
)
BATCH = NameFacts(
    seed=12, seeds=(11, 12, 13), batch_number=1, batch_size=3, generation_number=7, count=9, prompt="a Cat"
)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("[seed]-[prompt_spaces]", "11-masterpiece, a (cat_1.2), dog _ _x__ _y_ _ z_"),
        ("[prompt]", "masterpiece,_a_(cat_1.2),_dog____x____y____z_"),
        ("[prompt_words]", "masterpiece a cat 1 2 dog x y"),
        ("[steps]_[cfg]_[width]x[height]", "20_7.0_512x768"),
        ("[hasprompt<cat|dog><bird|nobird>]", "catnobird"),
        ("[[model_name]]", "[v1-5-pruned-emaonly]"),
        ("[seed", "[seed"),
        ("seed]", "seed]"),
        ("[nothing]-[SEED]", "[nothing]-11"),
        ("x-[batch_number]-y", "-y"),
        ("x-[generation_number]-y", "-y"),
        ("[seed_first]-[seed_last]", "11"),
        ("[model_hash] [sampler] [clip_skip]", "6ce0161689 DPM++ 2M 2"),
        ("[date]", "2024-07-27"),
        ("[datetime]", "20240727130509"),
        ("[datetime<%Y/%m>]", "2024_07"),
        ("[datetime<%H><no/such zone>]", "13"),
        ("[job_timestamp]", "20240727130500"),
        ("[user]", "ann_bob"),
        ("[none]", ""),
        ("[prompt_hash<4>]-[negative_prompt_hash]", "c459-fa34f521"),
        ("[image_hash<6>]", "039058"),
        ("[prompt_no_styles]", "a (cat_1.2), dog _ _x__ _y_ _ z_"),
        ("[styles]", "st, a_b"),
        ("[scheduler]", "Karras"),
        ("[sampler_scheduler]", "DPM++ 2M Karras"),
        ("[vae_filename]", "vae-ft-mse"),
        ("[basename]", "img"),
        ("a-[denoising]-b", "-b"),
        ("[batch_size]", "1"),
        ("[hasprompt<a (cat>]", "a_(cat"),
        ("[full_prompt_hash<3>]", "b38"),
    ],
)
def test_single_images(pattern: str, name: str) -> None:
    assert expand(pattern, A1111) == name


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("x-[generation_number]-y", "x-8-y"),
        ("x-[batch_number]-y", "x-2-y"),
        ("[seed_first]-[seed_last]", "11-13"),
        ("[batch_size]", "3"),
        ("[hasprompt<CAT>]", "cat"),
        ("[prompt_words]", "a Cat"),
    ],
)
def test_batches(pattern: str, name: str) -> None:
    assert expand(pattern, BATCH) == name


def test_every_tag_of_a1111() -> None:
    """The whole vocabulary of A1111 1.10.1, no more and no less."""
    told = """
        seed seed_first seed_last steps cfg width height styles sampler sampler_scheduler scheduler model_hash
        model_name date datetime job_timestamp prompt prompt_spaces prompt_no_styles prompt_words prompt_hash
        negative_prompt_hash full_prompt_hash image_hash batch_number batch_size generation_number hasprompt clip_skip
        denoising user vae_filename basename none
    """
    assert set(TAGS) == set(told.split())


@pytest.mark.parametrize(
    ("pattern", "changed", "name"),
    [
        ("[denoising]", {"denoising_strength": 0.45}, "0.45"),
        ("[basename]", {"basename": "grid"}, "grid"),
        ("[vae_filename]", {"vae_name": None}, "NoneType"),
        ("[vae_filename]", {"vae_name": ".hidden.pt"}, "hidden"),
        ("[styles]", {"styles": ()}, "None"),
        ("[scheduler]", {"scheduler": "SGM Uniform"}, "Sgm uniform"),
        ("x[sampler_scheduler]", {"scheduler": None}, "x[sampler_scheduler]"),
        (
            "[prompt_no_styles]",
            {"prompt": "x a cat, masterpiece y", "styles": (("s", "masterpiece"), ("f", "x {prompt} y"))},
            "a cat",
        ),
        ("[datetime<%Y><Asia/Tokyo>]", {}, "2024"),
        ("[datetime<%>]", {}, "%"),
    ],
)
def test_what_an_image_has(pattern: str, changed: dict[str, Any], name: str) -> None:
    assert expand(pattern, replace(A1111, **changed)) == name


def test_a_zip_has_no_number() -> None:
    facts = replace(BATCH, archive=True)
    assert expand("[seed_first]-[seed_last]-[batch_number]-[generation_number]", facts) == "11-13"


def test_flags_decide_how_values_are_cleaned() -> None:
    facts = replace(A1111, sanitizing=Sanitizing(longest=10, only_slashes=True))
    assert expand("[prompt_spaces]|[prompt]", replace(facts, prompt='a: "b/c" and more')) == 'a: "b_c" a|a:_"b_c"_a'


def test_what_an_image_does_not_have_stays_written() -> None:
    assert expand("[steps]-[model_name]-[seed]", NameFacts()) == "[steps]-[model_name]-"
    assert expand("[prompt_words]", NameFacts()) == "empty"


def test_zones_are_honoured() -> None:
    noon = datetime.fromisoformat("2024-07-27T12:00:00+00:00")
    assert expand("[datetime<%H:%M><Asia/Tokyo>]", NameFacts(made_at=noon)) == "21_00"


def test_names_are_fit_for_every_file_system() -> None:
    assert sanitized('  a#b<c>d:e"f/g\\h|i?j*k\nl\0m. ') == "a_b_c_d_e_f_g_h_i_j_k_l_m"
    assert sanitized("a b", replace_spaces=True) == "a_b"
    assert len(sanitized("x" * 500)) == 128


def test_names_are_cut_between_characters() -> None:
    assert cut("猫" * 100, 10) == "猫" * 3
    assert cut("short", 10) == "short"
