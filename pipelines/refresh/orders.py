"""Refresh `order_credit`: orders in new events, and orders of persons whose touches may differ."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from pipelines.funnel.attribution import EVENT_COLUMNS, AttributionRules, order_credit
from pipelines.funnel.orders import ORDER_EVENTS
from pipelines.funnel.steps import is_product_message
from pipelines.lake import Lake
from pipelines.refresh.changes import Changes, Sources, n_parts
from pipelines.refresh.first_seen import known_first_seen
from pipelines.refresh.rebuilds import rebuild_due
from pipelines.refresh.written import SETTINGS, Refreshed, input_id, recorded_inputs, unchanged, write
from schemas import kinds
from schemas.lake import ORDER_CREDIT

_ORDERS_AT_ONCE: Final = 100_000
"""A full rebuild processes buyers in parts of about this many payments, which bounds memory."""

_TOUCHING: Final = (kinds.MEMBER_JOINED, kinds.MEMBER_LEFT, kinds.LINK_CLICKED)
"""Kinds of a buyer's events, beside first activities, that create touches."""

_DAY: Final = dt.timedelta(days=1)


def refresh_credit(lake: Lake, rules: AttributionRules, settings: int) -> Refreshed:
    """Recompute the credit of orders that changed.

    An order changes with its own events, whoever caused them (a refund may name nobody), with any event of the buyer
    before the payment, and with a product message in a group related to the buyer. The fact itself says which orders a
    person paid, and the change log does so for newer ones.

    Args:
        lake: The lake with the fact and its inputs; and `first_seen`, which, unless outdated, shows which activity of
            a buyer matters.
        rules: Models, look-back window and half-life.
        settings: Fingerprint of the rules; a change recomputes everything.
    """
    handle, sources = lake.open(ORDER_CREDIT), Sources.of(lake, ORDER_CREDIT)
    rebuild = rebuild_due(lake, handle)
    seen = sources.inputs(settings) | rebuild.seen()
    done = recorded_inputs(handle, seen)
    if done == seen:
        return unchanged(handle)
    if done[input_id(SETTINGS)] != settings or rebuild.is_whole:
        return write(lake, handle, _rebuilt(sources, rules), seen)
    changes = Changes.since(lake, sources, done)
    persons = changes.persons_since()
    credit = handle.scan().select("order_id", "person_id", "paid_at", "month")
    # New events affect orders paid before them only by order id.
    since = pl.col("since").cast(pl.Datetime("us", "UTC")) - _DAY
    of_persons = credit.join(persons.lazy(), on="person_id").filter(
        pl.col("since").is_null() | (pl.col("paid_at") >= since)
    )
    if not persons["since"].has_nulls():
        # Files are partitioned by month.
        earliest = pl.lit(persons.select(since.min().dt.date().dt.month_start()).item(), pl.Date)
        of_persons = of_persons.filter(pl.col("month") >= earliest)
    reached = credit.filter(_is_reached(sources, changes, rules.look_back))
    paid = pl.concat([rows.select("order_id").unique() for rows in (of_persons, reached)]).collect(engine="streaming")
    # By id only: equal ids of two shops cost a recomputation.
    orders = pl.concat([changes.log["order_id"].drop_nulls(), paid["order_id"]]).unique()
    of_orders = pl.col("order_id").is_in(orders.implode())
    known = known_first_seen(lake, sources)
    counted = Refreshed(is_changed=False, rows=0, persons=persons.height)
    return write(lake, handle, _credit(sources, orders, rules, known), seen, counted, of_orders)


def _is_reached(sources: Sources, changes: Changes, look_back: dt.timedelta) -> pl.Expr:
    """Return the credit of buyers related to groups with added or removed product messages, paid within the window."""
    offers = changes.log.filter("reaches_group")
    if offers.is_empty():
        return pl.lit(value=False)
    groups = offers["group_id"].unique()
    members = sources.scan().filter(pl.col("group_id").is_in(groups.implode())).select("account_id").unique()
    persons = changes.with_persons(members.collect(engine="streaming"))["person_id"].unique()
    # A day of the business zone begins and ends within a day of that of UTC.
    first, last = offers["day"].cast(pl.Datetime("us", "UTC")).sort().gather([0, -1])
    is_in_time = pl.col("paid_at").is_between(first - _DAY, last + look_back + 2 * _DAY)
    return pl.col("person_id").is_in(persons.implode()) & is_in_time


def _credit(
    sources: Sources, orders: pl.Series, rules: AttributionRules, first_seen: pl.LazyFrame | None
) -> pl.DataFrame:
    """Return the credit of orders from their events, the events of their buyers, and the messages these could see.

    Of a buyer's activity, only the first in a group without a known join matters, and `first_seen` has its time.
    Without `first_seen`, all activity is read, as is that of accounts whose join is derived from a snapshot.
    """
    # Polars decodes the columns of a condition for all rows and the others for those chosen: so three short conditions.
    events, is_order = sources.scan().select(EVENT_COLUMNS), pl.col("type").is_in(ORDER_EVENTS)
    of_orders = events.filter(pl.col("order_id").is_in(orders.implode()), is_order).collect(engine="streaming")
    payments = of_orders.filter(pl.col("type") == kinds.ORDER_PAID)
    payers = sources.timeline(payments.lazy()).select("person_id").collect()["person_id"].unique()
    is_own = pl.col("account_id").is_in(sources.accounts_of(payers)["account_id"].implode()).fill_null(value=False)
    first, last = payments.select(
        first=(pl.col("time").min() - rules.look_back - _DAY).dt.date().dt.month_start(),
        last=(pl.col("time").max() + _DAY).dt.date(),
    ).row(0)
    is_offer = is_product_message() & pl.col("month").is_between(pl.lit(first, pl.Date), pl.lit(last, pl.Date))
    own = events.filter(is_own, ~is_order).collect(engine="streaming")
    if first_seen is not None:
        times = first_seen.filter(pl.col("person_id").is_in(payers.implode())).select("first_time").unique()
        is_first = pl.col("time").is_in(times.collect(engine="streaming")["first_time"].implode())
        is_derived = (pl.col("type") == kinds.MEMBER_JOINED) & pl.col("earliest_at").is_not_null()
        within_bounds = pl.col("account_id").is_in(own.filter(is_derived)["account_id"].implode())
        own = own.filter(pl.col("type").is_in(_TOUCHING) | is_first | within_bounds | is_offer)
    offers = events.filter(is_offer).collect(engine="streaming").filter(~is_own)
    chosen = pl.concat([of_orders, own, offers]).lazy()
    return order_credit(sources.timeline(chosen), rules).collect(engine="streaming")


def _rebuilt(sources: Sources, rules: AttributionRules) -> pl.DataFrame:
    paid = sources.events.scan().filter(pl.col("type") == kinds.ORDER_PAID)
    payments = sources.timeline(paid).select("order_id", "person_id").collect(engine="streaming")
    parts_needed = n_parts(payments.height, _ORDERS_AT_ONCE)
    # All orders of a buyer are in one part, which then reads only the events of its own buyers; so are all events of an
    # order, whoever caused them, so that each part finds the same payment.
    buyers = payments.group_by("order_id").agg(buyer=pl.col("person_id").min())
    part_of = buyers.select("order_id", part=pl.col("buyer").hash() % parts_needed)
    parts = (part_of.filter(pl.col("part") == part)["order_id"] for part in range(parts_needed))
    fresh = [_credit(sources, orders, rules, None) for orders in parts]
    return pl.concat(fresh)
