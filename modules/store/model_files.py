"""What a model file is called, and finding them in folders, quickly and without opening one."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelKind:
    """`folder` is the kind's name and its folder under `models/`; suffixes are in lower case.

    A file whose name ends in one of `excluded` is of another kind.
    """

    folder: str
    suffixes: tuple[str, ...]
    excluded: tuple[str, ...] = ()


CHECKPOINT = ModelKind(
    "Stable-diffusion", (".safetensors", ".ckpt"), excluded=(".vae.safetensors", ".vae.ckpt", ".vae.pt")
)
VAE = ModelKind("VAE", (".safetensors", ".ckpt", ".pt"))
VAE_BESIDE = ModelKind("Stable-diffusion", (".vae.safetensors", ".vae.ckpt", ".vae.pt"))
"""VAEs that lie beside the checkpoint they belong to."""
LORA = ModelKind("Lora", (".safetensors", ".ckpt", ".pt"))
HYPERNETWORK = ModelKind("hypernetworks", (".pt",))
EMBEDDING = ModelKind("embeddings", (".safetensors", ".pt", ".bin", ".png", ".webp", ".jxl", ".avif"))
UPSCALERS = tuple(
    ModelKind(folder, (".safetensors", ".pth", ".pt"))
    for folder in ("ESRGAN", "RealESRGAN", "BSRGAN", "DAT", "HAT", "SwinIR", "ScuNET")
)
TAESD = ModelKind("VAE-taesd", (".safetensors", ".pth"))
"""Tiny decoders for previews."""
FACES = tuple(ModelKind(folder, (".safetensors", ".pth", ".pt")) for folder in ("GFPGAN", "Codeformer"))


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of some kind. `name` is its path below the kind's folder, with `/`.

    `size` is in bytes, `modified` in nanoseconds since the epoch, `sha256` None until computed.
    """

    name: str
    path: Path
    size: int
    modified: int
    sha256: str | None = None

    @property
    def stem(self) -> str:
        """The file name without folder and suffix."""
        return self.path.stem

    @property
    def hash(self) -> str | None:
        """The first ten characters of the SHA-256, as infotexts have it."""
        return self.sha256[:10] if self.sha256 else None


@dataclass(frozen=True, slots=True)
class CheckpointFile(ModelFile):
    """A checkpoint under the names A1111 gives it."""

    @property
    def title(self) -> str:
        """`sub/name.safetensors [hash]`, the hash once it is known."""
        return f"{self.name} [{self.hash}]" if self.hash else self.name

    @property
    def model_name(self) -> str:
        """The name without suffix, folders joined with `_`."""
        return self.name.rpartition(".")[0].replace("/", "_").replace("\\", "_")

    @property
    def config(self) -> Path | None:
        """The .yaml beside it that describes the model, if there is one."""
        beside = self.path.with_suffix(".yaml")
        return beside if beside.is_file() else None

    @property
    def preferred_vae(self) -> str | None:
        """The VAE that people noted to go with it, by A1111's key in the .json beside it; reads the file."""
        try:
            noted = json.loads(self.path.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        found = noted.get("vae") if isinstance(noted, dict) else None
        return found if isinstance(found, str) else None

    def aliases(self) -> tuple[str, ...]:
        """What it may be asked for by, the most particular first."""
        names = [self.title, self.name, self.model_name, self.stem, str(self.path), self.path.name]
        if self.sha256 and self.hash:
            names += [self.hash, self.sha256, f"{self.stem} [{self.hash}]", f"{self.model_name} [{self.hash}]"]
        return tuple(names)

    def old_hash(self) -> str:
        """The eight characters early versions of A1111 wrote: of 64 KiB at 1 MiB. Reads the file."""
        with self.path.open("rb") as file:
            file.seek(0x100000)
            return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


def scan(folder: Path, kind: ModelKind) -> Iterator[ModelFile]:
    """Every file of the kind at any depth, in no particular order.

    Links are followed, each real folder once. A folder that cannot be read is logged and left out.
    """
    waiting, seen = [folder], set[str]()
    while waiting:
        current = waiting.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if _is_folder(entry):
                        waiting.append(Path(entry.path))
                    elif _fits(entry.name, kind):
                        found = _described(entry, folder)
                        if found:
                            yield found
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("The folder %s cannot be read: %s", current, error)


def single(path: Path, kind: ModelKind) -> ModelFile | None:
    """A file of the kind wherever it lies; None if it is of another kind or is not there."""
    if not _fits(path.name, kind) or not path.is_file():
        return None
    about = path.stat()
    return ModelFile(path.name, path, about.st_size, about.st_mtime_ns)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _fits(name: str, kind: ModelKind) -> bool:
    lower = name.lower()
    return lower.endswith(kind.suffixes) and not (kind.excluded and lower.endswith(kind.excluded))


def _described(entry: os.DirEntry[str], folder: Path) -> ModelFile | None:
    try:
        about = entry.stat()
    except OSError:  # a link that leads nowhere, or deleted meanwhile
        return None
    path = Path(entry.path)
    return ModelFile(path.relative_to(folder).as_posix(), path, about.st_size, about.st_mtime_ns)
