"""What every wire does: a request and secrets in, verified bytes, an answer or a refusal out. No I/O, no clock.

A wire is one scheme by which a platform proves that a webhook is its own. It verifies the raw body, before anything is
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
"""A time stamp that is further from now than this is refused, unless a scheme has a bound of its own."""

_MAX_DIGITS: Final = 16

Reason = Literal["not_signed", "wrong_signature", "stale", "malformed"]
"""Why a request is refused: nothing to verify, wrong, too old or of the future, or nothing that can be read."""


@dataclass(frozen=True)
class Delivery:
    """A request as it came.

    Attributes:
        body: The raw bytes.
        headers: By lower-case name; values of a name that occurs several times are joined by a comma and a space.
        query: The parameters of the URL; of a name that occurs several times, the last.
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
    """What the platform is answered."""

    body: bytes = b""
    status: int = 200
    media_type: str = "text/plain"


OK: Final = Answer()
NO_CONTENT: Final = Answer(status=204)


@dataclass(frozen=True)
class Accepted:
    """A verified request.

    Attributes:
        value: What is produced: the raw body, or what was encrypted in it.
        headers: What is kept with the record: names of events and sequences, never secrets or signatures.
        answer: What the platform is answered once the record is safe.
    """

    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    answer: Answer = OK


@dataclass(frozen=True)
class Refused:
    """A request that did not prove itself; `detail` is for the log and holds nothing of the request."""

    reason: Reason
    detail: str


Outcome = Accepted | Answer | Refused
"""Produce it, answer it at once (a handshake), or refuse it."""

Check = Callable[[Delivery], Outcome]
"""A wire with its secrets."""


SECRET: Final = Part("secret", "what the platform signs with")


class Wire(ABC):
    """One scheme of signing, encryption and handshakes.

    Attributes:
        name: What the settings call it.
        parts: The secrets and options that it works with.
        answers_get: Whether an address is tested by a GET; without, a GET is refused.
    """

    name: str
    parts: tuple[Part, ...] = (SECRET,)
    answers_get: bool = False

    def open(self, parts: Mapping[str, str]) -> Check:
        """Prepare the check of requests with these secrets and options.

        Raises:
            WrongCredentials: One is missing, unknown or of another form.
        """
        check = self._check(given_parts(self._title, self.parts, parts))
        return check if self.answers_get else _posts_only(check)

    @abstractmethod
    def _check(self, parts: Mapping[str, str]) -> Check:
        """Prepare the check; the names of the parts have been looked at, none is empty."""

    def wrong(self, what: str) -> WrongCredentials:
        """Make the error about these credentials."""
        return wrong(self._title, self.parts, what)

    @property
    def _title(self) -> str:
        return f"Wire {self.name}"


def verify(checks: Sequence[Check], delivery: Delivery) -> Outcome:
    """Return what the first check that accepts says, else the first refusal; two checks let a secret be replaced."""
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
    """Compare in constant time; `compare_digest` alone fails on texts that are not ASCII."""
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def is_fresh(stamp: str, now: float, max_age_s: float = MAX_AGE_S, per_second: int = 1) -> bool:
    """Tell whether a time stamp in digits is near enough to now, on either side of it."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
        return False
    return abs(int(stamp) / per_second - now) <= max_age_s


def kept(headers: Mapping[str, str], names: Iterable[str]) -> tuple[tuple[str, bytes], ...]:
    """Return those of the named headers that came, as a record keeps them."""
    return tuple((name, _bytes(headers[name])) for name in names if name in headers)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
