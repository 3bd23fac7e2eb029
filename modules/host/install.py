"""What extensions want before the studio starts: flags of their own and packages.

`preload.py` may declare flags, `install.py` runs in a process of its own. Neither is downloaded; both lie in the
extension's folder. Shipped extensions need nothing, so only the user's are asked.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from modules.host.discovery import Extension
from modules.host.dispatch import Troubles

log = logging.getLogger(__name__)


def preload(
    extensions: Sequence[Extension], words: Sequence[str], troubles: Troubles
) -> tuple[argparse.Namespace, list[str]]:
    """The values of the flags that extensions declare, and the words of the command line that are not theirs."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for extension in extensions:
        path = extension.path / "preload.py"
        if extension.enabled and path.is_file():
            troubles.guarded(extension.name, "preload.py", _preloaded, path, parser)
    return parser.parse_known_args(list(words))


def run_installers(extensions: Sequence[Extension], root: Path, launcher: Path, troubles: Troubles) -> None:
    """Run every enabled user extension's install.py, in order; one that fails is reported and left.

    As in A1111 the program's folder is the current one and first on the path; `launcher` is the folder where the
    `launch` module lies that they import.
    """
    for extension in extensions:
        path = extension.path / "install.py"
        if extension.shipped or not extension.enabled or not path.is_file():
            continue
        log.info("Installing what extension '%s' needs", extension.name)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(launcher)))}
        done = subprocess.run(
            [sys.executable, str(path)], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-2000:]
            troubles.report(extension.name, "install.py", RuntimeError(f"exit status {done.returncode}. {said}"))


def _preloaded(path: Path, parser: argparse.ArgumentParser) -> None:
    spec = importlib.util.spec_from_file_location("preload", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    declare = getattr(module, "preload", None)
    if declare is not None:
        declare(parser)
