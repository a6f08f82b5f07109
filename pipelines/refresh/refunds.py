"""`order_refund`: the refunds of orders that new events name."""

from __future__ import annotations

import polars as pl

from pipelines.funnel.orders import order_refunds
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, batch_input, marks_since
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import Refreshed, noted, unchanged, write
from schemas.lake import EVENTS, ORDER_REFUND


def refresh_refunds(lake: Lake) -> Refreshed:
    """List the refunds again of orders of which events came or were replaced. Persons have no part in it."""
    handle, stored = lake.open(ORDER_REFUND), lake.open(EVENTS)
    rebuild = rebuild_due(lake, handle)
    seen = batch_input(stored) | rebuild.seen()
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    events = stored.scan()
    if done[BATCH_INPUT] is None or rebuild.is_due:
        return write(lake, handle, order_refunds(events).collect(engine="streaming"), seen)
    orders = marks_since(lake, done[BATCH_INPUT])["order_id"].drop_nulls().unique()
    # By id alone: two shops that number orders alike cost a recomputation.
    of_orders = pl.col("order_id").is_in(orders.implode())
    fresh = order_refunds(events.filter(of_orders)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, replaced=of_orders)
