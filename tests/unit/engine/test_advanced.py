"""The fields of the advanced box: what they accept, and what they come down to."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from modules.engine.advanced import DEFAULTS
from modules.engine.request import Txt2Img
from modules.sampling.guides import Perturbed, Projected, Rescaled, plain


def asked(**fields: Any) -> Txt2Img:
    return Txt2Img.model_validate(fields)


@pytest.mark.parametrize(
    ("given", "levels"),
    [
        ("14.6, 7 3,0.5", (14.6, 7.0, 3.0, 0.5)),
        ("14.6 7 0", (14.6, 7.0)),
        ([9, 2.5, 0.0], (9.0, 2.5)),
        ((5.0,), (5.0,)),
        ("", ()),
        ([], ()),
    ],
)
def test_levels_are_read_from_text_and_lists(given: Any, levels: tuple[float, ...]) -> None:
    request = asked(sigmas=given, steps=33)
    assert request.sigmas == levels
    assert request.steps == (len(levels) or 33)
    assert Txt2Img.model_validate(request.model_dump()) == request


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("3 5 1", "5 does not follow 3"),
        ("3 3", "must fall"),
        ("4 -1", "-1 is not"),
        ("1e9 4", "below a million"),
        ("nan", "above 0"),
        ("4 two", "valid number"),
        ([5.0] * 2000, "1000"),
    ],
)
def test_levels_that_make_no_schedule_are_refused(given: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        asked(sigmas=given)


def test_a_range_goes_from_noise_to_picture() -> None:
    with pytest.raises(ValidationError, match=r"timestep_end\n.*below the start, 200"):
        asked(timestep_start=200, timestep_end=400)
    with pytest.raises(ValidationError, match="below the start, 0"):
        asked(timestep_start=0)
    knobs = asked(timestep_start=900, timestep_end=100).for_knobs()
    assert knobs == {"sigmas": (), "timestep_start": 900, "timestep_end": 100}


def test_nothing_is_asked_by_default() -> None:
    assert asked().guide() is None
    assert asked().recorded() == {}
    assert asked().for_knobs() == {"sigmas": (), "timestep_start": None, "timestep_end": None}
    assert {field: getattr(asked(), field) for field in DEFAULTS} == DEFAULTS


def test_guides_are_put_together() -> None:
    guide = asked(guidance_rescale=0.7, pag_scale=3.0, apg=True).guide()
    assert isinstance(guide, Perturbed) and guide.scale == 3.0
    assert isinstance(guide.inner, Rescaled) and guide.inner.phi == 0.7
    assert isinstance(guide.inner.inner, Projected)
    assert asked(pag_scale=2.0).guide() == Perturbed(2.0, plain)


def test_only_what_counts_is_recorded() -> None:
    assert asked(apg_eta=0.5).recorded() == {}
    assert asked(apg=True, apg_eta=0.5, pag_scale=2.0).recorded() == {"PAG scale": 2.0, "APG": True, "APG eta": 0.5}
