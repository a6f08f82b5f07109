"""Interface of pullers: the next request to an API, and the payloads of an answer. No I/O, no clock.

A puller with its secrets and options is an `Api`. It makes the next request from the cursor, and payloads for a carrier
and the next cursor from the answer. The caller commits both in one transaction, so that the cursor always matches what
is in Kafka.

A cursor is a flat mapping of names to JSON values. Each name is stored separately, so that a source of many groups has
one name per group and a page writes only what it changed.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, TypeVar

import msgspec

from pipelines.carriers.base import JSON_ERRORS
from pipelines.carriers.parts import Part, WrongCredentials, given_parts, wrong
from pipelines.carriers.texts import Texts
from schemas.errors import EmberlineError

Cursor = Mapping[str, Any]
"""How far an API was read: names and JSON values. Empty: nothing was read."""

Headers = tuple[tuple[str, bytes], ...]

SECRET: Final = Part("secret", "the API's token")
SINCE: Final = Part(
    "since", "first day of the history to read, such as 2026-01-01; by default all of it", is_secret=False,
    is_required=False,
)  # fmt: skip

T = TypeVar("T")


class UnfitAnswer(EmberlineError):
    """An answer does not match the API's documentation or reports a failure. A retry may succeed."""

    def __init__(
        self, cause: str, next_step: str = "Try again; if the error persists, the API may be of another version."
    ) -> None:
        super().__init__(cause, next_step)


class RefusedByApi(EmberlineError):
    """The API refuses the request until somebody changes something."""


@dataclass(frozen=True)
class Moment:
    """When a request is made.

    Attributes:
        now: Seconds since 1970, UTC.
        wait_s: How long the API may hold the request until there is something; 0: it answers at once.
    """

    now: float
    wait_s: float = 0


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        call: Its display name without secrets, the only part of a request that is shown.
        path: Path below the base address; never a whole address, so that no answer can lead to another host.
        query: Its parameters.
        headers: Its headers, including secrets.
        json: The body as JSON; None: no body.
        form: The body as a form; None: no body.
        method: GET or POST.
        wait_s: How long the API may hold it, beyond the time of an answer.
    """

    call: str
    path: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: object = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    method: Literal["GET", "POST"] = "GET"
    wait_s: float = 0


@dataclass(frozen=True)
class Answer:
    """An answer of the API: status, headers by lower-case name, the whole body, and the time of arrival."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    now: float = 0

    def read(self, kind: type[T]) -> T:
        """Read the body as JSON of this type; unknown fields are ignored.

        Raises:
            UnfitAnswer: It is not JSON of this type.
        """
        return read_json(self.body, kind)


def read_json(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Read an answer, or a part of one, as JSON of this type.

    Raises:
        UnfitAnswer: It is not JSON of this type.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except JSON_ERRORS as error:
        what = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        raise UnfitAnswer(f"The answer does not match the API's documentation: {what}.") from None


@dataclass(frozen=True)
class Payload:
    """A payload for the carrier, with the headers of its record."""

    value: bytes
    headers: Headers = ()


@dataclass(frozen=True)
class Page:
    """The content of an answer.

    Attributes:
        payloads: The payloads, in the order to send them.
        cursor: The whole next cursor.
        is_last: Whether everything was read; else the next request follows at once, with another cursor.
        skipped: Number of skipped items by reason.
        gap: A sentence on data that is no longer available; None if nothing was lost.
    """

    payloads: tuple[Payload, ...]
    cursor: Cursor
    is_last: bool
    skipped: Counter[str] = field(default_factory=Counter)
    gap: str | None = None


class Api(ABC):
    """An API with its secrets and options. It is stateless: the same cursor and answer give the same page."""

    @abstractmethod
    def request(self, cursor: Cursor, moment: Moment) -> Request:
        """Return the next request."""

    @abstractmethod
    def page(self, cursor: Cursor, answer: Answer) -> Page:
        """Read the answer to `request(cursor)`, whose status is 2xx.

        Raises:
            UnfitAnswer: The answer does not match the API's documentation, or reports a failure.
            RefusedByApi: The API refuses the request.
        """

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:  # noqa: ARG002
        """Handle an answer of status 4xx, such as an expired cursor; None: it is an error.

        Raises:
            RefusedByApi: The answer says what must be changed.
        """
        return None

    def retry_after_s(self, answer: Answer) -> float | None:  # noqa: ARG002
        """Return the seconds to wait that the body asks for; None: see the headers."""
        return None


class Puller(ABC):
    """One kind of API.

    Attributes:
        name: Its name in the settings.
        title: Its display name.
        carrier: The carrier of its payloads.
        url: Base address; None if each installation has its own.
        parts: Its secrets and options.
        interval_s: Default seconds from the last page to the next round.
        is_held: Whether the API holds a request until there is something (long polling), so that rounds need no pause.
        limits: Sentences on what it cannot read.
        origin: Where its formats are from: a source that was read, or memory.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    carrier: ClassVar[str]
    url: ClassVar[str | None] = None
    parts: ClassVar[tuple[Part, ...]] = (SECRET,)
    interval_s: ClassVar[float] = 60
    is_held: ClassVar[bool] = False
    limits: ClassVar[tuple[str, ...]] = ()
    origin: ClassVar[Literal["documented", "remembered"]] = "remembered"

    def open(self, parts: Mapping[str, str], texts: Texts) -> Api:
        """Return the API with these secrets and options.

        Args:
            parts: Secrets and options by name.
            texts: Creates ids that an API lacks, stable for a company.

        Raises:
            WrongCredentials: One is missing, unknown or malformed.
        """
        return self._api(given_parts(self._title, self.parts, parts), texts)

    @abstractmethod
    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:
        """Return the API; names of the parts are valid and none is empty."""

    def wrong(self, what: str) -> WrongCredentials:
        """Return the error for wrong secrets or options."""
        return wrong(self._title, self.parts, what)

    def since(self, parts: Mapping[str, str]) -> int:
        """Return the part `since` in seconds since 1970, UTC; 0 if it is not given."""
        if "since" not in parts:
            return 0
        try:
            day = dt.date.fromisoformat(parts["since"])
        except ValueError:
            raise self.wrong("has a since that is not a day such as 2026-01-01") from None
        return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())

    def number(self, parts: Mapping[str, str], name: str, default: int, most: int) -> int:
        """Return a part that is a whole number from 0 to `most`."""
        given = parts.get(name, str(default))
        if not (given.isascii() and given.isdigit() and int(given) <= most):
            raise self.wrong(f"has a {name} that is not a whole number from 0 to {most:,}")
        return int(given)

    @property
    def _title(self) -> str:
        return f"Puller {self.name}"


def encoded(value: object, headers: Headers = ()) -> Payload:
    """Encode an object as a payload."""
    return Payload(msgspec.json.encode(value), headers)
