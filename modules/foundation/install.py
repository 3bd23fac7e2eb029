"""What webui-user.sh and webui-user.bat run: make the environment, install into it once, start the studio or its tests.

`python -m modules.foundation.install [flags | test [pytest's arguments] | install GROUP ...]`. Runs on any suitable
Python with nothing installed.
Begin with `main`. What was installed is remembered by a digest in the environment, so that later
starts ask no package index.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.foundation import preflight
from modules.foundation.errors import UserError
from modules.foundation.flags import Flags, parse
from modules.foundation.paths import PROGRAM

STAMP = "atelier-installed.json"
LOCK = "requirements.lock"
Run = Callable[[Sequence[str]], int]
"""Carries out a command and returns its exit status."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python with packages: `folder` is where it lies, `python` its program. Not `made` by us: never created."""

    folder: Path
    python: Path
    made: bool

    @classmethod
    def chosen(cls, root: Path, environ: Mapping[str, str]) -> Environment:
        """From `venv_dir`, as A1111 reads it: a folder, or "-" for the Python running; an active one is kept."""
        venv_dir = environ.get("venv_dir") or environ.get("VENV_DIR") or "venv"
        if venv_dir == "-" or environ.get("SKIP_VENV") == "1" or environ.get("VIRTUAL_ENV"):
            return cls(Path(sys.prefix), Path(sys.executable), made=False)
        folder = root / venv_dir
        return cls(folder, folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), made=True)

    @property
    def packages(self) -> list[str]:
        """The folders packages are imported from; this process may run outside of the environment."""
        if not self.made:
            return sys.path
        return [sysconfig.get_path("purelib", "venv", {"base": str(self.folder), "platbase": str(self.folder)})]


def main(
    argv: Sequence[str], environ: Mapping[str, str] = os.environ, root: Path = PROGRAM, run: Run | None = None
) -> int:
    """Prepare and start. Returns the exit status; on POSIX the studio takes this process's place instead."""
    task = argv[0] if argv and argv[0] in ("test", "install") else "start"
    try:
        flags = parse(argv, environ) if task == "start" else parse([], {})
        environment = Environment.chosen(root, environ)
        if not flags.skip_prepare_environment:
            groups = {"start": (), "test": ("test",), "install": tuple(argv[1:])}[task]
            prepare(environment, flags, ("studio", *groups), environ, root, run or _run)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    if flags.exit or task == "install":
        return 0
    command = ["-m", "pytest", *argv[1:]] if task == "test" else ["webui.py", *argv]
    return (run or _become)([str(environment.python), *command])


def prepare(
    environment: Environment, flags: Flags, groups: Sequence[str], environ: Mapping[str, str], root: Path, run: Run
) -> None:
    """Bring the environment to what pyproject.toml asks for. Raises UserError saying what to do instead."""
    if not flags.skip_python_version_check:
        preflight.check_python()
    wanted = requirements(root)
    if unknown := [name for name in groups if name not in wanted]:
        raise UserError(f"There is nothing named '{unknown[0]}' to install; there are {', '.join(list(wanted)[1:])}.")
    stamp = environment.folder / STAMP
    done = _stamped(stamp)
    missing = [name for name in groups if done.get(name) != _digest(wanted[name], root)]
    if flags.reinstall_torch and "studio" not in missing:
        missing.insert(0, "studio")
    if missing and not flags.skip_install:
        _create(environment, run)
        pip = [str(environment.python), "-m", "pip"]
        if flags.reinstall_torch:
            run([*pip, "uninstall", "--yes", "torch", "torchvision"])
        for name in missing:
            _install(name, wanted[name], pip, environ, root, run)
            done[name] = _digest(wanted[name], root)
            _remember(stamp, done)
    if not environment.python.exists():
        raise UserError(f"There is no environment at {environment.folder}; start once without --skip-install.")
    if not flags.skip_version_check:
        preflight.check_torch(environment.packages)


def requirements(root: Path) -> dict[str, list[str]]:
    """What pyproject.toml lists: "studio" for the program, then every dependency group by its name."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return {"studio": project["project"]["dependencies"], **project["dependency-groups"]}


def _create(environment: Environment, run: Run) -> None:
    if not environment.made:
        return
    if warning := preflight.check_room(environment.folder):
        print(warning)
    if environment.python.exists():
        return
    preflight.check_venv_module()
    print(f"Making a Python environment in {environment.folder} ...", flush=True)
    if run([sys.executable, "-m", "venv", str(environment.folder)]) != 0:
        raise UserError(
            f"{sys.executable} could not make an environment in {environment.folder}; see its message above,"
            f" delete the folder if it exists and type: {preflight.START}"
        )


def _install(
    name: str, wanted: Sequence[str], pip: Sequence[str], environ: Mapping[str, str], root: Path, run: Run
) -> None:
    """Torch by a command of its own, so that another build of it can be chosen; then the rest, beside it."""
    options = ["--disable-pip-version-check", *_index(environ)]
    if (root / LOCK).exists():
        options += ["--constraint", str(root / LOCK)]
    torch = [line for line in wanted if _project(line) in ("torch", "torchvision")]
    rest = [line for line in wanted if line not in torch]
    if torch:
        print("Installing torch; this happens once and can take a while ...", flush=True)
        own = shlex.split(environ.get("TORCH_COMMAND", ""), posix=os.name != "nt")
        extra = ["--extra-index-url", environ["TORCH_INDEX_URL"]] if environ.get("TORCH_INDEX_URL") else []
        _succeed([*pip[:-1], *(own or ["pip", "install", *options, *torch, *extra])], "torch", run)
    print(f"Installing {name} ...", flush=True)
    _succeed([*pip, "install", *options, *rest], name, run)


def _succeed(command: Sequence[str], what: str, run: Run) -> None:
    if run(command) == 0:
        return
    raise UserError(
        f"Installing {what} failed: the reason is in pip's message above. Is there room on the disk, and is the package"
        f" index reachable (pip config list)? When it is mended, type: {preflight.START}"
    )


def _index(environ: Mapping[str, str]) -> list[str]:
    return ["--index-url", environ["INDEX_URL"]] if environ.get("INDEX_URL") else []


def _project(requirement: str) -> str:
    return requirement.partition("==")[0].strip()


def _digest(wanted: Sequence[str], root: Path) -> str:
    lock = root / LOCK
    text = "\n".join([*sorted(wanted), lock.read_text(encoding="utf-8") if lock.exists() else ""])
    return hashlib.sha256(text.encode()).hexdigest()


def _stamped(stamp: Path) -> dict[str, str]:
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(stamp: Path, done: Mapping[str, str]) -> None:
    try:
        stamp.write_text(json.dumps(done, indent=2), encoding="utf-8")
    except OSError as error:
        print(f"{stamp} cannot be written ({error.strerror}), so the next start will ask pip again.")


def _run(command: Sequence[str]) -> int:
    return subprocess.run(command, check=False).returncode


def _become(command: Sequence[str]) -> int:
    """Become the command, so that signals reach it; Windows cannot, there it runs as a child."""
    sys.stdout.flush()
    if os.name == "nt":
        return _run(command)
    os.execv(command[0], list(command))


if __name__ == "__main__":
    os.chdir(PROGRAM)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
