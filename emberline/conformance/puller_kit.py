"""Checks a puller against an API that a function simulates, by laws that hold for every puller.

    from emberline.conformance import check_puller

    def server(request: Request) -> Answer: ...

    check_puller(PULLER, {"secret": "t0ken"}, server, CARRIERS["beacon"])

The function answers each request as the API would, always from the same data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlsplit

import polars as pl

from emberline.conformance.kit import Broken
from emberline.conformance.mutations import drawn
from pipelines.carriers import Carrier
from pipelines.carriers.pullers.base import (
    Answer,
    Api,
    Cursor,
    Moment,
    Page,
    Payload,
    Puller,
    RefusedByApi,
    Request,
    UnfitAnswer,
)
from pipelines.carriers.texts import Texts
from schemas.lake import HEADERS

Server = Callable[[Request], Answer]

_TEXTS: Final = Texts(b"conformance")
_NOW: Final = 1_800_000_000.0
_MOST_PAGES: Final = 10_000


@dataclass(frozen=True)
class Step:
    """One request of a round: the cursor before it, the request, its answer, and the resulting page."""

    cursor: Cursor
    request: Request
    answer: Answer
    page: Page


def check_puller(
    puller: Puller, parts: Mapping[str, str], server: Server, carrier: Carrier, mutations: int = 500, seed: int = 0
) -> list[Payload]:
    """Check a puller, and return the payloads of its first round.

    Args:
        puller: The puller.
        parts: Its secrets and options.
        server: Simulates the API.
        carrier: The carrier of its payloads.
        mutations: Number of randomly changed answers that it has to handle.
        seed: Seed of the random changes.

    Raises:
        Broken: A law does not hold; the first one is reported.
    """
    api = puller.open(parts, _TEXTS)
    steps = _round(puller.name, api, server, {})
    secrets = [parts[part.name] for part in puller.parts if part.is_secret and part.name in parts]
    for breach in (
        _addresses_of_its_own(steps),
        _cursors_that_json_changes(steps),
        _secrets_kept(steps, secrets),
        _answers_read_otherwise(steps, puller.open(parts, _TEXTS)),
    ):
        if breach:
            raise Broken(f"{puller.name}: {breach}")
    _goes_on_from_any_cursor(puller.name, api, server, steps)
    _payloads_are_decoded(puller.name, carrier, steps)
    _wrong_answers_are_taken(puller.name, api, steps, mutations, seed)
    return _payloads(steps)


def _round(name: str, api: Api, server: Server, cursor: Cursor) -> list[Step]:
    steps: list[Step] = []
    while len(steps) < _MOST_PAGES:
        request = api.request(cursor, Moment(_NOW))
        answer = replace(server(request), now=_NOW)
        page = api.refused(cursor, answer) if answer.status >= 400 else api.page(cursor, answer)
        if page is None:
            raise Broken(f"{name}: nothing is made of status {answer.status} to {request.call}")
        steps.append(Step(cursor, request, answer, page))
        if page.is_last:
            return steps
        if page.cursor == cursor:
            raise Broken(f"{name}, after {request.call}: it is not the last page, and the cursor is the same")
        cursor = page.cursor
    raise Broken(f"{name}: a round has no end after {_MOST_PAGES:,} pages")


def _payloads(steps: Sequence[Step]) -> list[Payload]:
    return [payload for step in steps for payload in step.page.payloads]


def _addresses_of_its_own(steps: Sequence[Step]) -> str | None:
    """Every request stays below the base address."""
    for step in steps:
        found = urlsplit(step.request.path)
        if found.scheme or found.netloc or ".." in step.request.path.split("/"):
            return f"{step.request.call} has the path {step.request.path!r}"
    return None


def _cursors_that_json_changes(steps: Sequence[Step]) -> str | None:
    """A cursor survives a round trip through JSON."""
    for step in steps:
        if json.loads(json.dumps(step.page.cursor)) != step.page.cursor:
            return f"{step.page.cursor!r} is another one when it was written and read"
    return None


def _secrets_kept(steps: Sequence[Step], secrets: Sequence[str]) -> str | None:
    """No secret is in a cursor, in a payload, or in the displayed part of a request."""
    for step in steps:
        kept = [payload.value.decode(errors="replace") for payload in step.page.payloads]
        shown = " ".join([json.dumps(step.page.cursor), repr(step.request), *kept])
        if any(one in shown or quote(one) in shown for one in secrets):
            return f"a secret is kept or shown after {step.request.call}"
    return None


def _answers_read_otherwise(steps: Sequence[Step], again: Api) -> str | None:
    """The same cursor and answer give the same request and page, regardless of what was read before."""
    for step in reversed(steps):
        if step.answer.status < 400 and again.page(step.cursor, step.answer) != step.page:
            return f"the answer to {step.request.call} gives another page when it is read again"
        if again.request(step.cursor, Moment(_NOW)) != step.request:
            return f"{step.request.call} is another request when it is made again"
    return None


def _goes_on_from_any_cursor(name: str, api: Api, server: Server, steps: Sequence[Step]) -> None:
    """A process that ends after any page and is started again sends the same payloads as one that does not end."""
    for number, step in enumerate(steps[:-1]):
        rest = _payloads(_round(name, api, server, json.loads(json.dumps(step.page.cursor))))
        if rest != _payloads(steps[number + 1 :]):
            raise Broken(f"{name}: what follows page {number + 1} is something else when it goes on from there")


def _payloads_are_decoded(name: str, carrier: Carrier, steps: Sequence[Step]) -> None:
    """The carrier rejects none of the payloads, with texts or with measures instead."""
    payloads = _payloads(steps)
    headers = pl.Series(
        [[{"key": key, "value": value} for key, value in payload.headers] for payload in payloads], dtype=HEADERS
    )
    values = [payload.value for payload in payloads]
    for written in (values, carrier.measured(values, _TEXTS)):
        rejected = carrier.decode(written, headers).rejected
        if not rejected.is_empty():
            raise Broken(f"{name}: its carrier rejects {rejected.row(0, named=True)}")


def _wrong_answers_are_taken(name: str, api: Api, steps: Sequence[Step], wanted: int, seed: int) -> None:
    """A changed answer gives a page, or one of the errors of the interface, and no other."""
    bodies = [step.answer.body for step in steps]
    for place, body in drawn(bodies, wanted, seed):
        step = steps[place]
        for status in (step.answer.status, 400):
            try:
                _taken(api, step.cursor, replace(step.answer, body=body, status=status))
            except (UnfitAnswer, RefusedByApi):
                continue
            except Exception as error:
                shown = f"an answer to {step.request.call}: {body[:500]!r}"
                raise Broken(f"{name}: {type(error).__name__} of {shown}") from error


def _taken(api: Api, cursor: Cursor, answer: Answer) -> Any:
    api.retry_after_s(answer)
    page = api.refused(cursor, answer) if answer.status >= 400 else api.page(cursor, answer)
    if page is not None:
        json.dumps(page.cursor)
        api.request(page.cursor, Moment(_NOW))
