"""Where things lie: the program, the user's data, and the folder of every kind of model file.

A kind of model file is named as its folder under `models/`: "Stable-diffusion", "VAE", "Lora".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modules.foundation.flags import Flags

PROGRAM = Path(__file__).resolve().parents[2]
"""The folder `webui.py` lies in."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Every place the studio reads or writes, from a few decisions.

    `root` is the program's folder. The user's data lie there too unless `data_dir` says otherwise,
    models in `models_dir` or under the data. `extra` has further folders to search and `files` single
    files to list, by kind.
    """

    root: Path = PROGRAM
    data_dir: Path | None = None
    models_dir: Path | None = None
    embeddings_dir: Path | None = None
    config_file: Path | None = None
    ui_config_file: Path | None = None
    extra: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, flags: Flags, root: Path = PROGRAM) -> Paths:
        """The places that launch flags ask for."""
        extra = {
            "Stable-diffusion": (flags.ckpt_dir,),
            "VAE": (flags.vae_dir,),
            # A1111 has them apart; their files are of one kind.
            "Lora": (flags.lora_dir, flags.lyco_dir_backcompat, _models(flags, root) / "LyCORIS"),
            "hypernetworks": (flags.hypernetwork_dir,),
            "ESRGAN": (flags.esrgan_models_path,),
            "RealESRGAN": (flags.realesrgan_models_path, _bundled("RealESRGAN", flags, root)),
            "BSRGAN": (flags.bsrgan_models_path,),
            "DAT": (flags.dat_models_path,),
            "SwinIR": (flags.swinir_models_path,),
            "ScuNET": (flags.scunet_models_path,),
            "GFPGAN": (flags.gfpgan_models_path,),
            "Codeformer": (flags.codeformer_models_path,),
            "VAE-taesd": (_bundled("VAE-taesd", flags, root),),
        }
        return cls(
            root=root,
            data_dir=flags.data_dir,
            models_dir=flags.models_dir,
            embeddings_dir=flags.embeddings_dir,
            config_file=flags.ui_settings_file,
            ui_config_file=flags.ui_config_file,
            extra={kind: tuple(folder for folder in folders if folder) for kind, folders in extra.items()},
            files={"Stable-diffusion": (flags.ckpt,)} if flags.ckpt else {},
        )

    @property
    def data(self) -> Path:
        """Whose contents are the user's: settings, outputs, extensions, embeddings, models."""
        return self.data_dir or self.root

    @property
    def models(self) -> Path:
        return self.models_dir or self.data / "models"

    @property
    def embeddings(self) -> Path:
        return self.embeddings_dir or self.data / "embeddings"

    @property
    def outputs(self) -> Path:
        return self.data / "outputs"

    @property
    def inputs(self) -> Path:
        """Pictures that requests start from, each under its checksum."""
        return self.outputs / "inputs"

    @property
    def extensions(self) -> Path:
        return self.data / "extensions"

    @property
    def config(self) -> Path:
        """The settings file, A1111's `config.json`."""
        return self.config_file or self.data / "config.json"

    @property
    def ui_config(self) -> Path:
        """Defaults of the page's controls, A1111's `ui-config.json`."""
        return self.ui_config_file or self.data / "ui-config.json"

    @property
    def database(self) -> Path:
        """History of jobs and images, hashes of model files."""
        return self.outputs / "studio.sqlite"

    def folder(self, kind: str) -> Path:
        """The folder of one kind of model file, such as "Lora"; new files go there."""
        return self.models / kind

    def folders(self, kind: str) -> tuple[Path, ...]:
        """Every folder to search for a kind of model file, the usual one first."""
        return (self.folder(kind), *self.extra.get(kind, ()))


def _bundled(kind: str, flags: Flags, root: Path) -> Path | None:
    """Where files of a kind lie that come with the program; None if that is the usual folder."""
    folder = root / "models" / kind
    return folder if folder != _models(flags, root) / kind else None


def _models(flags: Flags, root: Path) -> Path:
    return flags.models_dir or (flags.data_dir or root) / "models"
