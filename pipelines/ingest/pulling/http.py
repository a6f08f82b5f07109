"""HTTP requests of pulls: TLS is verified, answers are limited, redirects are not followed, secrets are not shown."""

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

# Both log addresses and headers of requests, which contain secrets.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class ApiUnreachable(EmberlineError):
    """There was no complete answer; a retry may succeed."""


class ApiBusy(EmberlineError):
    """The API is overloaded or failed; `after_s` is the wait it asks for, None if it gives none."""

    def __init__(self, cause: str, after_s: float | None) -> None:
        super().__init__(cause, "Try again later.")
        self.after_s = after_s


@dataclass(frozen=True)
class HttpLimits:
    """Limits on time and size of an answer.

    Attributes:
        connect_s: Until the connection is open.
        idle_s: Between two pieces of an answer, beyond the time the API may hold the request.
        whole_s: For the whole answer, beyond the time the API may hold the request.
        body_bytes: Size of the decompressed body.
    """

    connect_s: float = 10
    idle_s: float = 30
    whole_s: float = 120
    body_bytes: int = 64 * 1024 * 1024


class HttpApi:
    """An API at a base address, with one HTTP client."""

    def __init__(self, name: str, base: str, limits: HttpLimits | None = None) -> None:
        """Set it up without a request.

        Args:
            name: Its name in errors.
            base: Base address.
            limits: Limits on its answers.
        """
        self._name, self._limits = name, limits or HttpLimits()
        self._base = base.rstrip("/")
        self._client = httpx.Client(follow_redirects=False, headers={"user-agent": "emberline"})

    def __enter__(self) -> Self:
        """Open the client; its connections are closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, request: Request) -> Answer:
        """Make a request and read the whole answer.

        Raises:
            ApiUnreachable: There was no complete answer.
            RefusedByApi: It answers with a redirect.
            UnfitAnswer: The answer is larger than the limit.
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
            # The message may contain the address, so only the error's kind and the system's cause are shown.
            why = _cause(error)
            raise ApiUnreachable(
                f"{self._name} gave no complete answer to {request.call}: {why}.",
                "Check that the address is right and the API runs; the request is retried.",
                self._host,
            ) from None

    def _address(self, path: str) -> str:
        if not set(path) <= set(_PATH) or path.startswith("//") or ".." in path.split("/"):
            raise UnfitAnswer("The path of the next page is not allowed.")
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
                raise httpx.ReadTimeout("it was not complete in time")
            chunks.append(chunk)
        return b"".join(chunks)


def refuse_failure(name: str, request: Request, answer: Answer, after_s: float | None) -> None:
    """Raise the error for an unsuccessful status.

    Args:
        name: Name of the API in errors.
        request: The request.
        answer: Its answer.
        after_s: The wait that the body asks for, if any.

    Raises:
        ApiBusy: 408, 425, 429 or 5xx.
        RefusedByApi: Another status from 400 on that the puller did not handle.
    """
    status = answer.status
    if status < HTTPStatus.BAD_REQUEST:
        if not 200 <= status < 300:
            raise UnfitAnswer(f"{name} answers {request.call} with status {status}.")
        return
    shown = f"{name} answers {request.call} with {status}{_phrase(status)}"
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500:
        wait_s = retry_after_s(answer.headers, answer.now) if after_s is None else after_s
        raise ApiBusy(f"{shown}.", wait_s)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise RefusedByApi(f"{shown}.", "Check that the secret is right and has the right to read this.")
    raise RefusedByApi(f"{shown}.", "Check url and options.")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of `Retry-After`, given as seconds or a date; None if it is missing or unreadable."""
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
