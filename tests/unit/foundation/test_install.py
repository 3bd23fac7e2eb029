"""Installing: once, from the configured index, torch first; and what webui-user.sh makes of its variables.

pip itself is not run: commands are recorded, or a stand-in for the environment's Python answers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from modules.foundation import install
from modules.foundation.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
PROJECT = """
[project]
dependencies = ["torch==2.13.0", "torchvision==0.28.0", "gradio==6.31.0"]
[dependency-groups]
test = ["pytest==9.2.0"]
xformers = ["xformers==0.0.35"]
"""


class Recorder:
    """Carries out nothing but making an environment, with torch in it once that is asked for."""

    def __init__(self, root: Path, fails: str = "") -> None:
        self.root = root
        self.fails = fails
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> int:
        self.commands.append(list(command))
        if self.fails and self.fails in command:
            return 1
        if "venv" in command:
            _make_environment(Path(command[-1]))
        return 0

    def pip(self) -> list[list[str]]:
        """What pip was asked for, without the options that are always there."""
        return [command[3:] for command in self.commands if command[1:3] == ["-m", "pip"]]


def _make_environment(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    packages = Path(install.Environment(folder, folder, made=True).packages[0])
    for name, version in (("torch", "2.13.0+cpu"), ("torchvision", "0.28.0")):
        info = packages / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text("numpy==2.4.6\n")
    return tmp_path


@pytest.fixture
def record(root: Path) -> Recorder:
    return Recorder(root)


def _installed(root: Path, record: Recorder, *words: str, **environ: str) -> list[list[str]]:
    """The packages of each pip command of one start."""
    record.commands.clear()
    assert install.main(words, environ, root, record) == 0
    options = ["install", "--disable-pip-version-check", "--constraint", str(root / "requirements.lock")]
    return [command[4:] if command[:4] == options else command for command in record.pip()]


def test_the_first_start_installs_torch_then_the_rest_then_starts(root: Path, record: Recorder) -> None:
    assert _installed(root, record, "--port", "9") == [["torch==2.13.0", "torchvision==0.28.0"], ["gradio==6.31.0"]]
    assert record.commands[0] == [sys.executable, "-m", "venv", str(root / "venv")]
    assert record.commands[-1] == [str(root / "venv/bin/python"), "webui.py", "--port", "9"]


def test_the_second_start_asks_no_index(root: Path, record: Recorder) -> None:
    _installed(root, record)
    assert _installed(root, record) == []
    assert len(record.commands) == 1


def test_testing_adds_its_group_and_runs_pytest(root: Path, record: Recorder) -> None:
    _installed(root, record)
    assert _installed(root, record, "test", "tests/unit", "-x") == [["pytest==9.2.0"]]
    assert record.commands[-1] == [str(root / "venv/bin/python"), "-m", "pytest", "tests/unit", "-x"]
    assert _installed(root, record, "test") == []


def test_groups_on_demand(root: Path, record: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    _installed(root, record)
    assert _installed(root, record, "install", "xformers") == [["xformers==0.0.35"]]
    assert len(record.commands) == 1, "installing starts nothing"
    assert install.main(["install", "unheard-of"], {}, root, record) == 1
    assert capsys.readouterr().err == "There is nothing named 'unheard-of' to install; there are test, xformers.\n"


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock"])
def test_other_versions_are_installed_at_the_next_start(root: Path, record: Recorder, name: str) -> None:
    _installed(root, record)
    path = root / name
    path.write_text(path.read_text().replace("6.31.0", "6.32.0").replace("2.4.6", "2.4.7"))
    assert len(_installed(root, record)) == 2
    assert _installed(root, record) == []


def test_a_failed_installation_is_tried_again(root: Path, record: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    record.fails = "gradio==6.31.0"
    assert install.main([], {}, root, record) == 1
    assert "Installing studio failed" in capsys.readouterr().err
    assert not any("webui.py" in command for command in record.commands)
    record.fails = ""
    assert len(_installed(root, record)) == 2


def test_torch_as_the_user_wants_it(root: Path, record: Recorder) -> None:
    command = "pip install torch==2.14.0 --index-url https://example.org/rocm"
    first, second = _installed(root, record, TORCH_COMMAND=command)
    assert first == ["install", "torch==2.14.0", "--index-url", "https://example.org/rocm"]
    assert second == ["gradio==6.31.0"]


def test_indexes_are_those_named(root: Path, record: Recorder) -> None:
    _installed(root, record, TORCH_INDEX_URL="https://example.org/cu", INDEX_URL="https://example.org/simple")
    first, second = record.pip()
    assert first[-2:] == ["--extra-index-url", "https://example.org/cu"]
    assert "https://example.org/cu" not in second
    assert all(command[2:4] == ["--index-url", "https://example.org/simple"] for command in (first, second))


def test_without_variables_only_pips_own_index_is_used(root: Path, record: Recorder) -> None:
    _installed(root, record)
    assert not any("index" in word for command in record.commands for word in command)


def test_torch_can_be_installed_again(root: Path, record: Recorder) -> None:
    _installed(root, record)
    assert _installed(root, record, "--reinstall-torch")[:2] == [
        ["uninstall", "--yes", "torch", "torchvision"],
        ["torch==2.13.0", "torchvision==0.28.0"],
    ]


def test_nothing_is_installed_when_that_is_asked(
    root: Path, record: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install.main(["--skip-install"], {}, root, record) == 1
    assert "start once without --skip-install" in capsys.readouterr().err
    assert record.commands == []


def test_exit_prepares_and_stops(root: Path, record: Recorder) -> None:
    _installed(root, record, COMMANDLINE_ARGS="--exit")
    assert not any("webui.py" in command for command in record.commands)


def test_a_mistyped_flag_is_found_before_anything_is_made(
    root: Path, record: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install.main(["--lisen"], {}, root, record) == 1
    assert "did you mean --listen?" in capsys.readouterr().err
    assert record.commands == []


def test_a_mismatch_is_told_before_the_start(root: Path, record: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    _installed(root, record)
    packages = Path(install.Environment.chosen(root, {}).packages[0])
    (packages / "torchvision-0.28.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\nRequires-Dist: torch==2.12.0\n"
    )
    assert install.main([], {}, root, record) == 1
    assert "do not belong together" in capsys.readouterr().err
    assert install.main(["--skip-version-check"], {}, root, record) == 0


@pytest.mark.parametrize("environ", [{"venv_dir": "-"}, {"SKIP_VENV": "1"}, {"VIRTUAL_ENV": "/somewhere"}])
def test_an_environment_of_the_users_is_used_as_it_is(root: Path, environ: dict[str, str]) -> None:
    found = install.Environment.chosen(root, environ)
    assert (found.python, found.made) == (Path(sys.executable), False)


def test_venv_dir(root: Path) -> None:
    assert install.Environment.chosen(root, {"venv_dir": "mine"}).folder == root / "mine"
    assert install.Environment.chosen(root, {"venv_dir": "/other/disk"}).folder == Path("/other/disk")


def test_an_environment_that_cannot_be_made(root: Path) -> None:
    with pytest.raises(UserError, match=r"could not make an environment in .*mine"):
        install._create(install.Environment.chosen(root, {"venv_dir": "mine"}), Recorder(root, fails="venv"))


def test_the_real_list_can_be_read() -> None:
    wanted = install.requirements(ROOT)
    assert {"studio", "test", "dev", "xformers", "training", "distributed"} <= wanted.keys()
    assert all("==" in line for group in wanted.values() for line in group), "versions are exact"


def test_the_lock_does_not_contradict_the_list() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {line.lower().replace("_", "-") for line in lines if "==" in line}
    names = {line.partition("==")[0] for line in locked}
    listed = [
        line.partition(" ;")[0].lower() for group in ("studio", "test") for line in install.requirements(ROOT)[group]
    ]
    assert [line for line in listed if line.partition("==")[0] in names and line not in locked] == []


# webui-user.sh itself, with stand-ins for Python


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files the shell needs, and an environment whose installation is already remembered."""
    for name in ("webui-user.sh", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/__init__.py").touch()
    shutil.copytree(ROOT / "modules/foundation", tmp_path / "modules/foundation")
    (tmp_path / "webui.py").write_text("import os, sys; print(sys.argv[1:], os.environ.get('COMMANDLINE_ARGS'))\n")
    _make_environment(tmp_path / "venv")
    digest = install._digest(install.requirements(ROOT)["studio"], ROOT)
    install._remember(tmp_path / "venv" / install.STAMP, {"studio": digest})
    return tmp_path


def _shell(clone: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "venv_dir", "python_cmd")}
    command = [str(clone / "webui-user.sh"), *words]
    return subprocess.run(command, cwd="/", env=kept | environ, capture_output=True, text=True, timeout=30)


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
class TestShell:
    def test_arguments_and_variables_arrive(self, clone: Path) -> None:
        found = _shell(clone, "--gradio-auth", "me:two words", COMMANDLINE_ARGS="--listen")
        assert (found.stdout, found.stderr) == ("['--gradio-auth', 'me:two words'] --listen\n", "")

    def test_variables_can_be_set_in_the_file(self, clone: Path) -> None:
        script = clone / "webui-user.sh"
        script.write_text(
            script.read_text().replace('#export COMMANDLINE_ARGS=""', 'export COMMANDLINE_ARGS="--port 1"')
        )
        assert _shell(clone).stdout == "[] --port 1\n"

    def test_an_old_python_is_refused_in_one_sentence(self, clone: Path, tmp_path: Path) -> None:
        old = tmp_path / "old python"
        old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2 && exit 0\nexit 1\n')
        old.chmod(0o755)
        shutil.rmtree(clone / "venv")
        found = _shell(clone, python_cmd=str(old))
        assert found.returncode == 1
        assert f"Atelier needs Python 3.11 to 3.14, and {old} is Python 3.9.2: install one" in found.stderr

    def test_a_missing_python_is_named(self, clone: Path) -> None:
        found = _shell(clone, venv_dir="-", python_cmd="no-such-python")
        assert found.returncode == 1
        assert "no-such-python is not there" in found.stderr

    def test_flags_are_checked_without_an_environment(self, clone: Path) -> None:
        shutil.rmtree(clone / "venv")
        found = _shell(clone, "--lisen", python_cmd=sys.executable)
        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr == "There is no flag --lisen; did you mean --listen?\n"
