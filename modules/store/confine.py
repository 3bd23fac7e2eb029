"""The one place where paths that come from settings, patterns or requests are resolved and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from modules.foundation.errors import UserError
from modules.foundation.paths import PROGRAM

PROGRAM_FOLDERS = ("modules", "extensions", "venv", ".venv", ".git", "models", "embeddings")
"""Below the data folder and the program's, what pictures are never written into."""


def below(folder: Path, relative: str) -> Path:
    """`relative` as a path below `folder`, links resolved. Raises UserError if it leads out of it."""
    whole = (folder / relative.replace("\0", "")).resolve()
    if not whole.is_relative_to(folder.resolve()):
        raise UserError(f"'{relative}' leads out of {folder}; use a name without '..' or a leading slash.")
    return whole


def output_folder(root: Path, text: str) -> Path:
    """The folder a setting names: absolute, or below `root`.

    Raises UserError if a relative one leads out of `root`, or it is one of the program's own.
    """
    wanted = Path(text.strip().replace("\0", "")).expanduser()
    whole = wanted.resolve() if wanted.is_absolute() else below(root, str(wanted))
    bases = {root.resolve(), PROGRAM}
    if whole in bases or any(whole.is_relative_to(base / name) for base in bases for name in PROGRAM_FOLDERS):
        raise UserError(f"Pictures cannot be saved into {whole}; choose an output folder of their own in the settings.")
    return whole


def input_folder(root: Path, text: str, *, anywhere: bool) -> Path:
    """A folder to read pictures from: below `root`, or absolute where `anywhere` allows that.

    Raises UserError if it lies elsewhere or is no folder.
    """
    wanted = Path(text.strip().replace("\0", "")).expanduser()
    whole = wanted.resolve() if wanted.is_absolute() else below(root, str(wanted))
    if not anywhere and not whole.is_relative_to(root.resolve()):
        raise UserError(f"{whole} is outside of {root}; from other machines only folders below it can be read.")
    if not whole.is_dir():
        raise UserError(f"There is no folder {whole}; give the full path of one with pictures in it.")
    return whole


def is_within(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a file lies in one of the folders once links are resolved."""
    whole = path.resolve()
    return any(whole.is_relative_to(folder.resolve()) for folder in folders)
