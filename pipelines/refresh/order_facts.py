"""Refresh `order_refund`, `order_item` and `customer_order`: orders in new events and of reassigned accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from pipelines.funnel.order_facts import EVENT_COLUMNS, numbered, order_items, order_rows
from pipelines.funnel.orders import ORDER_EVENTS, order_refunds
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, record_inputs, recorded_inputs, unchanged, write
from schemas.lake import CUSTOMER_ORDER, ORDER_ITEM, ORDER_REFUND, LakeTable

_NUMBER = "order_number"


def refresh_orders(lake: Lake) -> dict[str, Refreshed]:
    """Recompute the orders with new or replaced events, and renumber the orders of their buyers.

    All orders of persons who gained or lost an account are recomputed.

    Returns:
        The result by lake table.
    """
    orders = _Orders(lake, Sources.of(lake), lake.open(CUSTOMER_ORDER))
    return {table.name: orders.refresh(table) for table in (ORDER_REFUND, ORDER_ITEM, CUSTOMER_ORDER)}


@dataclass(frozen=True)
class _News:
    """Ids of orders that may have changed, and all their order events with `person_id`."""

    orders: pl.Series
    events: pl.DataFrame


@dataclass(frozen=True)
class _Orders:
    """Inputs of one refresh; facts with equal recorded inputs share the changed events."""

    lake: Lake
    sources: Sources
    described: Handle
    _news: dict[tuple[int | None, ...], _News] = field(default_factory=dict)

    def refresh(self, table: LakeTable) -> Refreshed:
        handle = self.described if table is CUSTOMER_ORDER else self.lake.open(table)
        rebuild = rebuild_due(self.lake, handle)
        seen = self.sources.positions() | rebuild.seen()
        done = recorded_inputs(handle, seen)
        if done == seen:
            return unchanged(handle)
        if None in done.values() or rebuild.is_due:
            return write(self.lake, handle, _rows(table, self._events()).collect(engine="streaming"), seen)
        news = self._since(done)
        if news.orders.is_empty():
            record_inputs(self.lake, handle, seen)
            return unchanged(handle)
        # By id only: equal ids of two shops cost a recomputation.
        replaced = pl.col("order_id").is_in(news.orders.implode())
        if table is CUSTOMER_ORDER:
            rows, replaced = self._numbered_again(news, replaced)
        else:
            rows = _rows(table, news.events.lazy()).collect()
        return write(self.lake, handle, rows, seen, replaced=replaced)

    def _since(self, done: Mapping[str, int | None]) -> _News:
        key = tuple(done.values())
        if key not in self._news:
            changes = Changes.since(self.lake, self.sources, done)
            orders = changes.log["order_id"].drop_nulls()
            if not changes.reassigned.is_empty():
                persons = changes.with_persons(changes.reassigned.select("account_id"))["person_id"]
                is_theirs = pl.col("person_id").is_in(persons.implode())
                theirs = self.described.scan().filter(is_theirs).select("order_id").collect(engine="streaming")
                orders = pl.concat([orders, theirs["order_id"]])
            orders = orders.unique()
            self._news[key] = _News(orders, self._events(orders).collect(engine="streaming"))
        return self._news[key]

    def _events(self, orders: pl.Series | None = None) -> pl.LazyFrame:
        chosen = pl.col("type").is_in(ORDER_EVENTS) & pl.col("order_id").is_not_null()
        if orders is not None:
            chosen &= pl.col("order_id").is_in(orders.implode())
        return self.sources.timeline(self.sources.events.scan().filter(chosen)).select(EVENT_COLUMNS)

    def _numbered_again(self, news: _News, of_orders: pl.Expr) -> tuple[pl.DataFrame, pl.Expr]:
        """Return the changed orders and all others of their buyers, and which stored rows these replace."""
        fresh, stored = order_rows(news.events.lazy()).collect(), self.described.scan()
        before = stored.filter(of_orders).select("person_id").collect(engine="streaming")
        buyers = pl.concat([fresh["person_id"], before["person_id"]]).drop_nulls().unique()
        is_theirs = pl.col("person_id").is_in(buyers.implode()).fill_null(value=False)
        others = stored.filter(is_theirs & ~of_orders).drop(_NUMBER).collect(engine="streaming")
        rows = numbered(pl.concat([fresh.select(others.columns), others]).lazy()).collect()
        return rows, of_orders | is_theirs


def _rows(table: LakeTable, events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of a fact from all events of some orders, with `person_id`."""
    if table is CUSTOMER_ORDER:
        return numbered(order_rows(events))
    return order_refunds(events) if table is ORDER_REFUND else order_items(events)
