"""How a setting is declared: one line in the `options.py` of the package that reads it.

    class SamplerOptions(Options, section=Section("sampler-params", "Sampler parameters", "sd")):
        eta_ancestral: float = setting(1.0, "Eta for ancestral samplers", slider=(0.0, 1.0, 0.01), infotext="Eta")

Field names are A1111's option keys and unique over all groups. The settings store, the settings
tab, the API schema, the override list and the infotext all follow from the declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Section:
    """A page of the settings tab: A1111's section id, its title and its category."""

    id: str
    title: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting besides its type and default.

    `choices` is a tuple of values, or the name of a list that the page fills in when it is shown
    ("checkpoints", "vaes", "samplers").
    """

    label: str
    slider: tuple[float, float, float] | None = None
    choices: tuple[Any, ...] | str | None = None
    infotext: str | None = None
    note: str = ""
    api_only: bool = False
    restart: bool = False


def setting(
    default: Any,
    label: str,
    *,
    slider: tuple[float, float, float] | None = None,
    choices: tuple[Any, ...] | str | None = None,
    infotext: str | None = None,
    note: str = "",
    restart: bool = False,
) -> Any:
    """Declare one setting. `slider` is (least, greatest, step) and bounds the value.

    `restart` marks what takes effect at the next start; `note` is the help text under the control.
    """
    bounds: dict[str, float] = {"ge": slider[0], "le": slider[1]} if slider else {}
    about = Setting(label, slider, choices, infotext, note, restart=restart)
    return Field(default, title=label, description=note or None, json_schema_extra={"setting": about}, **bounds)  # type: ignore[arg-type]


class Options(BaseModel):
    """A frozen group of settings, read together by the package that declares it."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)
    section: ClassVar[Section]

    def __init_subclass__(cls, *, section: Section, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.section = section

    @classmethod
    def declared(cls) -> Mapping[str, Setting]:
        """Every setting of the group by its key, in the order of declaration."""
        return {name: _about(info) for name, info in cls.model_fields.items()}


def _about(info: FieldInfo) -> Setting:
    extra = info.json_schema_extra
    about = extra.get("setting") if isinstance(extra, dict) else None
    if not isinstance(about, Setting):
        raise TypeError(f"{info} was not declared with setting(...)")
    return about
