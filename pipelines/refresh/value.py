"""Refresh `person_value` from `order_credit`, always as a whole: every buyer affects the model and the scores."""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.engagement.person_value import credited_orders, person_value
from pipelines.lake import Handle, Lake
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import changed_since, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, record_inputs, recorded_inputs, unchanged, write
from pipelines.time import business_day
from schemas.lake import ORDER_CREDIT, PERSON_VALUE


def value_inputs(lake: Lake, through: dt.date | None, settings: int) -> dict[str, int]:
    """Return the inputs of `person_value`: the rows of `order_credit`, the last complete day and the settings."""
    return inputs_of(
        lake, ORDER_CREDIT, **{SETTINGS: settings, "through": 0 if through is None else through.toordinal()}
    )


def refresh_person_value(lake: Lake, through: dt.date | None, zone: str, settings: int) -> Refreshed:
    """Recompute the value of buyers if their orders up to the last complete day, that day or the settings changed.

    Args:
        lake: The lake with the fact and `order_credit`.
        through: Last complete day, the day of the fact.
        zone: IANA name of the business zone.
        settings: Fingerprint of the rules.
    """
    handle = lake.open(PERSON_VALUE)
    rebuild = rebuild_due(lake, handle)
    seen = as_recorded(value_inputs(lake, through, settings)) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    credit = lake.open(ORDER_CREDIT)
    positions = {**seen, **version_read(credit)}
    changed = {name for name in seen if done[name] != seen[name]}
    if changed == {input_id(ORDER_CREDIT.name)} and _are_orders_alike(lake, handle, credit, through, zone):
        record_inputs(lake, handle, positions)
        return unchanged(handle)
    rows = person_value(credited_orders(credit.scan()), through, zone).select(handle.table.schema.names())
    return write(lake, handle, rows.collect(engine="streaming"), positions)


def _are_orders_alike(lake: Lake, fact: Handle, credit: Handle, through: dt.date | None, zone: str) -> bool:
    """Whether the orders paid up to the last complete day are the same as when the fact was computed."""
    changed = changed_since(lake, fact, credit)
    if changed is None:
        return False
    orders = changed.whole(credit.scan(), credit.table.key, "shop", "order_id")
    is_over = business_day(pl.col("paid_at"), zone) <= pl.lit(through, pl.Date)
    both = (credited_orders(rows.lazy()).filter(is_over) for rows in orders)
    was, now = (orders.sort(pl.all()).collect() for orders in both)
    return was.equals(now, null_equal=True)
