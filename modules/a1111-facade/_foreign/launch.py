"""A1111's `launch`, which extensions' install.py import: what is installed, and pip."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shlex
import subprocess
import sys
from argparse import Namespace

python = sys.executable
args = Namespace(skip_install=False)


def is_installed(package: str) -> bool:
    """Whether a distribution or a module of this name is there."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return importlib.util.find_spec(package) is not None
    return True


def run(command: str | list[str], desc: str | None = None, errdesc: str | None = None, live: bool = True) -> str:
    """Run a command and return what it printed. Raises RuntimeError if it fails."""
    words = shlex.split(command) if isinstance(command, str) else command
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{errdesc or desc or 'A command failed'}: {' '.join(words)}\n{done.stderr}")
    return done.stdout


def run_pip(command: str, desc: str | None = None, live: bool = True) -> str:
    """`pip <command>` in the studio's environment. Raises RuntimeError if it fails."""
    return run([python, "-m", "pip", *shlex.split(command), "--prefer-binary"], desc, f"Couldn't install {desc}")
