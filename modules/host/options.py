"""Settings of extensions: which are off."""

from __future__ import annotations

from modules.foundation.lenient import Text
from modules.foundation.options import Options, Section, setting


class ExtensionOptions(Options, section=Section("extensions", "Extensions", "system")):
    """Extensions that are not loaded at the next start."""

    disabled_extensions: tuple[Text, ...] = setting(
        (), "Extensions that are off", choices="extensions", restart=True, note="By the names of their folders."
    )
    disable_all_extensions: Text = setting(
        "none",
        "Turn extensions off",
        choices=("none", "extra", "all"),
        restart=True,
        note="extra: only those that come along stay.",
    )
