"""Where things lie, with and without the flags that move them."""

from __future__ import annotations

from pathlib import Path

from modules.foundation.flags import parse
from modules.foundation.paths import PROGRAM, Paths


def test_everything_lies_in_the_program_by_default() -> None:
    paths = Paths.of(parse([], {}))
    assert (PROGRAM / "modules").is_dir()
    assert paths.models == PROGRAM / "models"
    assert paths.folder("Stable-diffusion") == PROGRAM / "models" / "Stable-diffusion"
    assert paths.folders("VAE") == (PROGRAM / "models" / "VAE",)
    assert paths.database == PROGRAM / "outputs" / "studio.sqlite"


def test_data_dir_moves_what_is_the_users(tmp_path: Path) -> None:
    paths = Paths.of(parse(["--data-dir", str(tmp_path)], {}))
    moved = (paths.models, paths.embeddings, paths.outputs, paths.extensions, paths.config, paths.ui_config)
    assert {path.parent for path in moved} == {tmp_path}
    assert paths.root == PROGRAM


def test_folders_can_be_moved_and_added() -> None:
    words = "--data-dir /d --models-dir /m --embeddings-dir /e --ckpt-dir /c --vae-dir /v --ui-settings-file /s.json"
    paths = Paths.of(parse(words.split(), {}))
    assert (paths.models, paths.embeddings, paths.outputs) == (Path("/m"), Path("/e"), Path("/d/outputs"))
    assert paths.folders("Stable-diffusion") == (Path("/m/Stable-diffusion"), Path("/c"))
    assert paths.folders("VAE") == (Path("/m/VAE"), Path("/v"))
    assert paths.folders("Lora") == (Path("/m/Lora"), Path("/m/LyCORIS"))
    assert paths.config == Path("/s.json")


def test_upscalers_that_come_along_are_found_beside_the_users(tmp_path: Path) -> None:
    words = ["--data-dir", str(tmp_path), "--esrgan-models-path", "/u", "--gfpgan-models-path", "/g"]
    paths = Paths.of(parse(words, {}))
    assert paths.folders("RealESRGAN") == (tmp_path / "models" / "RealESRGAN", PROGRAM / "models" / "RealESRGAN")
    assert Paths.of(parse([], {})).folders("RealESRGAN") == (PROGRAM / "models" / "RealESRGAN",)
    assert paths.folders("ESRGAN") == (tmp_path / "models" / "ESRGAN", Path("/u"))
    assert paths.folders("GFPGAN") == (tmp_path / "models" / "GFPGAN", Path("/g"))
