"""Cookies that cannot be forged, links that work once, guessing that gets slow."""

from __future__ import annotations

import base64
import stat

import pytest

from modules.web.sessions import OWNER, SESSION_SECONDS, Failures, Links, Sessions, basic, key_at, matches

KEY = bytes(range(32))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_cookie_is_its_users():
    sessions = Sessions(KEY, {"me": "secret", "ann\nb": "x"})
    assert sessions.user(sessions.issue("me")) == "me"
    assert sessions.user(sessions.issue("ann\nb")) == "ann\nb"


def test_a_cookie_survives_a_restart_and_dies_with_key_and_password():
    cookie = Sessions(KEY, {"me": "secret"}).issue("me")
    assert Sessions(KEY, {"me": "secret"}).user(cookie) == "me"
    assert Sessions(KEY[::-1], {"me": "secret"}).user(cookie) is None
    assert Sessions(KEY, {"me": "changed"}).user(cookie) is None
    assert Sessions(KEY, {"you": "secret"}).user(cookie) is None
    assert Sessions(KEY, {}).user(cookie) is None


def test_links_sessions_end_when_accounts_are_given():
    cookie = Sessions(KEY, {}).issue(OWNER)
    assert Sessions(KEY, {}).user(cookie) == OWNER
    assert Sessions(KEY, {"me": "secret"}).user(cookie) is None


def test_a_cookie_ends():
    clock = Clock()
    sessions = Sessions(KEY, {}, clock)
    cookie = sessions.issue(OWNER)
    clock.now += SESSION_SECONDS - 61
    assert sessions.user(cookie) == OWNER
    clock.now += 62
    assert sessions.user(cookie) is None


def test_forged_cookies():
    sessions = Sessions(KEY, {"me": "secret", "you": "other"})
    said, signature = sessions.issue("me").split(".")
    other = base64.urlsafe_b64encode(base64.urlsafe_b64decode(said + "==").replace(b"me", b"you")).decode().rstrip("=")
    for cookie in (
        f"{other}.{signature}",
        said,
        f"{said}.",
        f"{said}.{signature[:-2]}",
        ".",
        "",
        "x.y",
        "é.é",
        f"{said}.{said}",
    ):
        assert sessions.user(cookie) is None, cookie


def test_studios_on_one_host_have_cookies_of_their_own():
    assert Sessions(KEY, {}).cookie != Sessions(KEY[::-1], {}).cookie


def test_a_link_works_once():
    links = Links()
    first = links.token
    assert not links.redeem("") and not links.redeem(first + "x")
    assert links.redeem(first)
    assert not links.redeem(first)
    assert links.token != first and links.redeem(links.token)


def test_guessing_gets_slow_and_is_forgiven():
    clock = Clock()
    failures = Failures(limit=3, window=60, now=clock)
    for _ in range(3):
        assert failures.wait("10.0.0.1") == 0
        failures.add("10.0.0.1")
    assert failures.wait("10.0.0.1") == pytest.approx(60)
    assert failures.wait("10.0.0.2") == 0
    clock.now += 61
    assert failures.wait("10.0.0.1") == 0


def test_an_ipv6_network_counts_as_one_address():
    failures = Failures(limit=1)
    failures.add("2001:db8::1")
    assert failures.wait("2001:db8::2") > 0
    assert failures.wait("2001:db8:0:1::2") == 0


def test_passwords():
    accounts = {"me": "sécret"}
    assert matches(accounts, "me", "sécret")
    assert not matches(accounts, "me", "secret")
    assert not matches(accounts, "you", "sécret")
    assert not matches(accounts, "you", "")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic " + base64.b64encode(b"me:a:b").decode(), ("me", "a:b")),
        ("basic " + base64.b64encode(b":").decode(), ("", "")),
        ("Basic ", None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"me").decode(), None),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), None),
        ("Bearer abc", None),
        ("", None),
    ],
)
def test_basic_headers(header, found):
    assert basic(header) == found


def test_the_key_is_kept_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    key = key_at(path)
    assert len(key) == 32 and key_at(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_place_for_the_key_there_is_one_for_this_run(tmp_path, caplog):
    missing = tmp_path / "missing" / "key"
    assert len(key_at(missing)) == 32 and key_at(missing) != key_at(missing)
    assert "end with this run" in caplog.text
    (tmp_path / "short").write_bytes(b"x")
    assert len(key_at(tmp_path / "short")) == 32, "a key anybody could guess is not used"
