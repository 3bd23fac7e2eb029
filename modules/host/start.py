"""From the command line to the extensions of this start. Start with `early`, which runs before flags are read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules.foundation.paths import PROGRAM, Paths
from modules.foundation.settings import Snapshot
from modules.host.discovery import Switch, discover
from modules.host.dispatch import Troubles
from modules.host.install import preload
from modules.host.options import ExtensionOptions
from modules.host.scripts import Host

SHIPPED = PROGRAM / "extensions"


def early(words: Sequence[str], troubles: Troubles) -> tuple[argparse.Namespace, list[str]]:
    """The values of flags that extensions declare, and the words that are left for the studio's own flags."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--disable-all-extensions", action="store_true")
    parser.add_argument("--disable-extra-extensions", action="store_true")
    told, _ = parser.parse_known_args([word for word in words if word != "--"])
    users = (told.data_dir or PROGRAM).expanduser().absolute() / "extensions"
    off = _switch(all=told.disable_all_extensions, extra=told.disable_extra_extensions, setting="none")
    return preload(discover(SHIPPED, users, switched_off=off), words, troubles)


def find(paths: Paths, flags: Any, settings: Snapshot, own_flags: argparse.Namespace, troubles: Troubles) -> Host:
    """The extensions of this start; those switched off are among them and not enabled."""
    options = settings[ExtensionOptions]
    off = _switch(
        all=flags.disable_all_extensions, extra=flags.disable_extra_extensions, setting=options.disable_all_extensions
    )
    found = discover(SHIPPED, paths.extensions, disabled=options.disabled_extensions, switched_off=off)
    return Host(found, troubles, own_flags)


def _switch(*, all: bool, extra: bool, setting: str) -> Switch:
    if all or setting == "all":
        return "all"
    return "extra" if extra or setting == "extra" else "none"
