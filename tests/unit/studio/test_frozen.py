"""Settings that launch flags keep as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.boot import assemble
from modules.foundation.errors import UserError
from modules.foundation.flags import parse
from modules.studio import frozen

KEYS = ("samples_format", "eta_noise_seed_delta", "outdir_txt2img_samples")


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ([], ()),
        (["--freeze-settings"], KEYS),
        (["--freeze-specific-settings", "samples_format, face_restoration"], ("samples_format",)),
        (["--freeze-settings-in-sections", "sampler-params,saving-paths"], KEYS[1:]),
        (["--hide-ui-dir-config"], ("outdir_txt2img_samples",)),
    ],
    ids=lambda value: value[0] if isinstance(value, list) and value else "",
)
def test_what_a_flag_keeps(flags: list[str], kept: tuple[str, ...], tmp_path: Path) -> None:
    studio = assemble(parse(["--data-dir", str(tmp_path), *flags]))
    try:
        for key in KEYS:
            if key in kept:
                with pytest.raises(UserError, match=rf"'{key}' cannot be changed: .* with {flags[0]}"):
                    frozen.check(studio, [key])
            else:
                frozen.check(studio, [key])
    finally:
        studio.history.close()
