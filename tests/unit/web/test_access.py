"""Launch flags as a policy: who has to log in, which hosts and sites are known."""

from __future__ import annotations

import pytest

from modules.foundation.errors import UserError
from modules.foundation.flags import parse
from modules.web.access import Access, credentials, host_name


def access(*flags: str) -> Access:
    return Access.of(parse(list(flags)))


@pytest.mark.parametrize(
    "flags", [(), ("--server-name", "127.0.0.1"), ("--server-name", "localhost"), ("--api-auth", "a:b")]
)
def test_plain_loopback_needs_no_login(flags):
    policy = access(*flags)
    assert not policy.beyond_loopback
    for host in ("localhost", "127.0.0.1", "127.0.1.1", "::1", "studio.localhost"):
        assert policy.knows_host(host) and not policy.needs_login(host)


@pytest.mark.parametrize(
    "flags",
    [
        ("--listen",),
        ("--share",),
        ("--server-name", "192.168.1.5"),
        ("--server-name", "studio.lan"),
        ("--server-name", "::"),
    ],
)
def test_beyond_loopback_everybody_logs_in(flags):
    policy = access(*flags)
    assert policy.beyond_loopback
    assert policy.needs_login("localhost") and policy.needs_login("192.168.1.5")


def test_accounts_ask_for_a_login_on_loopback_too():
    assert access("--gradio-auth", "me:secret").needs_login("localhost")


def test_what_something_in_between_carried_here_needs_a_login():
    assert access().needs_login("192.168.1.5")
    policy = access("--cors-allow-origins", "https://studio.example.com")
    assert policy.knows_host("studio.example.com") and policy.needs_login("studio.example.com")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "0x7f.1"])
def test_names_that_could_be_rebound_are_unknown(host):
    assert not access().knows_host(host)
    assert not access("--listen").knows_host(host)


def test_the_name_the_studio_was_given_is_known():
    assert access("--server-name", "Studio.lan").knows_host("studio.lan")


@pytest.mark.parametrize(
    ("header", "name"),
    [("localhost:7860", "localhost"), ("LOCALHOST", "localhost"), ("[::1]:7860", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_host_headers(header, name):
    assert host_name(header) == name


def test_origins():
    policy = access("--cors-allow-origins", "https://a.example,http://b.example:8080/")
    assert policy.knows_origin("https://a.example") and policy.knows_origin("http://b.example:8080")
    assert not policy.knows_origin("http://a.example") and not policy.knows_origin("null")
    assert access("--cors-allow-origins", "*").knows_origin("https://any.example")
    pattern = access("--cors-allow-origins-regex", r"https://.*\.example")
    assert pattern.knows_origin("https://x.example") and not pattern.knows_origin("https://x.example.evil")
    assert not access().cross_origin and pattern.cross_origin


def test_credentials():
    assert credentials("me:secret, you:a:b", "--api-auth") == {"me": "secret", "you": "a:b"}
    assert credentials("", "--api-auth") == {}


@pytest.mark.parametrize("text", ["me", ":secret", "me:", "me:secret,you"])
def test_credentials_that_cannot_be_meant_are_refused_without_being_shown(text):
    with pytest.raises(UserError, match="--api-auth") as caught:
        access("--api-auth", text)
    assert "secret" not in str(caught.value).replace("me:secret,you:other", "")


def test_accounts_from_a_file(tmp_path):
    file = tmp_path / "accounts"
    file.write_text("me:secret\n\nyou:other,they:third\n")
    assert set(access("--gradio-auth-path", str(file), "--gradio-auth", "x:y").accounts) == {"me", "you", "they", "x"}
    file.write_text("\n")
    with pytest.raises(UserError, match="nobody"):
        access("--gradio-auth-path", str(file))
    with pytest.raises(UserError, match="cannot be read"):
        access("--gradio-auth-path", str(tmp_path / "missing"))


def test_a_pattern_that_is_none():
    with pytest.raises(UserError, match="regular expression"):
        access("--cors-allow-origins-regex", "(")


def test_subpath():
    assert access("--subpath", "studio/").root_path == "/studio"
    assert access().root_path == ""
