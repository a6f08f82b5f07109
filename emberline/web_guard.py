"""Who may see Dagster's page: an ASGI application around it that asks for a token and looks where a request comes from.

The page wipes tables and starts runs, and Dagster has no login. Other users of the machine reach its port, and so does
every website in a browser of this one: by requests from its pages, or by a name of its own that it lets point here.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN: Final = "token"  # noqa: S105 - the name of a parameter
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_READS: Final = frozenset({"GET", "HEAD"})
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
"""Another port is another site to us, and the same to a browser: it may be another user's."""
_SAFE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class WebGuard:
    """Lets requests through to `app` that come under a known name, with the token, and from the page itself.

    A link with `?token=...` stores the token in a cookie and goes on to the page; only the cookie counts from then on.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int, hosts: Collection[str] = ()) -> None:
        """Guard an application.

        Args:
            app: What is behind.
            token: What the link has.
            port: Where it listens: browsers send cookies to all ports of a host, so it is part of the cookie's name.
            hosts: Names under which it is reached, beside those of the loopback interface.
        """
        self._app = app
        self._token = token
        self._cookie = f"emberline_{port}"
        self._hosts = _LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what is answered in place of the application; None where the request may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            text = "This server does not answer to that name. Where it should: dagster.hosts in emberline.toml.\n"
            return PlainTextResponse(text, 421, _SAFE)
        if scope["type"] == "http" and scope["method"] == "GET" and (landing := self._landing(scope)):
            return landing
        if not self._has_cookie(headers) or headers.get("sec-fetch-site") in _ELSEWHERE:
            text = "Open the link that `emberline up` and `emberline status --secrets` print.\n"
            return PlainTextResponse(text, 401, _SAFE)
        if _changes_something(scope) and urlsplit(headers.get("origin", "")).netloc.lower() != host.lower():
            return PlainTextResponse("This does not come from Dagster's page.\n", 403, _SAFE)
        return None

    def _landing(self, scope: Scope) -> Response | None:
        """Return the page that a link with the token leads to; None where there is none, or not the right one.

        It is a page and not a redirection: on that, a browser that comes from another site sends no strict cookie.
        """
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(self._is_token(value) for name, value in query if name == TOKEN):
            return None
        rest = urlencode([(name, value) for name, value in query if name != TOKEN])
        # Two slashes at the beginning would be the name of another host.
        target = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
        refresh = f'<meta http-equiv="refresh" content="0; url={html.escape(target)}">'
        page = HTMLResponse(f"<!doctype html><title>Dagster</title>{refresh}", headers=_SAFE)
        page.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return page

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie("; ".join(headers.getlist("cookie")))
        except CookieError:
            return False
        return self._cookie in cookies and self._is_token(cookies[self._cookie].value)

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._token.encode())


def _name(host: str) -> str:
    """Return the name in a `Host` header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _changes_something(scope: Scope) -> bool:
    """Tell whether a request may do more than read; Dagster takes GraphQL by GET, too."""
    is_graphql = scope["path"].rstrip("/").endswith("/graphql") and bool(scope["query_string"])
    return scope["type"] == "websocket" or scope["method"] not in _READS or is_graphql
