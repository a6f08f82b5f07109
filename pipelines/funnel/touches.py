"""Touches before each payment: product messages the buyer could see, and clicked links.

See docs/definitions.md#attribution.

All touches are kept. They are not thinned like exposures of the funnel (`exposure`), because each has its share. They
are limited to buyers and to the look-back window.

A message that is seen and clicked is two touches; clicked twice, three.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from pipelines.funnel.membership import memberships, milestones
from pipelines.funnel.steps import is_own, is_product_message
from schemas import kinds


def touches(orders: pl.DataFrame, events: pl.DataFrame, look_back: dt.timedelta) -> pl.DataFrame:
    """Return the touches of each order, as ranks of events.

    - exposure: a product message of someone else, sent in `[paid_at - look_back, paid_at]` and before the payment by
      the ordering key, while the buyer was a member of the group.
    - click: the buyer's `link.clicked` with a group in the same time; and the event of the order that names a group, at
      any time. The shop reports whose link led to the order, so that one counts as the last.

    Args:
        orders: `order, person_id, rank, named`: the rank of the payment and of the event that names a group.
        events: `schemas.lake.EVENTS` with `earliest_at`, `person_id` and `rank`, sorted by it, which is also the row.
        look_back: Longest time before the payment for a touch to count.

    Returns:
        `order, rank, is_click`, those of an order in the sequence in which they count.
    """
    opens = events["time"].search_sorted(events["time"].gather(orders["rank"]) - look_back)
    spans = orders.select("order", "person_id", start=opens, end="rank")
    buyers = orders.select("person_id").unique()
    own = events.join(buyers, on="person_id", how="semi", maintain_order="left")
    return (
        pl.concat(
            [
                _exposures(spans, own, events.filter(is_product_message())).with_columns(
                    is_click=False, is_named=False
                ),
                _clicks(spans, own).with_columns(is_click=True, is_named=False),
                orders.select("order", rank="named", is_click=True, is_named=True).drop_nulls(),
            ]
        )
        .sort("order", "is_named", "rank")
        .drop("is_named")
    )


def _exposures(spans: pl.DataFrame, own: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    stays = memberships(
        milestones(own.lazy().filter(is_own())).filter("joined"),
        own.lazy().filter(pl.col("type") == kinds.MEMBER_LEFT),
    ).collect()
    member = spans.join(stays, on="person_id", suffix="_stay").select(
        "order",
        "person_id",
        "group_id",
        start=pl.max_horizontal("start", "start_stay"),
        end=pl.min_horizontal("end", "end_stay"),
    )
    sender = messages.select("rank", sender="person_id")
    return (
        within(member, messages, "group_id")
        .join(sender, on="rank")
        .filter(pl.col("sender").ne_missing(pl.col("person_id")))
        .select("order", "rank")
    )


def _clicks(spans: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    clicks = own.filter((pl.col("type") == kinds.LINK_CLICKED) & pl.col("group_id").is_not_null())
    return within(spans, clicks, "person_id").select("order", "rank")


def within(spans: pl.DataFrame, points: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return every point of the span's key whose rank is in `[start, end)`.

    Args:
        spans: `order, person_id, start, end` and the key.
        points: `rank` and the key.
        key: Name of the column that a span and its points share.

    Returns:
        `order, person_id, rank`.
    """
    codes = points.select(pl.col(key).unique()).with_row_index("code")
    # Key and rank as one number, so that both ends of a span are found by one search.
    stride = pl.select(pl.max_horizontal(points["rank"].max(), spans["end"].max()).cast(pl.Int64)).item() or 0
    place = pl.col("code").cast(pl.Int64) * (stride + 1)
    placed = points.join(codes, on=key).select("rank", place=place + pl.col("rank")).sort("place")
    coded = spans.filter(pl.col("start") < pl.col("end")).join(codes, on=key)
    ends = coded.select(low=place + pl.col("start"), high=place + pl.col("end"))
    first, last = (placed["place"].search_sorted(ends[name]) for name in ends.columns)
    found = coded.select("order", "person_id", row=pl.int_ranges(first, last)).explode("row", empty_as_null=False)
    return found.select("order", "person_id", rank=placed["rank"].gather(found["row"]))
