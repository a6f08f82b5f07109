"""Orders of Shopify, by the Admin API's list of orders, in order of their last change.

An order becomes the payloads of webhooks: `orders/create` if it was created in the requested time, else
`orders/updated`; and `refunds/create` for each of its refunds. Only fields that the carrier reads are requested; of the
customer only the id is kept.

The cursor: `since` is the time of change from which on orders are requested; while pages are read, `page` is the name
of the next page and `newest` the newest time of change so far.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from pipelines.carriers.parts import Part
from pipelines.carriers.pullers.base import SINCE, Answer, Api, Cursor, Moment, Page, Payload, Puller, Request, encoded
from pipelines.carriers.readers.base import ODD_ITEMS
from pipelines.carriers.texts import Texts

_PAGE: Final = 250
_OVERLAP_S: Final = 120
_VERSION: Final = "2026-10"
_FIELDS: Final = (
    "id", "test", "created_at", "updated_at", "processed_at", "financial_status", "currency", "total_price",
    "landing_site", "note_attributes", "line_items", "customer", "refunds",
)  # fmt: skip
_NEXT: Final = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')
_TOPIC: Final = "X-Shopify-Topic"


class _Orders(msgspec.Struct):
    orders: list[dict[str, Any]]


class Shopify(Puller):
    """Puller of a shop's orders."""

    name = "shopify"
    title = "Shopify's Admin API (orders)"
    carrier = "shopify"
    parts = (
        Part("secret", "the access token of an app that may read orders"),
        SINCE,
        Part("version", f"of the API; default: {_VERSION}", is_secret=False, is_required=False),
        Part("overlap", f"seconds of changes that are read again; default: {_OVERLAP_S}", False, False),
    )
    limits = (
        "Without the scope read_all_orders Shopify returns only the orders of the last 60 days.",
        "An order that was already paid when it was first read counts as paid when it was placed.",
        "Carts are not read.",
    )

    def _api(self, parts: Mapping[str, str], texts: Texts) -> Api:  # noqa: ARG002
        version = parts.get("version", _VERSION)
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", version):
            raise self.wrong("has an invalid version; a valid one is 2026-10")
        return _ShopifyApi(
            parts["secret"], version, self.since(parts), self.number(parts, "overlap", _OVERLAP_S, 86_400)
        )


class _ShopifyApi(Api):
    def __init__(self, token: str, version: str, since: int, overlap: int) -> None:
        self._headers, self._path = {"x-shopify-access-token": token}, f"admin/api/{version}/orders.json"
        self._since, self._overlap = since, overlap

    def request(self, cursor: Cursor, moment: Moment) -> Request:  # noqa: ARG002
        query = {"limit": str(_PAGE), "fields": ",".join(_FIELDS)}
        if "page" in cursor:
            return Request("orders", self._path, {**query, "page_info": cursor["page"]}, self._headers)
        query |= {"status": "any", "order": "updated_at asc", "updated_at_min": _text(self._from(cursor))}
        return Request("orders", self._path, query, self._headers)

    def page(self, cursor: Cursor, answer: Answer) -> Page:
        begin, payloads, skipped = self._from(cursor), list[Payload](), Counter[str]()
        newest = cursor.get("newest", cursor.get("since", self._since))
        for order in answer.read(_Orders).orders:
            try:
                payloads += _payloads(order, begin)
                newest = max(newest, _seconds(order["updated_at"]))
            except (KeyError, TypeError, ValueError, AttributeError):
                skipped[ODD_ITEMS] += 1
        page = _next_page(answer)
        since = cursor.get("since", self._since)
        if page is None:
            return Page(tuple(payloads), {"since": newest}, is_last=True, skipped=skipped)
        following = {"since": since, "page": page, "newest": newest}
        return Page(tuple(payloads), following, is_last=False, skipped=skipped)

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:
        """Continue from what was read so far, because the name of a page expires."""
        if answer.status != HTTPStatus.BAD_REQUEST or "page" not in cursor:
            return None
        return Page((), {"since": cursor["newest"]}, is_last=False)

    def _from(self, cursor: Cursor) -> int:
        return max(cursor["since"] - self._overlap, self._since) if "since" in cursor else self._since


def _payloads(order: dict[str, Any], begin: int) -> Iterator[Payload]:
    customer = order.get("customer")
    kept = {name: order[name] for name in _FIELDS if name in order and name != "refunds"}
    kept["customer"] = {"id": customer.get("id")} if customer else None
    topic = "orders/create" if _seconds(order["created_at"]) >= begin else "orders/updated"
    found = [encoded(kept, ((_TOPIC, topic.encode()),))]
    found += [
        encoded({"order_id": order["id"], **refund}, ((_TOPIC, b"refunds/create"),))
        for refund in map(_refund, order.get("refunds") or ())
    ]
    yield from found


def _refund(refund: dict[str, Any]) -> dict[str, Any]:
    return {name: refund.get(name) for name in ("id", "created_at", "processed_at", "transactions")}


def _seconds(time: str) -> int:
    return int(dt.datetime.fromisoformat(time).timestamp())


def _text(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


def _next_page(answer: Answer) -> str | None:
    """Return the name of the next page; the rest of its URL is ignored, so that it leads to no other host."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return parse_qs(urlsplit(found[1]).query).get("page_info", [None])[0] if found else None


PULLER = Shopify()
