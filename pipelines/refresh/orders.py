"""`order_credit`: the orders that new events name, and those of persons who clicked, merged or parted."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.funnel.attribution import last_click
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, noted, unchanged, write
from schemas import kinds
from schemas.lake import ORDER_CREDIT

_ORDER_EVENTS = (kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.ORDER_REFUNDED)


def refresh_credit(lake: Lake, look_back: dt.timedelta, settings: int) -> Refreshed:
    """Recompute the credit of orders that changed.

    An order changes with its own events, whoever caused them (a refund may name nobody), and with the clicks of the
    person who paid. Which orders a person paid says the fact itself, and marks say it of newer ones.

    Args:
        lake: holds the fact and what it follows.
        look_back: how long before the payment a click still counts.
        settings: fingerprint of the rules; where it changes, everything is recomputed.
    """
    handle, sources = lake.open(ORDER_CREDIT), Sources.of(lake)
    seen = {**sources.positions(), input_id(SETTINGS): settings}
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    stored = handle.scan().collect(engine="streaming")
    if done[input_id(SETTINGS)] != settings:
        fresh = last_click(sources.timeline(), look_back).collect(engine="streaming")
        return write(lake, handle, fresh, stored, seen)
    changes = Changes.since(lake, sources, done)
    persons = changes.persons()
    paid = stored.filter(pl.col("person_id").is_in(persons.implode()))["order_id"]
    # By id alone: two shops that number orders alike cost a recomputation.
    orders = pl.concat([changes.marks["order_id"].drop_nulls(), paid]).unique()
    of_orders = pl.col("order_id").is_in(orders.implode())
    events = _events_of(sources, of_orders, look_back)
    fresh = last_click(sources.timeline(events.lazy()), look_back).collect(engine="streaming")
    rows = pl.concat([stored.filter(~of_orders), fresh])
    return write(lake, handle, rows, stored, seen, Refreshed(is_changed=False, rows=0, persons=len(persons)))


def _events_of(sources: Sources, of_orders: pl.Expr, look_back: dt.timedelta) -> pl.DataFrame:
    """The events of orders, and the clicks of those who paid, as far back as they can count."""
    events = sources.events.scan()
    found = events.filter(pl.col("type").is_in(_ORDER_EVENTS) & of_orders).collect(engine="streaming")
    payments = found.filter(pl.col("type") == kinds.ORDER_PAID)
    payers = sources.timeline(payments.lazy()).select("person_id").collect()["person_id"].unique()
    accounts = sources.accounts_of(payers)["account_id"]
    # A day of the business zone may begin before that of UTC.
    first = (pl.col("time").min() - look_back - dt.timedelta(days=1)).dt.date().dt.month_start()
    clicks = events.filter(
        (pl.col("month") >= pl.lit(payments.select(first).item(), pl.Date))
        & (pl.col("type") == kinds.LINK_CLICKED)
        & pl.col("account_id").is_in(accounts.implode())
    )
    return pl.concat([found, clicks.collect(engine="streaming")])
