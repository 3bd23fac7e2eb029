"""What must be right before the studio can start: each check raises one sentence saying what is wrong and what to type.

Needs the standard library only; `install` calls it before anything is installed. The oldest Python is
checked in webui-user.sh and .bat already, since an older one could not read this file.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import socket
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from modules.foundation.errors import UserError

OLDEST = (3, 11)
NEWEST = (3, 14)
"""torch is built for these; pyproject.toml says the same."""
LEAST_ROOM = 3.0
ROOM_FOR_GPU = 12.0
"""GB. A torch for CPUs needs 2 with all the rest, one for NVIDIA GPUs 8, and pip unpacks beside what it downloads."""
PORTS_TRIED = 100

WINDOWS = os.name == "nt"
START = "webui-user.bat" if WINDOWS else "./webui-user.sh"


def started_with(variable: str, value: str) -> str:
    """What to type to start with one of webui-user's variables set."""
    names = {"python_cmd": "PYTHON", "venv_dir": "VENV_DIR"}
    return f"set {names[variable]}={value}& {START}" if WINDOWS else f"{variable}={value} {START}"


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    """Raises UserError for a Python that torch is not built for."""
    if OLDEST <= version[:2] <= NEWEST:
        return
    oldest, newest, found = (".".join(map(str, numbers)) for numbers in (OLDEST, NEWEST, version))
    age = "old" if version[:2] < OLDEST else "new"
    raise UserError(
        f"Python {found} is too {age} for torch: install one from {oldest} to {newest}, delete the folder venv if it"
        f" exists, and type: {started_with('python_cmd', f'python{newest}')}"
    )


def check_venv_module() -> None:
    """Raises UserError where the system's Python comes without the means to make environments."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise UserError(
            f"{sys.executable} cannot make virtual environments. On Debian and Ubuntu type:"
            f" sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )


def check_room(folder: Path) -> str:
    """Raises UserError if an environment cannot fit where `folder` is to be; returns a warning if it may not."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free / 1e9
    elsewhere = f"free some, or put it on another disk: {started_with('venv_dir', '/other/disk/venv')}"
    if free < LEAST_ROOM:
        raise UserError(
            f"The disk of {folder} has {free:.1f} GB left and the environment needs {LEAST_ROOM:.0f}; {elsewhere}"
        )
    if free < ROOM_FOR_GPU:
        return (
            f"The disk of {folder} has {free:.1f} GB left; with a torch for GPUs that may not do. If not, {elsewhere}"
        )
    return ""


def check_torch(path: Sequence[str]) -> None:
    """Raises UserError if torch is missing from the folders of `path` or is not the one torchvision was built with.

    A build for another device (2.13.0+cpu) counts as the same version; see `torchvision_ops`.
    """
    again = f"type: {START} --reinstall-torch"
    torch, torchvision = _installed("torch", path), _installed("torchvision", path)
    if torch is None or torchvision is None:
        raise UserError(f"{'torch' if torch is None else 'torchvision'} is not installed; {again}")
    wants = _torch_wanted(torchvision)
    if wants and torch.version.partition("+")[0] != wants:
        raise UserError(
            f"torch {torch.version} and torchvision {torchvision.version} do not belong together"
            f" (it needs torch {wants}); {again}"
        )


def free_port(host: str, wanted: int) -> int:
    """The first port from `wanted` upwards that nobody listens at.

    Raises UserError if `host` is no address of this machine, the port is reserved, or none is free.
    """
    last = min(wanted + PORTS_TRIED, 65536)
    for port in range(wanted, last):
        try:
            _bind(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise UserError(_why_not(host, port, error)) from None
        return port
    raise UserError(f"No port from {wanted} to {last - 1} is free; give another: {START} --port 8080")


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # On POSIX this lets a port be taken whose last connections are still closing, as the server
        # itself does; on Windows it would take one that is in use.
        if not WINDOWS:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} may not be used by this user; take one above 1023: {START} --port 7860"
    why = error.strerror or error
    return f"{host} is no address of this machine ({why}); to be reached by others type: {START} --listen"


def _installed(package: str, path: Sequence[str]) -> Distribution | None:
    return next(iter(distributions(name=package, path=list(path))), None)


def _torch_wanted(torchvision: Distribution) -> str | None:
    for line in torchvision.requires or ():
        if exact := re.match(r"torch\s*\(?==\s*([\w.]+)", line):
            return exact[1]
    return None
