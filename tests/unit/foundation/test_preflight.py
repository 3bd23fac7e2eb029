"""Each check says in one sentence what is wrong and what to type."""

from __future__ import annotations

import shutil
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from modules.foundation import preflight
from modules.foundation.errors import UserError
from modules.foundation.flags import parse

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("version", "age"), [((3, 10, 13), "old"), ((2, 7, 18), "old"), ((3, 15, 0), "new"), ((4, 0, 0), "new")]
)
def test_unsuitable_pythons(version: tuple[int, ...], age: str) -> None:
    with pytest.raises(UserError, match=rf"Python {'.'.join(map(str, version))} is too {age}.*type: "):
        preflight.check_python(version)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 9)])
def test_suitable_pythons(version: tuple[int, ...]) -> None:
    preflight.check_python(version)


def test_all_places_name_the_same_pythons() -> None:
    oldest, newest = ("{}.{}".format(*numbers) for numbers in (preflight.OLDEST, preflight.NEWEST))
    after = f"{preflight.NEWEST[0]}.{preflight.NEWEST[1] + 1}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={oldest},<{after}"
    for name in ("webui-user.sh", "webui-user.bat"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert f"Python {oldest} to {newest}" in text
        assert "sys.version_info < ({}, {})".format(*preflight.OLDEST) in text
    for name in ("README.md", "docs/users.md"):
        assert f"Python {oldest} to {newest}" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("free", "warns"), [(5e9, True), (50e9, False)])
def test_room_that_may_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: float, warns: bool) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert bool(preflight.check_room(tmp_path / "not" / "yet")) is warns


def test_room_that_cannot_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1.25e9))
    with pytest.raises(UserError, match=r"has 1\.2 GB left.*venv_dir=.*/venv"):
        preflight.check_room(tmp_path / "venv")


def _packages(folder: Path, **versions: tuple[str, str]) -> list[str]:
    for name, (version, requires) in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text(
            "\n".join([*lines, *([f"Requires-Dist: {requires}"] if requires else [])]) + "\n"
        )
    return [str(folder)]


@pytest.mark.parametrize("wanted", ["torch==2.13.0", "torch (==2.13.0)", "numpy"])
def test_torch_and_torchvision_that_match(tmp_path: Path, wanted: str) -> None:
    preflight.check_torch(_packages(tmp_path, torch=("2.13.0+cpu", ""), torchvision=("0.28.0", wanted)))


def test_torch_and_torchvision_that_do_not(tmp_path: Path) -> None:
    path = _packages(tmp_path, torch=("2.12.1", ""), torchvision=("0.28.0", "torch==2.13.0"))
    said = r"torch 2\.12\.1 and torchvision 0\.28\.0 do not belong together .*2\.13\.0.*--reinstall-torch"
    with pytest.raises(UserError, match=said):
        preflight.check_torch(path)


@pytest.mark.parametrize("there", ["torch", "torchvision"])
def test_torch_that_is_missing(tmp_path: Path, there: str) -> None:
    missing = ({"torch", "torchvision"} - {there}).pop()
    with pytest.raises(UserError, match=rf"^{missing} is not installed; .*--reinstall-torch"):
        preflight.check_torch(_packages(tmp_path, **{there: ("1.0", "")}))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_free_port_is_taken_as_it_is(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert preflight.free_port("127.0.0.1", port) == port


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_taken_port_gives_the_next(listener: socket.socket, host: str) -> None:
    port = listener.getsockname()[1]
    found = preflight.free_port(host, port)
    assert port < found < port + 50
    with socket.create_server(("127.0.0.1", found)):
        pass


def test_no_port_is_free(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    port = listener.getsockname()[1]
    monkeypatch.setattr(preflight, "PORTS_TRIED", 1)
    with pytest.raises(UserError, match=f"No port from {port} to {port} is free.*--port"):
        preflight.free_port("127.0.0.1", port)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(UserError, match=r"192\.0\.2\.1 is no address of this machine .*--listen"):
        preflight.free_port("192.0.2.1", 7860)


@pytest.mark.parametrize("words", [["--reinstall-torch"], ["--port", "8080"], ["--listen"]])
def test_flags_named_in_advice_exist(words: list[str]) -> None:
    parse(words, {})
