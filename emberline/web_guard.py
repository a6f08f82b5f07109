"""Access control of Dagster's page: an ASGI wrapper that requires a token and checks the origin of requests.

The page can wipe tables and start runs, and Dagster has no login. Other users of the machine can reach its port, and so
can websites in a browser on it: by cross-site requests, or by DNS rebinding.
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
"""Origins that must not change anything; `same-site` includes other ports, which may be another user's."""
_SAFE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class WebGuard:
    """Forwards requests to `app` if host name, token and origin are valid.

    A link with `?token=...` stores the token in a cookie and leads to the page; from then on only the cookie counts.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int, hosts: Collection[str] = ()) -> None:
        """Wrap an application.

        Args:
            app: The application.
            token: The token in the link.
            port: Its port, which is part of the cookie's name, since browsers send cookies to all ports of a host.
            hosts: Its host names, beside those of the loopback interface.
        """
        self._app = app
        self._token = token
        self._cookie = f"emberline_{port}"
        self._hosts = _LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or forward it."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the refusal of a request; None if it is allowed."""
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
        """Return the page that stores the token of a link; None if the request has no valid token.

        It is a page and not a redirect: on a redirect from another site, browsers send no strict cookie.
        """
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(self._is_token(value) for name, value in query if name == TOKEN):
            return None
        rest = urlencode([(name, value) for name, value in query if name != TOKEN])
        # Two slashes at the start would name another host.
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
    """Return the name in a `Host` header, without its port; empty if it is invalid."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _changes_something(scope: Scope) -> bool:
    """Whether a request may change something; Dagster accepts GraphQL by GET too."""
    is_graphql = scope["path"].rstrip("/").endswith("/graphql") and bool(scope["query_string"])
    return scope["type"] == "websocket" or scope["method"] not in _READS or is_graphql
