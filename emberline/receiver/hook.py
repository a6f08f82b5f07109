"""One route: reads a request within limits, verifies it, and answers once its record is in Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emberline.json_log import Log
from emberline.receiver.metrics import Metrics
from emberline.receiver.rate import Rate
from pipelines.carriers.wires.base import Accepted, Answer, Check, Delivery, Refused, verify
from pipelines.ingest.acknowledged import AcknowledgedSender, Lane, NotPrepared, NotTaken, TooLarge

_MAX_QUERY_FIELDS: Final = 100
_RETRY_AFTER_S: Final = 5
_CLOSE: Final = {"connection": "close"}
"""What is left of a body that was not read is not waited for."""


@dataclass(frozen=True)
class Route:
    """A route, ready to verify.

    Attributes:
        name: Its name in the settings.
        path: Path of its URL.
        checks: Its wire, which authenticates requests: one for each valid secret.
        lane: The topic of its records, and the conversion of values.
        per_second: Most deliveries per second.
    """

    name: str
    path: str
    checks: Sequence[Check]
    lane: Lane
    per_second: int


@dataclass(frozen=True)
class Reading:
    """Limits of a body: bytes, and seconds until it is complete."""

    bytes: int
    seconds: float


class _Gone(Exception):
    """The client closed the connection before the request was complete."""


@dataclass(frozen=True)
class _Reply:
    """An answer, and how it is counted; `detail` is for the log."""

    outcome: str
    answer: Answer
    detail: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    size: int = 0


class Hook:
    """The ASGI application of a route."""

    def __init__(
        self,
        route: Route,
        reading: Reading,
        sender: AcknowledgedSender,
        metrics: Metrics,
        log: Log,
    ) -> None:
        """Set the route up."""
        self._route, self._reading, self._sender = route, reading, sender
        self._metrics, self._log = metrics, log
        self._rate = Rate(route.per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        started, name = time.monotonic(), self._route.name
        try:
            reply = await self._reply(scope, receive)
        except _Gone:
            self._metrics.count(name, "gone")
            return
        if reply.outcome == "accepted":
            self._metrics.accepted(name, reply.size, time.monotonic() - started)
        else:
            self._metrics.count(name, reply.outcome)
            self._log.write(reply.outcome, route=name, detail=reply.detail)
        answer = reply.answer
        headers = {"x-content-type-options": "nosniff", **dict(reply.headers)}
        await Response(answer.body, answer.status, headers, answer.media_type)(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive) -> _Reply:
        if scope["method"] not in {"GET", "POST"}:
            allowed = (("allow", "GET, POST"),)
            return _Reply("malformed", Answer(status=405), "another method than GET and POST", allowed)
        headers = _headers(scope)
        if headers.get("content-encoding", "identity") != "identity":
            return _closing("malformed", 415, "the body is compressed")
        try:
            async with asyncio.timeout(self._reading.seconds):
                body = await _body(receive, headers, self._reading.bytes)
        except TimeoutError:
            return _closing("slow", 408, "the body was not whole in time")
        if body is None:
            return _closing("oversized", 413, f"the body is larger than {self._reading.bytes} bytes")
        try:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"), True, max_num_fields=_MAX_QUERY_FIELDS))
        except ValueError:
            return _Reply("malformed", Answer(status=400), "too many fields in the URL")
        outcome = verify(self._route.checks, Delivery(body, headers, time.time(), query, scope["method"]))
        match outcome:
            case Refused(reason, detail):
                # One answer for all: who may not send need not know what was wrong.
                return _Reply(reason, Answer(b"refused", 401), detail)
            case Answer():
                return _Reply("handshake", outcome)
            case Accepted():
                return await self._produced(outcome)

    async def _produced(self, accepted: Accepted) -> _Reply:
        if not self._rate.takes(time.monotonic()):
            return _later("too_many", 429, 1, f"more than {self._route.per_second} a second")
        try:
            await self._sender.send(self._route.lane, accepted.value, accepted.headers)
        except NotTaken as error:
            return _later("unavailable", 503, _RETRY_AFTER_S, error.cause)
        except TooLarge as error:
            return _Reply("oversized", Answer(status=413), error.cause)
        except NotPrepared as error:
            return _Reply("defect", Answer(status=500), error.cause)
        return _Reply("accepted", accepted.answer, size=len(accepted.value))


def _closing(outcome: str, status: int, detail: str) -> _Reply:
    return _Reply(outcome, Answer(status=status), detail, tuple(_CLOSE.items()))


def _later(outcome: str, status: int, seconds: int, detail: str) -> _Reply:
    return _Reply(outcome, Answer(status=status), detail, (("retry-after", str(seconds)),))


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _body(receive: Receive, headers: dict[str, str], most: int) -> bytes | None:
    """Read the body; None if it is larger than `most` bytes."""
    with suppress(ValueError):
        if int(headers.get("content-length", "0")) > most:
            return None
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
