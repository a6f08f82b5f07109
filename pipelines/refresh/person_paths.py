"""Refresh `person_path`: persons with new events or orders, from the month on in which these can matter."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.frames import Changed, in_one_only
from pipelines.funnel.orders import ORDER_EVENTS
from pipelines.funnel.person_path import EVENT_COLUMNS, bears_on_paths, person_path
from pipelines.lake import Handle, Lake
from pipelines.refresh.changes import Changes, Sources, n_parts
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.versions import changed_since, version_read
from pipelines.refresh.whole import as_recorded, inputs_of
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, record_inputs, recorded_inputs, unchanged, write
from schemas.lake import CUSTOMER_ORDER, PERSON_PATH

_EVENTS_AT_ONCE: Final = 2_000_000
"""A full rebuild processes persons in parts of about this many touchpoints, which bounds memory."""

_WEEK: Final = dt.timedelta(days=7)
_DAY: Final = dt.timedelta(days=1)
_PAID: Final = ("shop", "order_id", "person_id", "paid_at", "month")


def path_inputs(lake: Lake, sources: Sources, settings: int) -> dict[str, int]:
    """Return the inputs of `person_path`: events, persons, orders and the look-back."""
    return sources.inputs(settings) | as_recorded(inputs_of(lake, CUSTOMER_ORDER))


def refresh_person_paths(lake: Lake, look_back: dt.timedelta, settings: int) -> Refreshed:
    """Recompute the paths of persons with new events, other accounts or changed orders.

    A path depends on touchpoints and orders at most a week and the look-back apart, so earlier months are unchanged:
    only events and orders of the later ones are read.

    Args:
        lake: The lake with the fact and its inputs.
        look_back: Longest time from a touchpoint to the payment.
        settings: Fingerprint of the look-back; a change recomputes everything.
    """
    handle, sources, orders = lake.open(PERSON_PATH), Sources.of(lake), lake.open(CUSTOMER_ORDER)
    rebuild = rebuild_due(lake, handle)
    seen = path_inputs(lake, sources, settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    positions = {**seen, **version_read(orders)}
    paid = changed_since(lake, handle, orders)
    if None in done.values() or done[input_id(SETTINGS)] != settings or rebuild.is_whole or paid is None:
        return write(lake, handle, _rebuilt(sources, orders, look_back), positions)
    changed = _changed(handle, orders, _paid(paid), Changes.since(lake, sources, done))
    if changed.is_empty():
        record_inputs(lake, handle, positions)
        return unchanged(handle)
    reach = look_back + _WEEK + _DAY
    first = changed.select((pl.col("since").min() - reach).dt.month_start()).item()
    persons, ids = (changed[name].drop_nulls().unique() for name in ("person_id", "order_id"))
    # By id only: equal ids of two shops cost a recomputation.
    is_changed = pl.any_horizontal(
        pl.col("person_id").is_in(persons.implode()), pl.col("order_id").is_in(ids.implode())
    ).fill_null(value=False)
    is_later = pl.col("month") >= pl.lit(first, pl.Date)
    since = pl.lit((first - reach).replace(day=1), pl.Date)
    paths = person_path(*_read(sources, orders, persons, is_changed, pl.col("month") >= since), look_back)
    counted = Refreshed(is_changed=False, rows=0, persons=persons.len())
    return write(lake, handle, paths.filter(is_later), positions, counted, is_changed & is_later)


def _paid(orders: Changed) -> pl.DataFrame:
    """Return the orders that differ in what a path depends on, before and now."""
    return in_one_only(*(rows.select(_PAID) for rows in (orders.gone, orders.come)))


def _changed(handle: Handle, orders: Handle, paid: pl.DataFrame, changes: Changes) -> pl.DataFrame:
    """Return `person_id, order_id, since`: whose paths, or the path to which order, can differ, from which day on."""
    stored, log = handle.scan(), changes.log
    # The paths of a person who has other accounts now can differ from the first one on.
    reassigned = changes.with_persons(changes.reassigned.select("account_id")).select("person_id").unique()
    is_named = pl.col("order_id").is_in(log["order_id"].drop_nulls().unique().implode())
    parts = [
        changes.with_persons(log.select("account_id", since="day")).lazy().select("person_id", "since"),
        stored.join(reassigned.lazy(), on="person_id", how="semi").select("person_id", since=_first_day()),
        *(rows.filter(is_named).select("person_id", "order_id", since="month") for rows in (orders.scan(), stored)),
        paid.lazy().select("person_id", "order_id", since="month"),
    ]
    return pl.concat(parts, how="diagonal").unique().collect(engine="streaming")


def _first_day() -> pl.Expr:
    """Return a day, in any business zone, that is no later than the first one of a path."""
    return pl.coalesce("started_at", "ended_at").dt.date() - _DAY


def _read(
    sources: Sources, orders: Handle, persons: pl.Series, is_changed: pl.Expr, is_later: pl.Expr
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events and the orders of persons, and of orders, since some month."""
    paid = orders.scan().filter(is_changed & is_later).collect(engine="streaming")
    # Polars decodes the columns of a condition for all rows and the others for those chosen: so two short conditions.
    events = sources.scan().select(*(name for name in EVENT_COLUMNS if name != "person_id"), "account_id", "month")
    is_own = pl.col("account_id").is_in(sources.accounts_of(persons)["account_id"].implode()) & is_later
    # An order may have been placed long before it was paid, and by anybody.
    is_named = pl.col("order_id").is_in(paid["order_id"].unique().implode())
    own, named = pl.collect_all([events.filter(one) for one in (is_own, is_named)], engine="streaming")
    is_named = (_is_of_order() & is_named).fill_null(value=False)
    read = pl.concat([own.filter(~is_named), named.filter(is_named)]).filter(bears_on_paths())
    chosen = sources.timeline(read.lazy()).select(EVENT_COLUMNS).collect(engine="streaming")
    return chosen.filter(_is_of_order() | pl.col("person_id").is_in(persons.implode())), paid


def _is_of_order() -> pl.Expr:
    return pl.col("type").is_in(ORDER_EVENTS)


def _rebuilt(sources: Sources, orders: Handle, look_back: dt.timedelta) -> pl.DataFrame:
    events = sources.timeline(sources.events.scan().filter(bears_on_paths())).select(EVENT_COLUMNS)
    parts_needed = n_parts(events.select(pl.len()).collect(engine="streaming").item(), _EVENTS_AT_ONCE)
    part_of = pl.col("person_id").fill_null("").hash() % parts_needed
    parts = []
    for part in range(parts_needed):
        paid = orders.scan().filter(part_of == part).collect(engine="streaming")
        names = _is_of_order() & pl.col("order_id").is_in(paid["order_id"].unique().implode())
        chosen = pl.when(_is_of_order()).then(names).otherwise(part_of == part)
        parts.append(person_path(events.filter(chosen).collect(engine="streaming"), paid, look_back))
    return pl.concat(parts)
