"""Interface of wires: from a request and secrets to verified bytes, an answer or a refusal. No I/O, no clock.

A wire is one scheme by which a platform authenticates its webhooks. It verifies the raw body, before anything is
parsed, and compares in constant time.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pipelines.carriers.parts import Part, WrongCredentials, given_parts, wrong

MAX_AGE_S: Final = 300
"""Default for the largest difference of a time stamp from now, in seconds."""

_MAX_DIGITS: Final = 16

Reason = Literal["not_signed", "wrong_signature", "stale", "malformed"]
"""Why a request is refused: no signature, a wrong one, a time stamp too old or in the future, or an unreadable body."""


@dataclass(frozen=True)
class Delivery:
    """A received request.

    Attributes:
        body: The raw bytes.
        headers: By lower-case name; repeated headers are joined by a comma and a space.
        query: The parameters of the URL; the last one of repeated names.
        method: `GET` or `POST`.
        now: Seconds since 1970, UTC.
    """

    body: bytes
    headers: Mapping[str, str]
    now: float
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True)
class Answer:
    """An answer to the platform."""

    body: bytes = b""
    status: int = 200
    media_type: str = "text/plain"


OK: Final = Answer()
NO_CONTENT: Final = Answer(status=204)


@dataclass(frozen=True)
class Accepted:
    """A verified request.

    Attributes:
        value: The value to produce: the raw body, or its decrypted content.
        headers: Headers to keep with the record: names of events and sequences, never secrets or signatures.
        answer: The answer to the platform once Kafka has acknowledged the record.
    """

    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    answer: Answer = OK


@dataclass(frozen=True)
class Refused:
    """A refused request; `detail` is for the log and contains nothing of the request."""

    reason: Reason
    detail: str


Outcome = Accepted | Answer | Refused
"""Produce the value, answer at once (a handshake), or refuse."""

Check = Callable[[Delivery], Outcome]
"""A wire with its secrets: checks a request."""


SECRET: Final = Part("secret", "what the platform signs with")


class Wire(ABC):
    """One scheme of signing, encryption and handshakes.

    Attributes:
        name: Its name in the settings.
        parts: Its secrets and options.
        answers_get: Whether the platform tests an address by a GET; if not, a GET is refused.
    """

    name: str
    parts: tuple[Part, ...] = (SECRET,)
    answers_get: bool = False

    def open(self, parts: Mapping[str, str]) -> Check:
        """Return the check of requests with these secrets and options.

        Raises:
            WrongCredentials: One is missing, unknown or malformed.
        """
        check = self._check(given_parts(self._title, self.parts, parts))
        return check if self.answers_get else _posts_only(check)

    @abstractmethod
    def _check(self, parts: Mapping[str, str]) -> Check:
        """Return the check; names of the parts are valid and none is empty."""

    def wrong(self, what: str) -> WrongCredentials:
        """Return the error for wrong secrets or options."""
        return wrong(self._title, self.parts, what)

    @property
    def _title(self) -> str:
        return f"Wire {self.name}"


def verify(checks: Sequence[Check], delivery: Delivery) -> Outcome:
    """Return the result of the first check that accepts, else the first refusal; two checks allow secret rotation."""
    refusal = None
    for check in checks:
        outcome = check(delivery)
        if not isinstance(outcome, Refused):
            return outcome
        refusal = refusal or outcome
    return refusal or Refused("not_signed", "there is no secret to verify it with")


def _posts_only(check: Check) -> Check:
    return lambda delivery: check(delivery) if delivery.method == "POST" else Refused("not_signed", "a GET is no event")


def is_same(given: str | bytes, expected: str | bytes) -> bool:
    """Compare in constant time; unlike `compare_digest`, also texts that are not ASCII."""
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def is_fresh(stamp: str, now: float, max_age_s: float = MAX_AGE_S, per_second: int = 1) -> bool:
    """Whether a time stamp in digits is close enough to now, before or after it."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
        return False
    return abs(int(stamp) / per_second - now) <= max_age_s


def kept(headers: Mapping[str, str], names: Iterable[str]) -> tuple[tuple[str, bytes], ...]:
    """Return the named headers that exist, as headers of a record."""
    return tuple((name, _bytes(headers[name])) for name in names if name in headers)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
