"""Dagster's page lets in who has the token, under a known name, and does what its own page asks for only."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from typing import Any, NamedTuple

import pytest

from emberline.web_guard import WebGuard

TOKEN = "a-token"
PORT = 3000
HOST = f"127.0.0.1:{PORT}"
OURS = f"http://{HOST}"
COOKIE = f"emberline_{PORT}={TOKEN}"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


def ask(path: str = "/", method: str = "GET", kind: str = "http", **headers: str) -> Answer:
    """What a browser is answered; 200 by the application, 101 where it may talk over a websocket."""
    path, _, query = path.partition("?")
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the page"})

    async def receive() -> Any:
        raise AssertionError("nobody reads a body")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items() if value],
    }
    guard = WebGuard(app, token=TOKEN, port=PORT, hosts=["Dagster.example"])
    asyncio.run(guard(scope | ({"method": method} if kind == "http" else {}), receive, send))
    first = sent[0]
    if kind == "websocket":
        return Answer(101 if first["type"] == "websocket.accept" else first["code"], {}, "")
    named = {name.decode(): value.decode() for name, value in first["headers"]}
    return Answer(first["status"], named, b"".join(message.get("body", b"") for message in sent).decode())


@pytest.mark.parametrize("host", [HOST, "localhost:3000", "[::1]:3000", "dagster.EXAMPLE", "dagster.example:443"])
def test_a_request_with_the_cookie_under_a_known_name_passes(host: str):
    assert ask(host=host, cookie=f"other=1; {COOKIE}").status == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "evil.example:3000", "127.0.0.1@evil.example", "[", "::1"]
)
def test_a_website_that_lets_its_name_point_here_is_refused_even_with_the_cookie(host: str):
    assert ask(host=host, cookie=COOKIE).status == 421
    assert ask(f"/?token={TOKEN}", host=host).status == 421


@pytest.mark.parametrize(
    "cookie", ["", "emberline_3000=", "emberline_3000=wrong", "emberline_3001=a-token", "token=a-token", "\xe9;=\x01"]
)
@pytest.mark.parametrize("path", ["/", "/graphql", "/server_info", "/logs/run/compute.out", "/favicon.png"])
def test_nothing_is_shown_without_the_cookie(path: str, cookie: str):
    answer = ask(path, host=HOST, cookie=cookie)
    assert (answer.status, "emberline up" in answer.body) == (401, True)
    assert TOKEN not in str(answer)


def test_the_link_stores_the_token_where_no_script_and_no_other_site_gets_it_and_goes_on_without_it():
    answer = ask(f"/runs?a=1&token={TOKEN}&b=%26", host=HOST, sec_fetch_site="cross-site")
    cookie = SimpleCookie(answer.headers["set-cookie"])[f"emberline_{PORT}"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"], cookie["path"]) == (TOKEN, True, "strict", "/")
    assert 'content="0; url=/runs?a=1&amp;b=%26"' in answer.body
    assert TOKEN not in answer.body
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", '/"><script>'])
def test_the_link_leads_nowhere_else(path: str):
    body = ask(f"{path}?token={TOKEN}", host=HOST).body
    assert "url=//" not in body
    assert "url=/\\" not in body
    assert "<script>" not in body


@pytest.mark.parametrize("query", ["token=wrong", "token=", "tok=a-token"])
def test_another_token_is_refused(query: str):
    assert ask(f"/?{query}", host=HOST).status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_changes_something_comes_from_the_page_itself(method: str):
    assert ask("/graphql", method, host=HOST, cookie=COOKIE, origin=OURS).status == 200
    for origin in ("", "null", "http://127.0.0.1:9", "http://evil.example", f"{OURS}.evil.example"):
        assert ask("/graphql", method, host=HOST, cookie=COOKIE, origin=origin).status == 403


def test_a_change_by_get_comes_from_the_page_itself_too():
    assert ask("/graphql?query=mutation", host=HOST, cookie=COOKIE).status == 403
    assert ask("/graphql?query=mutation", host=HOST, cookie=COOKIE, origin=OURS).status == 200


def test_a_websocket_is_opened_by_the_page_itself_only():
    assert ask("/graphql", kind="websocket", host=HOST, cookie=COOKIE, origin=OURS).status == 101
    for wrong in ({"origin": ""}, {"origin": "http://127.0.0.1:9"}, {"cookie": ""}, {"host": "evil.example"}):
        headers = {"host": HOST, "cookie": COOKIE, "origin": OURS} | wrong
        assert ask("/graphql", kind="websocket", **headers).status == 1008


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_port_of_this_host_is_another_site(site: str):
    assert ask(host=HOST, cookie=COOKIE, sec_fetch_site=site).status == 401
    assert ask(host=HOST, cookie=COOKIE, sec_fetch_site="same-origin").status == 200
    assert ask(host=HOST, cookie=COOKIE, sec_fetch_site="none").status == 200
