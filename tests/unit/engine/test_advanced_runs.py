"""What the advanced box does to a picture, and that its infotext brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from modules.boot import assemble
from modules.engine import recipe
from modules.engine.plan import Made
from modules.engine.request import Txt2Img
from modules.foundation.flags import parse
from modules.studio.context import Studio
from tests.runs import made
from tests.tiny import write_checkpoint

SMALL = {"prompt": "a red circle", "seed": 5, "steps": 5, "width": 64, "height": 64, "sampler_name": "Euler"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("advanced")
    checkpoint = write_checkpoint(folder / "checkpoints")
    studio = assemble(parse(["--data-dir", str(folder), "--ckpt-dir", str(checkpoint.parent), "--no-half"]))
    studio.settings.update({"randn_source": "CPU"})
    yield studio
    studio.history.close()


def one(studio: Studio, **fields: Any) -> Made:
    return made(studio, Txt2Img.model_validate(SMALL | fields))[0]


CHANGES = [
    ({"guidance_rescale": 0.7}, "CFG rescale: 0.7"),
    ({"pag_scale": 4.0}, "PAG scale: 4"),
    ({"apg": True}, "APG: True"),
    ({"apg": True, "apg_eta": 0.5, "apg_norm_threshold": 0.5, "apg_momentum": 0.0}, "APG norm threshold: 0.5"),
    ({"sigmas": "14.6, 6, 2, 0.5"}, 'Sigmas: "14.6, 6, 2, 0.5"'),
    ({"timestep_start": 800}, "Timestep start: 800"),
    ({"timestep_end": 100}, "Timestep end: 100"),
    ({"override_settings": {"token_merging_ratio": 0.5}}, "Token merging ratio: 0.5"),
]


@pytest.mark.parametrize(
    ("fields", "told"), CHANGES, ids=lambda value: "+".join(value) if isinstance(value, dict) else ""
)
def test_each_changes_the_picture_and_is_told(studio: Studio, fields: dict[str, Any], told: str) -> None:
    plain, changed = one(studio), one(studio, **fields)
    assert told in changed.infotext and told not in plain.infotext
    assert changed.image.tobytes() != plain.image.tobytes()
    snapshot = studio.settings.snapshot
    read = recipe.request_fields(recipe.read(changed.infotext, snapshot), snapshot)
    again = made(studio, Txt2Img.model_validate(read))[0]
    assert again.image.tobytes() == changed.image.tobytes()


def test_a_list_of_levels_is_as_many_steps(studio: Studio) -> None:
    assert "Steps: 4, " in one(studio, sigmas="14.6, 6, 2, 0.5").infotext


def test_the_models_own_levels_as_a_list_are_the_same_picture(studio: Studio) -> None:
    """Euler's own schedule, written out, is the schedule."""
    import torch

    from modules.sampling.catalog import resolve
    from modules.sampling.knobs import Knobs
    from modules.sampling.parametrization import discrete, scaled_linear
    from modules.sampling.sample import sigmas_for

    levels = sigmas_for(*resolve("Euler"), 5, discrete(scaled_linear(), "epsilon"), Knobs())
    assert torch.equal(torch.tensor(levels.tolist()), levels)
    assert one(studio, sigmas=levels.tolist()).image.tobytes() == one(studio).image.tobytes()


def test_an_infotext_without_them_turns_them_off(studio: Studio) -> None:
    snapshot = studio.settings.snapshot
    read = recipe.request_fields(recipe.read(one(studio).infotext, snapshot), snapshot)
    assert (read["guidance_rescale"], read["pag_scale"], read["apg"], read["sigmas"]) == (0.0, 0.0, False, ())
    assert (read["timestep_start"], read["timestep_end"]) == (999, 0)
