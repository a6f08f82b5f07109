"""Orders of buyers: each is compared with what a plain loop over all events says of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.funnel.order_facts import numbered, order_items, order_rows
from schemas import kinds
from schemas.lake import CUSTOMER_ORDER, ITEMS, ORDER_ITEM
from tests.examples import examples
from tests.pipelines.funnel.samples import Event, at, event, frame, histories, key

ORDERS = (kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_PAID, kinds.ORDER_REFUNDED)


def line(product: str, quantity: int | None, amount: int | None) -> dict[str, Any]:
    return {"product_id": product, "quantity": quantity, "amount_minor": amount}


LINES = st.sampled_from([
    None,
    [],
    [line("tea", 2, 3), line("cup", None, 4)],
    [line("tea", 1, None)],
])  # fmt: skip
DAY = dt.timedelta(days=1)


def with_items(events: list[Event]) -> pl.LazyFrame:
    """The events with their items, on days of UTC."""
    items = pl.Series("items", [one.get("items") for one in events], ITEMS)
    day = pl.col("time").dt.date()
    return frame(events).with_columns(items, day=day, month=day.dt.month_start())


def lines_of(paid: Event, placed: list[Event]) -> list[dict[str, Any]]:
    for one in (paid, *placed):
        if one.get("items"):
            return one["items"]
    return [line(paid["product_id"], None, paid["amount_minor"])] if paid.get("product_id") else []


def expected(events: list[Event]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The orders and the lines, by a loop over the events in their order."""
    orders, lines, ordered = [], [], sorted(events, key=key)
    for shop, order in {(e["source"], e["order_id"]) for e in ordered if e["type"] == kinds.ORDER_PAID}:
        own = [e for e in ordered if (e["source"], e["order_id"]) == (shop, order)]
        paid = next(e for e in own if e["type"] == kinds.ORDER_PAID)
        refunds = [e for e in own if e["type"] == kinds.ORDER_REFUNDED and e["currency"] == paid["currency"]]
        found = lines_of(paid, [e for e in own if e["type"] == kinds.ORDER_PLACED])
        amounts = [line["amount_minor"] for line in found]
        gross = max(paid["amount_minor"], sum(amounts) if found and None not in amounts else 0)
        refunded = sum(e["amount_minor"] for e in refunds)
        first = min((e["time"] for e in refunds), default=None)
        day = paid["time"].date()
        orders.append({
            "shop": shop, "order_id": order, "person_id": paid["person_id"], "paid_at": paid["time"], "day": day,
            "currency": paid["currency"], "lines": len(found), "gross_minor": gross,
            "discount_minor": gross - paid["amount_minor"], "paid_minor": paid["amount_minor"],
            "refunded_minor": refunded, "net_minor": max(0, paid["amount_minor"] - refunded),
            "first_refunded_at": first, "days_to_refund": first and max(0, (first - paid["time"]) // DAY),
            "month": day.replace(day=1),
        })  # fmt: skip
        lines += [
            {"shop": shop, "order_id": order, "line": number, "product_id": line["product_id"],
             "quantity": line["quantity"], "currency": paid["currency"], "item_minor": line["amount_minor"], "day": day,
             "month": day.replace(day=1)}
            for number, line in enumerate(found, start=1)
        ]  # fmt: skip
    orders.sort(key=lambda one: (one["paid_at"], one["shop"], one["order_id"]))
    for place, one in enumerate(orders):
        before = [other for other in orders[:place] if other["person_id"] == one["person_id"]]
        one["order_number"] = None if one["person_id"] is None else len(before) + 1
    return orders, lines


@given(histories(size=14, of=ORDERS), st.data())
@examples(60)
def test_orders_and_their_lines_are_what_a_loop_over_all_events_finds(events: list[Event], data: st.DataObject):
    for one in events:
        one["items"], one["product_id"] = data.draw(LINES), data.draw(st.sampled_from([None, "mug"]))
    rows = with_items(events)
    orders, lines = expected(events)
    found = numbered(order_rows(rows)).sort(CUSTOMER_ORDER.key).collect()
    assert found.equals(pl.DataFrame(orders, schema=CUSTOMER_ORDER.schema).sort(CUSTOMER_ORDER.key), null_equal=True)
    listed = order_items(rows).sort(ORDER_ITEM.key).collect()
    assert listed.equals(pl.DataFrame(lines, schema=ORDER_ITEM.schema).sort(ORDER_ITEM.key), null_equal=True)


def test_a_refund_whose_clock_is_behind_the_payments_came_after_no_days():
    money = {"source": "//shop", "order_id": "o", "currency": "CNY", "amount_minor": 5, "event_id": "paid"}
    events = [
        event(kinds.ORDER_PAID, at(2), "p", **money),
        event(kinds.ORDER_REFUNDED, at(0), "p", **money | {"event_id": "back", "offset": 1}),
    ]
    assert order_rows(with_items(events)).collect()["days_to_refund"].to_list() == [0]
