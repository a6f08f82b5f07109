"""`order_refund`: the refunds of orders that new events name."""

from __future__ import annotations

import polars as pl

from pipelines.funnel.orders import order_refunds
from pipelines.lake import Lake
from pipelines.refresh.changes import BATCH_INPUT, Changes, Sources
from pipelines.refresh.rebuilds import rebuild_of
from pipelines.refresh.written import Refreshed, noted, unchanged, write
from schemas.lake import ORDER_REFUND


def refund_inputs(sources: Sources) -> dict[str, int]:
    """What `order_refund` records: the newest batch of events."""
    return {BATCH_INPUT: sources.positions()[BATCH_INPUT]}


def refresh_refunds(lake: Lake) -> Refreshed:
    """List the refunds again of orders of which events came or were replaced. Persons have no part in it."""
    handle, sources = lake.open(ORDER_REFUND), Sources.of(lake)
    rebuild = rebuild_of(lake, handle)
    positions, seen = sources.positions(), refund_inputs(sources) | rebuild.seen()
    done = noted(handle, seen)
    if done == seen:
        return unchanged(handle)
    events = sources.events.scan()
    if done[BATCH_INPUT] is None or rebuild.is_due:
        return write(lake, handle, order_refunds(events).collect(engine="streaming"), seen)
    orders = Changes.since(lake, sources, {**positions, **done}).marks["order_id"].drop_nulls().unique()
    # By id alone: two shops that number orders alike cost a recomputation.
    of_orders = pl.col("order_id").is_in(orders.implode())
    fresh = order_refunds(events.filter(of_orders)).collect(engine="streaming")
    return write(lake, handle, fresh, seen, replaced=of_orders)
