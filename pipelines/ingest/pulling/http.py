"""Requests of pulls over HTTP: TLS is verified, answers are bounded, no redirect is followed, no secret is shown."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from pipelines.carriers.pullers.base import Answer, RefusedByApi, Request, UnfitAnswer
from schemas.errors import EmberlineError

_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
_PATH: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:@!$&'()*+,;=%"

# Both write addresses and headers of requests, which hold secrets.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class ApiUnreachable(EmberlineError):
    """No whole answer came; the same request may get one later."""


class ApiBusy(EmberlineError):
    """The API takes no request now, or failed; `after_s` is for how long it said, None where it did not."""

    def __init__(self, cause: str, after_s: float | None) -> None:
        super().__init__(cause, "Try again later.")
        self.after_s = after_s


@dataclass(frozen=True)
class HttpLimits:
    """How long an answer may take, and how large it may be.

    Attributes:
        connect_s: Until the connection is there.
        idle_s: Between two pieces of an answer, beyond what the API may wait.
        whole_s: Until all of it is there, beyond what the API may wait.
        body_bytes: Of the body, unpacked.
    """

    connect_s: float = 10
    idle_s: float = 30
    whole_s: float = 120
    body_bytes: int = 64 * 1024 * 1024


class HttpApi:
    """An API at its base address, over one client."""

    def __init__(self, name: str, base: str, limits: HttpLimits | None = None) -> None:
        """Describe it.

        Args:
            name: what errors call it.
            base: its address.
            limits: of its answers.
        """
        self._name, self._limits = name, limits or HttpLimits()
        self._base = base.rstrip("/")
        self._client = httpx.Client(follow_redirects=False, headers={"user-agent": "emberline"})

    def __enter__(self) -> Self:
        """Begin; at the end its connections are closed."""
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, request: Request) -> Answer:
        """Ask, and read the whole answer.

        Raises:
            ApiUnreachable: see there.
            RefusedByApi: It answers with a redirect.
            UnfitAnswer: It is larger than the limit.
        """
        body: dict[str, Any] = {}
        if request.json is not None:
            body["json"] = request.json
        if request.form is not None:
            body["data"] = dict(request.form)
        limits = self._limits
        timeout = httpx.Timeout(limits.idle_s + request.wait_s, connect=limits.connect_s)
        try:
            with self._client.stream(
                request.method,
                self._address(request.path),
                params=dict(request.query) or None,
                headers=dict(request.headers),
                timeout=timeout,
                **body,
            ) as answer:
                self._refuse_redirect(request, answer)
                content = self._body(request, answer, time.monotonic() + limits.whole_s + request.wait_s)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status_code, headers, content, time.time())
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            # What it says may hold the address; which kind it is says enough. What lies behind it is the system's word.
            why = _cause(error)
            raise ApiUnreachable(
                f"{self._name} gave no whole answer to {request.call}: {why}.",
                "See that the address is right and the API runs; it is tried again.",
                self._host,
            ) from None

    def _address(self, path: str) -> str:
        if not set(path) <= set(_PATH) or path.startswith("//") or ".." in path.split("/"):
            raise UnfitAnswer("The next page has a path that no request is sent to.")
        return f"{self._base}/{path.lstrip('/')}"

    @property
    def _host(self) -> str:
        return urlsplit(self._base).hostname or self._base

    def _refuse_redirect(self, request: Request, answer: httpx.Response) -> None:
        if answer.is_redirect:
            host = urlsplit(answer.headers.get("location", "")).hostname or self._host
            raise RefusedByApi(
                f"{self._name} answers {request.call} with a redirect to {host}, which is not followed.",
                "Set url to the address that it is at now.",
                self._host,
            )

    def _body(self, request: Request, answer: httpx.Response, deadline: float) -> bytes:
        chunks, size = [], 0
        for chunk in answer.iter_bytes():
            size += len(chunk)
            if size > self._limits.body_bytes:
                raise UnfitAnswer(f"The answer to {request.call} is larger than {self._limits.body_bytes:,} bytes.")
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("it was not whole in time")
            chunks.append(chunk)
        return b"".join(chunks)


def refuse_failure(name: str, request: Request, answer: Answer, after_s: float | None) -> None:
    """Raise the error that a status which is no success stands for.

    Args:
        name: what errors call the API.
        request: that was answered.
        answer: to it.
        after_s: when the API says that it takes requests again, where that stands in the body.

    Raises:
        ApiBusy: 408, 425, 429 or 5xx.
        RefusedByApi: another one from 400 on, after the puller had a look at it.
    """
    status = answer.status
    if status < HTTPStatus.BAD_REQUEST:
        if not 200 <= status < 300:
            raise UnfitAnswer(f"{name} answers {request.call} with status {status}.")
        return
    shown = f"{name} answers {request.call} with {status}{_phrase(status)}"
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500:
        told = retry_after_s(answer.headers, answer.now) if after_s is None else after_s
        raise ApiBusy(f"{shown}.", told)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise RefusedByApi(f"{shown}.", "See that the secret is right, and may read what is asked for.")
    raise RefusedByApi(f"{shown}.", "See that url and options are right.")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Read `Retry-After`: seconds, or a date; None where there is none that can be read."""
    given = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(given):
        return float(given)
    try:
        return max(parsedate_to_datetime(given).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _cause(error: Exception) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.TimeoutException():
            return "it took too long"
        case httpx.ConnectError() | httpx.ReadError() | httpx.RemoteProtocolError() | httpx.DecodingError():
            return str(error) or type(error).__name__
        case _:
            return type(error).__name__
