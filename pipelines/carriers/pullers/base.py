"""What every puller does: it says what to ask an API next, and what an answer brings. No I/O, no clock.

A puller with its secrets and options is an `Api`. From the cursor it makes the next request; of the answer it makes
payloads, which a carrier decodes, and the next cursor. Whoever runs it commits both in one transaction, so that a
cursor never says more, or less, than what is in Kafka.

A cursor is a flat mapping of names to JSON values. Each name is stored by itself, so that a source of many groups keeps
one name a group and a page writes only what it changed.
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
"""How far an API was read: names and JSON values. Empty: nothing was."""

Headers = tuple[tuple[str, bytes], ...]

SECRET: Final = Part("secret", "the API's token")
SINCE: Final = Part(
    "since", "day from which the past is brought, such as 2026-01-01; all of it otherwise", is_secret=False,
    is_required=False,
)  # fmt: skip

T = TypeVar("T")


class UnfitAnswer(EmberlineError):
    """An answer is not what its API says, or says that it failed. The same request may get another one."""

    def __init__(
        self, cause: str, next_step: str = "Try again; if it stays, the API may be of another version."
    ) -> None:
        super().__init__(cause, next_step)


class RefusedByApi(EmberlineError):
    """The API does not do what was asked, and will not until somebody changes something."""


@dataclass(frozen=True)
class Moment:
    """When a request is made.

    Attributes:
        now: Seconds since 1970, UTC.
        wait_s: For how long the API may keep the request until there is something; 0: it answers at once.
    """

    now: float
    wait_s: float = 0


@dataclass(frozen=True)
class Request:
    """What to ask.

    Attributes:
        call: What people call it, without secrets: all that is ever shown of a request.
        path: Below the base address; never a whole address, so that no answer leads to another host.
        query: Its parameters.
        headers: Of this request, secrets among them.
        json: The body as JSON; None: no body.
        form: The body as a form; None: no body.
        method: GET or POST.
        wait_s: For how long the API may keep it, beyond the time that an answer takes.
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
    """What the API answered: status, headers by lower-case name, the whole body, and when it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    now: float = 0

    def read(self, kind: type[T]) -> T:
        """Read the body as JSON of this type; fields that it does not name are passed over.

        Raises:
            UnfitAnswer: It is no such JSON.
        """
        return read_json(self.body, kind)


def read_json(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Read an answer, or a part of one, as JSON of this type.

    Raises:
        UnfitAnswer: It is no such JSON.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except JSON_ERRORS as error:
        what = str(error) if isinstance(error, msgspec.ValidationError) else "it is no JSON"
        raise UnfitAnswer(f"The answer is not what the API says: {what}.") from None


@dataclass(frozen=True)
class Payload:
    """One payload for the carrier, and the headers of its record."""

    value: bytes
    headers: Headers = ()


@dataclass(frozen=True)
class Page:
    """What an answer brings.

    Attributes:
        payloads: In the order in which they are produced.
        cursor: The whole next one.
        is_last: Whether all there is has been read; else the next request follows at once, and has another cursor.
        skipped: How many items were left out, by reason.
        gap: What can no longer be had, as a sentence; None where nothing was lost.
    """

    payloads: tuple[Payload, ...]
    cursor: Cursor
    is_last: bool
    skipped: Counter[str] = field(default_factory=Counter)
    gap: str | None = None


class Api(ABC):
    """An API with its secrets and options. It keeps nothing: the same cursor and answer give the same page."""

    @abstractmethod
    def request(self, cursor: Cursor, moment: Moment) -> Request:
        """Say what to ask next."""

    @abstractmethod
    def page(self, cursor: Cursor, answer: Answer) -> Page:
        """Read the answer to `request(cursor)`, whose status is 2xx.

        Raises:
            UnfitAnswer: see there.
            RefusedByApi: see there.
        """

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:  # noqa: ARG002
        """Read an answer of status 4xx, such as that a cursor is no longer known; None: it is an error as it stands.

        Raises:
            RefusedByApi: The answer says what has to be changed.
        """
        return None

    def retry_after_s(self, answer: Answer) -> float | None:  # noqa: ARG002
        """Say after how long the API takes requests again, where it stands in the body; None: see the headers."""
        return None


class Puller(ABC):
    """One kind of API.

    Attributes:
        name: What the settings call it.
        title: What people call it.
        carrier: Decodes its payloads.
        url: Base address; None where each has an address of its own.
        parts: The secrets and options that it works with.
        interval_s: Seconds from the last page to the next round, where the settings give none.
        is_held: Whether the API keeps a request until there is something, so that rounds need no pause.
        limits: Sentences: what it cannot bring.
        origin: Whether its shapes were read in a source, or are as remembered.
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
        """Make the API with these secrets and options.

        Args:
            parts: by their names.
            texts: makes identities that an API lacks; the same company, the same identities.

        Raises:
            WrongCredentials: One is missing, unknown or of another form.
        """
        return self._api(given_parts(self._title, self.parts, parts), texts)

    @abstractmethod
    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:
        """Make it; the names of the parts have been looked at, none is empty."""

    def wrong(self, what: str) -> WrongCredentials:
        """Make the error about these secrets and options."""
        return wrong(self._title, self.parts, what)

    def since(self, parts: Mapping[str, str]) -> int:
        """Return the part `since` in seconds since 1970, UTC; 0 where it is not given."""
        if "since" not in parts:
            return 0
        try:
            day = dt.date.fromisoformat(parts["since"])
        except ValueError:
            raise self.wrong("has a since that is no day, such as 2026-01-01") from None
        return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())

    def number(self, parts: Mapping[str, str], name: str, default: int, most: int) -> int:
        """Return a part that is a whole number from 0 to `most`."""
        given = parts.get(name, str(default))
        if not (given.isascii() and given.isdigit() and int(given) <= most):
            raise self.wrong(f"has a {name} that is no whole number from 0 to {most:,}")
        return int(given)

    @property
    def _title(self) -> str:
        return f"Puller {self.name}"


def encoded(value: object, headers: Headers = ()) -> Payload:
    """Make a payload of an object."""
    return Payload(msgspec.json.encode(value), headers)
