"""The guard in front of everything: logins, hosts, other sites, headers, sizes."""

from __future__ import annotations

import base64
import re
import socket

import httpx
import pytest

from modules.web import security
from modules.web.sessions import Failures

BROWSER = {"accept": "text/html,*/*"}
EVIL = "https://evil.example"


def token(served):
    return served.studio and re.sub(r".*token=", "", gate(served).link("http://x"))


def gate(served):
    return served.app.state.gate


def log_in(served, **fields):
    return served.client.post("/login", data=fields or {"token": token(served)})


def authorization(text):
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


# -- hosts


def test_on_loopback_nobody_logs_in(api):
    assert api.client.get("/sdapi/v1/options").status_code == 200
    assert api.client.get("/login", headers=BROWSER).headers["location"] == "/"


@pytest.mark.parametrize("host", ["localhost", "localhost:7860", "127.0.0.1:1", "[::1]:7860", "studio.localhost"])
def test_names_of_this_machine(api, host):
    assert api.client.get("/internal/ping", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:7860", "127.0.0.1.evil.example", ""])
def test_rebound_names_are_refused(api, host):
    for method, path in (("GET", "/sdapi/v1/options"), ("POST", "/sdapi/v1/txt2img"), ("GET", "/"), ("GET", "/login")):
        answer = api.client.request(method, path, headers={"host": host})
        assert answer.status_code in (400, 403), (method, path)
        assert "options" not in answer.text and "title" not in answer.text


def test_what_was_carried_to_loopback_from_outside_needs_a_login(api):
    assert api.client.get("/sdapi/v1/options", headers={"host": "192.168.1.5:7860"}).status_code == 401
    answer = api.client.get("/", headers={"host": "192.168.1.5:7860", **BROWSER})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


# -- other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_may_not_change_anything(api, headers):
    for path in ("/sdapi/v1/txt2img", "/sdapi/v1/options", "/sdapi/v1/interrupt", "/login", "/gradio_api/upload"):
        for kind in ("application/json", "text/plain"):
            answer = api.client.post(path, content=b"{}", headers={**headers, "content-type": kind})
            assert answer.status_code == 403, path
            assert "access-control-allow-origin" not in answer.headers


def test_our_own_page_and_programs_may(api):
    for headers in (
        {"origin": api.url},
        {"origin": api.url, "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {},
    ):
        assert api.client.post("/sdapi/v1/interrupt", headers=headers).status_code == 200


def test_other_sites_learn_nothing_without_the_flag(api):
    answer = api.client.get("/sdapi/v1/options", headers={"origin": EVIL})
    assert "access-control-allow-origin" not in answer.headers
    preflight = {"origin": EVIL, "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in api.client.options("/sdapi/v1/txt2img", headers=preflight).headers


PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,authorization"}


@pytest.mark.parametrize("flags", [(), ("--listen",), ("--api-auth", "me:secret")])
def test_sites_of_the_flag_may_call_the_api(started, flags):
    good = "https://good.example"
    served = started("--cors-allow-origins", f"{good},https://other.example", *flags)
    for path in ("/sdapi/v1/txt2img", "/sdapi/v1/options/"):
        answer = served.client.options(path, headers={"origin": good, **PREFLIGHT})
        assert answer.status_code == 200, "asked without credentials"
        assert answer.headers["access-control-allow-origin"] == good
        assert "content-type" in answer.headers["access-control-allow-headers"].lower()
    answer = served.client.post("/sdapi/v1/interrupt/", headers={"origin": good, **authorization("me:secret")})
    assert answer.headers["access-control-allow-origin"] == good, "readable even when it was refused"
    assert answer.status_code == (401 if "--listen" in flags else 200)
    assert answer.headers["access-control-allow-credentials"] == "true"
    bad = served.client.options("/sdapi/v1/txt2img", headers={"origin": EVIL, **PREFLIGHT})
    assert bad.status_code == 400 and "access-control-allow-origin" not in bad.headers
    assert served.client.post("/sdapi/v1/interrupt", headers={"origin": EVIL}).status_code == 403


def test_a_preflight_opens_nothing(started):
    served = started("--listen")
    answer = served.client.options("/sdapi/v1/options", headers={"origin": EVIL, **PREFLIGHT})
    assert answer.status_code == 401


# -- Basic


def test_without_api_auth_any_authorization_is_ignored(api):
    for header in ("Basic", "Basic !!", "Basic " + base64.b64encode(b":").decode(), "Bearer x", ""):
        assert api.client.get("/sdapi/v1/options", headers={"authorization": header}).status_code == 200, header


def test_api_auth(started):
    served = started("--api-auth", "me:secret,you:a:b")
    answer = served.client.get("/sdapi/v1/options")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Basic"
    assert answer.json() == {
        "error": "HTTPException",
        "detail": "Not authenticated",
        "body": "",
        "errors": "401: Not authenticated",
    }
    for wrong in ("me:other", "me:", ":", "nobody:secret"):
        answer = served.client.get("/sdapi/v1/options", headers=authorization(wrong))
        assert (answer.status_code, answer.json()["detail"]) == (401, "Incorrect username or password")
    for right in ("me:secret", "you:a:b"):
        assert served.client.get("/sdapi/v1/options", headers=authorization(right)).status_code == 200
    assert served.client.get("/sdapi/v1/options", headers={"authorization": "Basic !!"}).status_code == 401
    assert served.client.get("/internal/ping").status_code == 200, "the page of this machine stays open"


def test_jobs_belong_to_whoever_sent_them(started):
    served = started("--api-auth", "me:secret,you:other")
    body = {"width": 64, "height": 64, "steps": 1, "force_task_id": "mine"}
    answer = served.client.post("/sdapi/v1/txt2img", json=body, headers=authorization("me:secret"))
    assert answer.status_code == 200
    assert served.studio.jobs.get("mine").owner == "me"
    assert served.client.get("/atelier/v1/jobs/mine").status_code == 404, "the page's user is nobody in particular"
    assert served.client.get("/atelier/v1/jobs/mine/images/0").status_code == 404
    assert served.client.get("/atelier/v1/jobs").json()["recent"] == []


def test_guessing_is_slowed_down(started):
    served = started("--api-auth", "me:secret")
    gate(served).failures = Failures(limit=3)
    for _ in range(3):
        assert served.client.get("/sdapi/v1/options", headers=authorization("me:x")).status_code == 401
    answer = served.client.get("/sdapi/v1/options", headers=authorization("me:secret"))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert served.client.get("/internal/ping").status_code == 200


# -- the one-time link


def test_beyond_loopback_the_link_is_the_way_in_once(started):
    served = started("--listen")
    assert gate(served).needs_link
    assert served.client.get("/sdapi/v1/options").status_code == 401
    answer = served.client.get("/?x=1", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    link = gate(served).link(served.url)
    page = httpx.get(link, headers=BROWSER)
    assert page.status_code == 200 and token(served) in page.text
    assert "set-cookie" not in page.headers, "looking at the link, as programs that preview it do, does not use it up"
    used = token(served)
    answer = log_in(served, token=used)
    assert answer.json() == {"success": True}
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert served.client.get("/sdapi/v1/options").status_code == 200
    assert served.client.get("/login", headers=BROWSER).headers["location"] == "/"
    again = httpx.post(f"{served.url}/login", data={"token": used})
    assert (again.status_code, again.json()["detail"]) == (400, "Incorrect credentials.")
    assert used not in gate(served).link(served.url)


def test_a_browser_is_led_back_to_where_it_wanted_to_go(started):
    served = started("--listen")
    answer = served.client.get("/docs", headers=BROWSER)
    assert answer.headers["location"] == "/login?next=/docs"
    page = served.client.get("/login?next=/docs", headers=BROWSER)
    assert 'name="next" value="/docs"' in page.text
    answer = served.client.post("/login", data={"token": token(served), "next": "/docs"}, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\r\nb: c"])
def test_but_never_to_another_site(started, next):
    served = started("--listen")
    answer = served.client.post("/login", data={"token": token(served), "next": next}, headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_what_is_typed_does_not_become_html(started):
    served = started("--listen")
    evil = '"><script>alert(1)</script>'
    page = served.client.get("/login", params={"token": evil, "next": evil}, headers=BROWSER)
    assert "<script>alert" not in page.text
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]


def test_a_session_outlives_a_restart_and_ends_with_logout(started, tmp_path):
    served = started("--listen")
    log_in(served)
    assert served.client.get("/internal/ping").status_code == 200
    answer = served.client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert served.client.get("/internal/ping").status_code == 401
    assert (served.studio.paths.data / ".session-key").stat().st_mode & 0o077 == 0


def test_a_cookie_of_ones_own_making_opens_nothing(started):
    served = started("--listen")
    for value in ("owner", "b3duZXIKMTc.x", "", "x" * 5000):
        cookie = {"cookie": f"{gate(served).sessions.cookie}={value}"}
        assert served.client.get("/internal/ping", headers=cookie).status_code == 401


def test_api_auth_and_the_link_both_open_the_api(started):
    served = started("--listen", "--api-auth", "me:secret")
    assert served.client.get("/sdapi/v1/options").status_code == 401
    assert served.client.get("/sdapi/v1/options", headers=authorization("me:secret")).status_code == 200
    assert served.client.get("/internal/ping", headers=authorization("me:secret")).status_code == 401, "only /sdapi"
    log_in(served)
    assert served.client.get("/sdapi/v1/options").status_code == 200


# -- accounts


def test_accounts(started):
    served = started("--gradio-auth", "me:secret,you:other")
    assert not gate(served).needs_link
    assert served.client.get("/config").status_code == 401, "as Gradio answers programs"
    page = served.client.get("/login", headers=BROWSER)
    assert 'name="password"' in page.text
    for fields in ({"username": "me", "password": "other"}, {"username": "nobody", "password": "x"}, {"token": "x"}):
        answer = log_in(served, **fields)
        assert (answer.status_code, answer.json()["detail"]) == (400, "Incorrect credentials.")
    assert served.client.post("/login").status_code == 400
    assert served.client.get("/internal/ping").status_code == 401
    answer = served.client.post("/login", data={"username": "me", "password": "no"}, headers=BROWSER)
    assert answer.status_code == 401 and "do not fit" in answer.text
    assert log_in(served, username="me", password="secret").json() == {"success": True}
    assert served.client.get("/internal/ping").status_code == 200


def test_accounts_open_the_api_by_basic_where_it_has_none_of_its_own(started):
    served = started("--gradio-auth", "me:secret")
    assert served.client.get("/sdapi/v1/options").status_code == 401
    assert served.client.get("/sdapi/v1/options", headers=authorization("me:secret")).status_code == 200


def test_the_login_page_slows_guessing_down(started):
    served = started("--gradio-auth", "me:secret")
    gate(served).failures = Failures(limit=1)
    log_in(served, username="me", password="wrong")
    assert log_in(served, username="me", password="secret").status_code == 429
    page = served.client.post("/login", data={"username": "me", "password": "secret"}, headers=BROWSER)
    assert page.status_code == 429 and "Too many" in page.text
    assert "set-cookie" not in page.headers


# -- headers and sizes


def test_every_answer_has_the_headers(started):
    served = started("--listen")
    log_in(served)
    anonymous = httpx.Client(base_url=served.url)
    answers = [
        served.client.get(path) for path in ("/", "/docs", "/sdapi/v1/samplers", "/nothing", "/assets-atelier/x")
    ]
    answers += [anonymous.get("/"), anonymous.get("/login", headers=BROWSER), anonymous.post("/sdapi/v1/txt2img")]
    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] in ("SAMEORIGIN", "DENY")
        assert headers["referrer-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert ("frame-ancestors" in policy and "object-src 'none'" in policy) or "default-src 'none'" in policy
        assert "http:" not in policy and "https:" not in policy and "*" not in policy, "no other host"
    anonymous.close()


def test_a_body_that_is_too_large_is_refused_unread(api, monkeypatch):
    monkeypatch.setattr(security, "MAX_BODY", 1000)
    answer = api.client.post("/sdapi/v1/txt2img", json={"prompt": "x" * 2000})
    assert answer.status_code == 413
    assert "larger" in answer.json()["detail"]

    def endless():
        for _ in range(100):
            yield b" " * 100

    answer = api.client.post("/sdapi/v1/txt2img", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_websockets_are_guarded_too(started):
    served = started("--listen")
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"GET /anything HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        status = connection.recv(1000).split(b" ")[1]
    assert status != b"101"


# -- below a path


def test_behind_a_proxy_under_a_path(started):
    served = started("--listen", "--subpath", "studio")
    for path in ("", "/studio"):
        answer = served.client.get(f"{path}/docs", headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/studio/login?next=/docs"), path
    assert "/studio/login?token=" in gate(served).link(served.url)
    assert 'action="/studio/login"' in served.client.get("/studio/login", headers=BROWSER).text
    answer = served.client.post("/studio/login", data={"token": token(served)}, headers=BROWSER)
    assert answer.headers["location"] == "/studio/"
    assert "Path=/studio" in answer.headers["set-cookie"]
    assert served.client.get("/studio/sdapi/v1/options/").status_code == 200
    assert served.client.get("/studio/").status_code == 200
