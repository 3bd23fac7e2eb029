"""Settings that a launch flag keeps from being changed over the page and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from modules.foundation.errors import UserError
from modules.store.options import PathOptions

if TYPE_CHECKING:
    from modules.studio.context import Studio


def check(studio: Studio, keys: Iterable[str]) -> None:
    """Raises UserError naming the flag if one of these may not be changed. Requests may still override them."""
    flags, declared = studio.flags, studio.settings.declared()
    sections = _names(flags.freeze_settings_in_sections)
    named = _names(flags.freeze_specific_settings)
    for key in keys:
        section = declared[key][0].section if key in declared else None
        if flags.freeze_settings:
            flag = "--freeze-settings"
        elif key in named:
            flag = "--freeze-specific-settings"
        elif section and sections & {section.id, section.title}:
            flag = "--freeze-settings-in-sections"
        elif flags.hide_ui_dir_config and key in PathOptions.model_fields:
            flag = "--hide-ui-dir-config"
        else:
            continue
        raise UserError(f"The setting '{key}' cannot be changed: the studio was started with {flag}.")


def _names(listed: str | None) -> set[str]:
    """What a flag's value lists, apart by commas."""
    return {name.strip() for name in (listed or "").split(",")} - {""}
