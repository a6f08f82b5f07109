"""Events of Stripe, by its list of events, which has the last 30 days.

The cursor: `last` is the newest event that was read. In the first round, older pages are read: `top` is the event at
the head of the list at the start, `below` the last one read.

Events may become visible slightly out of order. So `last` stays a minute behind, and newer events are read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from pipelines.carriers.parts import Part
from pipelines.carriers.pullers.base import (
    SINCE,
    Answer,
    Api,
    Cursor,
    Moment,
    Page,
    Payload,
    Puller,
    Request,
    UnfitAnswer,
    read_json,
)
from pipelines.carriers.texts import Texts

_PAGE: Final = 100
_SETTLED_S: Final = 60
_KINDS: Final = (
    "checkout.session.completed", "checkout.session.async_payment_succeeded", "payment_intent.succeeded",
    "charge.refunded",
)  # fmt: skip


class _Event(msgspec.Struct):
    id: str
    created: int


class _Events(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool = False


class Stripe(Puller):
    """Puller of Stripe's events."""

    name = "stripe"
    title = "Stripe's API (events)"
    carrier = "stripe"
    url = "https://api.stripe.com"
    parts = (Part("secret", "a restricted key that may read events: rk_…"), SINCE)
    interval_s = 60
    limits = (
        "Stripe keeps events for 30 days: older ones are not available, and a longer pause leaves a gap.",
        "Only the kinds of event that the carrier reads are requested.",
    )

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        return _StripeApi(parts["secret"], self.since(parts))


class _StripeApi(Api):
    def __init__(self, key: str, since: int) -> None:
        self._headers, self._since = {"authorization": f"Bearer {key}"}, since

    def request(self, cursor: Cursor, moment: Moment) -> Request:  # noqa: ARG002
        query = {"limit": str(_PAGE), **{f"types[{n}]": kind for n, kind in enumerate(_KINDS)}}
        if self._since:
            query["created[gte]"] = str(self._since)
        if "last" in cursor:
            query["ending_before"] = cursor["last"]
        elif "below" in cursor:
            query["starting_after"] = cursor["below"]
        return Request("events", "v1/events", query, self._headers)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        found = answer.read(_Events)
        events = [read_json(one, _Event) for one in found.data]
        # The newest event is first in the list.
        payloads = tuple(Payload(bytes(one)) for one in reversed(found.data))
        if "last" in cursor:
            return self._forward(cursor, events, payloads, found, answer.now)
        if not events:
            top = cursor.get("top")
            return Page((), {} if top is None else {"last": top}, is_last=True)
        settled = next((one.id for one in events if one.created <= answer.now - _SETTLED_S), None)
        top = cursor.get("top", settled)
        if found.has_more:
            return Page(payloads, {"top": top, "below": events[-1].id}, is_last=False)
        return Page(payloads, {} if top is None else {"last": top}, is_last=True)

    @staticmethod
    def _forward(
        cursor: Cursor, events: list[_Event], payloads: tuple[Payload, ...], found: _Events, now: float
    ) -> Page:
        if found.has_more and events:
            return Page(payloads, {"last": events[0].id}, is_last=False)
        settled = next((one.id for one in events if one.created <= now - _SETTLED_S), cursor["last"])
        return Page(payloads, {"last": settled}, is_last=True)

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:
        is_unknown = answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
        if not (is_unknown and cursor and _code(answer) == "resource_missing"):
            return None
        return Page(
            (),
            {},
            is_last=False,
            gap="Stripe no longer has the event that was read last: later events are lost.",
        )


def _code(answer: Answer) -> Any:
    try:
        error = answer.read(dict[str, Any]).get("error")
    except UnfitAnswer:
        return None
    return error.get("code") if isinstance(error, dict) else None


PULLER = Stripe()
