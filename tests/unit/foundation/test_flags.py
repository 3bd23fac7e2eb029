"""Launch flags: what is typed, what it becomes, and what is said of a mistake."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from modules.foundation.errors import UserError
from modules.foundation.flags import Flags, about, parse, remarks

ROOT = Path(__file__).resolve().parents[3]


def test_defaults_are_a1111s() -> None:
    flags = parse([], {})
    assert flags == Flags()
    assert (flags.port, flags.listen, flags.precision, flags.use_cpu) == (None, False, "autocast", ())
    assert (flags.timeout_keep_alive, flags.sub_quad_q_chunk_size, flags.filenames_max_length) == (30, 1024, 128)


def test_values_have_their_types() -> None:
    words = "--port 8080 --listen --use-cpu ALL sd --styles-file a --styles-file b --data-dir x"
    flags = parse(words.split(), {})
    assert (flags.port, flags.listen, flags.use_cpu, flags.styles_file) == (8080, True, ("all", "sd"), ("a", "b"))
    assert flags.data_dir == Path.cwd() / "x"
    assert parse(["--ngrok-options", '{"region": "eu"}'], {}).ngrok_options == {"region": "eu"}
    with pytest.raises(FrozenInstanceError):
        flags.port = 1  # type: ignore[misc]


def test_commandline_args_come_last_and_win() -> None:
    environ = {"COMMANDLINE_ARGS": "--port 2 --gradio-auth 'me:my secret'"}
    flags = parse(["--port", "1", "--listen"], environ)
    assert (flags.port, flags.listen, flags.gradio_auth) == (2, True, "me:my secret")


def test_unclosed_quotes_are_named() -> None:
    with pytest.raises(UserError, match="COMMANDLINE_ARGS cannot be read"):
        parse([], {"COMMANDLINE_ARGS": "--gradio-auth 'me:secret"})


def test_beginnings_are_understood() -> None:
    assert parse(["--lyco-dir", "/x"], {}).lyco_dir_backcompat == Path("/x")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--prot", "1"], "no flag --prot; did you mean --port?"),
        (["--medvran=1"], "no flag --medvran; did you mean --medvram?"),
        (["--qqqq"], "no flag --qqqq. Type --help"),
        (["listen"], "'listen' does not belong to any flag"),
        (["--port", "many"], "--port: invalid int value: 'many'"),
        (["--theme", "pink"], "--theme: invalid choice: 'pink'"),
    ],
)
def test_mistakes_are_explained(typed: list[str], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        parse(typed, {})


def test_unknown_flags_can_be_let_through() -> None:
    assert parse(["--of-an-extension", "--port", "5"], {"IGNORE_CMD_ARGS_ERRORS": ""}).port == 5


def test_flags_without_effect_say_why() -> None:
    said = list(remarks(parse(["--medvram", "--xformers", "--listen", "--api"], {})))
    assert [line.split()[0] for line in said] == ["--medvram", "--xformers", "--api"]
    assert all("not yet: arrives with" in line or "ignored:" in line for line in said)


def test_help_lists_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], {})
    shown = capsys.readouterr().out
    assert all(name in shown for name in about())


@pytest.mark.parametrize("flag", ["listen", "share", "server_name", "ngrok"])
def test_what_makes_the_server_remote(flag: str) -> None:
    assert Flags(**{flag: "x"}).is_remote
    assert not Flags().is_remote


def test_a_flag_is_read_or_says_why_it_has_no_effect() -> None:
    """A flag that is accepted, documented and then forgotten would be a lie, and so would the reverse."""
    files = [ROOT / "webui.py", *(ROOT / "modules").rglob("*.py")]
    program = "\n".join(path.read_text(encoding="utf-8") for path in files)
    read = {entry.name for entry in fields(Flags) if re.search(rf"\bflags\.{entry.name}\b", program)}
    without_effect = {entry.name for entry in fields(Flags) if entry.metadata["flag"].reason}
    assert read == {entry.name for entry in fields(Flags)} - without_effect


def test_users_page_lists_the_flags_that_work() -> None:
    listed = re.findall(r"^\| `(-[\w-]+)[^`]*` \| (.*) \|$", (ROOT / "docs/users.md").read_text(encoding="utf-8"), re.M)
    assert dict(listed) == {name: what.help for name, what in about().items() if not what.reason}
