"""The settings store: what is declared, kept, refused, and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from modules.foundation.errors import BadFile, NotFound, UserError
from modules.foundation.options import Options, Section, setting
from modules.foundation.settings import Settings


class Taste(Options, section=Section("taste", "Taste")):
    """Settings of one package."""

    salt: float = setting(0.5, "Salt", slider=(0.0, 1.0, 0.1), infotext="Salt")
    spices: tuple[str, ...] = setting(("pepper",), "Spices")


class Serving(Options, section=Section("serving", "Serving", "kitchen")):
    """Settings of another."""

    plates: int = setting(2, "Plates", slider=(1, 12, 1), restart=True, note="Warm ones.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


@pytest.fixture
def settings(path: Path) -> Settings:
    return Settings([Taste, Serving], path)


def test_defaults_and_declarations(settings: Settings) -> None:
    assert settings.snapshot[Taste] == Taste()
    assert settings.snapshot.values() == {"salt": 0.5, "spices": ("pepper",), "plates": 2}
    group, about = settings.declared()["plates"]
    assert group is Serving
    assert (about.label, about.slider, about.restart, about.note) == ("Plates", (1, 12, 1), True, "Warm ones.")
    assert Serving.section == Section("serving", "Serving", "kitchen")


def test_changes_are_kept_in_the_file(settings: Settings, path: Path) -> None:
    before = settings.snapshot
    settings.update({"salt": 0.7, "plates": 3})
    assert (before[Taste].salt, settings.snapshot[Taste].salt) == (0.5, 0.7)
    again = Settings([Taste, Serving], path)
    assert again.snapshot.values() == settings.snapshot.values()
    assert again.dropped == []


def test_keys_of_other_programs_stay_in_the_file(path: Path) -> None:
    path.write_text('{"sd_lora": "None", "salt": 0.1}')
    settings = Settings([Taste], path)
    settings.update({"salt": 0.2})
    assert json.loads(path.read_text()) == {"sd_lora": "None", "salt": 0.2, "spices": ["pepper"]}


@pytest.mark.parametrize(("key", "value"), [("salt", 2.0), ("salt", "much"), ("plates", 0)])
def test_all_changes_take_effect_or_none(settings: Settings, path: Path, key: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"Setting '{key}' cannot be {value!r}"):
        settings.update({"spices": ["cumin"], key: value})
    assert settings.snapshot[Taste].spices == ("pepper",)
    assert not path.exists()


def test_a_key_nobody_declares(settings: Settings) -> None:
    with pytest.raises(NotFound, match="no setting named 'sugar'"):
        settings.update({"sugar": 1})


def test_a_change_that_cannot_be_written_does_not_happen(path: Path) -> None:
    settings = Settings([Taste], path / "below" / "config.json")
    path.write_text("a file where a folder should be")
    with pytest.raises(OSError, match=r"config\.json"):
        settings.update({"salt": 0.9})
    assert settings.snapshot[Taste].salt == 0.5


def test_stored_values_that_no_longer_fit_are_dropped_and_named(path: Path) -> None:
    path.write_text('{"salt": 7, "plates": 4}')
    settings = Settings([Taste, Serving], path)
    assert settings.dropped == ["salt"]
    assert (settings.snapshot[Taste].salt, settings.snapshot[Serving].plates) == (0.5, 4)


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_a_damaged_file_is_named(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(BadFile, match=r"config\.json"):
        Settings([Taste], path)


def test_overrides_are_another_snapshot(settings: Settings) -> None:
    other = settings.snapshot.overridden({"salt": 0.9, "of_another_program": 1})
    assert (other[Taste].salt, settings.snapshot[Taste].salt) == (0.9, 0.5)
    with pytest.raises(UserError, match="'salt' cannot be -1"):
        settings.snapshot.overridden({"salt": -1})


def test_listeners_hear_of_what_changed(settings: Settings) -> None:
    heard: list[Mapping[str, Any]] = []
    settings.on_change(heard.append)
    settings.update({"plates": 5})
    with pytest.raises(UserError):
        settings.update({"plates": 50})
    assert heard == [{"plates": 5}]


def test_a_plain_field_is_no_setting() -> None:
    class Odd(Options, section=Section("odd", "Odd")):
        """Declared without setting()."""

        plain: int = Field(1)

    with pytest.raises(TypeError, match="not declared with setting"):
        Odd.declared()
