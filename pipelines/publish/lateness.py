"""Late changes between two versions: events of days that were complete, and reassigned accounts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.engagement.activity import is_activity
from pipelines.funnel.steps import is_product_message
from schemas import kinds
from schemas.mart_columns import Bearing

LATENESS: Final = pl.Schema(
    {"bearing": pl.String, "group_id": pl.String, "day": pl.Date, "events": pl.Int64, "merges": pl.Int64}
)
"""How many late events and merged accounts can change figures: of `group_id` on `day` if `bearing` is `in_group`, else
of periods that end with `day`."""

_SALES: Final = (
    kinds.LINK_CLICKED, kinds.ORDER_PLACED, kinds.ORDER_PAID, kinds.MEMBER_JOINED, kinds.MEMBER_LEFT,
)  # fmt: skip


@dataclass(frozen=True)
class Before:
    """The version that was published before a new one.

    Attributes:
        version: The published version.
        events_batch: Newest batch of events it includes.
        complete_through: Last day that was complete in it or any earlier version.
    """

    version: int
    events_batch: int
    complete_through: dt.date


def lateness(
    events: pl.LazyFrame,
    taken_out: pl.LazyFrame,
    changes: pl.LazyFrame,
    before: Before,
    events_batch: int,
    decoded: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Count late events and merged accounts.

    A reassigned account (moved to another person, or separated again) counts as a merge on every day on which it has
    events, since these belong to another person now; up to the end of a period it counts once.

    An event that people quarantined or restored counts as late. If all events were decoded again in between, only
    those that Kafka received since count: earlier ones were in time.

    Args:
        events: `schemas.lake.EVENTS`.
        taken_out: `schemas.lake.QUARANTINED_EVENT`.
        changes: `schemas.lake.IDENTITY_CHANGE`.
        before: The previous version.
        events_batch: Newest batch of events that the new version includes.
        decoded: How far partitions were decoded for `before`, if all were decoded again since; see
            `pipelines.ingest.decoded_through`.

    Returns:
        `LATENESS`: a row for each group and day with counts; for the other bearings a row for every day from the
        first with counts through `before.complete_through`, with the cumulative counts up to and including the day.
    """
    is_new = pl.col("batch").is_between(before.events_batch, events_batch, closed="right")
    closed = events.filter(pl.col("day") <= before.complete_through)
    late = pl.concat([events, taken_out]).filter(is_new, pl.col("day") <= before.complete_through)
    if decoded is not None:
        late = late.join(decoded.lazy(), on=["topic_id", "partition"], how="left").filter(
            (pl.col("offset") >= pl.col("end")).fill_null(value=True)
        )
    moved = (
        changes.filter(is_new)
        .group_by("account_id")
        .agg(before=pl.col("person_before").sort_by("batch").first(), now=pl.col("person_id").sort_by("batch").last())
        # An account that was moved and moved back is not counted.
        .filter(pl.col("before") != pl.col("now"))
        .select("account_id")
    )
    merged = closed.join(moved, on="account_id", how="semi")
    counts = (
        _in_group(late, merged),
        _through(late, merged, "activity", is_activity(), before.complete_through),
        _through(late, merged, "sales", _bears_on_sales(), before.complete_through),
    )
    return pl.concat(pl.collect_all(counts, engine="streaming"))


def _bears_on_sales() -> pl.Expr:
    # A first activity counts as a join, which decides what a buyer could see.
    return pl.col("type").is_in(_SALES) | is_product_message() | is_activity()


def _in_group(late: pl.LazyFrame, merged: pl.LazyFrame) -> pl.LazyFrame:
    key = ("group_id", "day")
    events = late.group_by(key).agg(events=pl.len())
    merges = merged.group_by(key).agg(merges=pl.col("account_id").n_unique())
    return _counted(events, merges, key).drop_nulls("group_id").pipe(_shaped, "in_group")


def _through(late: pl.LazyFrame, merged: pl.LazyFrame, bearing: Bearing, bears: pl.Expr, last: dt.date) -> pl.LazyFrame:
    events = late.filter(bears).group_by("day").agg(events=pl.len())
    first_days = merged.filter(bears).group_by("account_id").agg(pl.col("day").min())
    by_day = _counted(events, first_days.group_by("day").agg(merges=pl.len()), ("day",))
    first = by_day.select(pl.col("day").min()).drop_nulls()
    days = first.select(pl.date_ranges("day", pl.lit(last), closed="both")).explode("day")
    return (
        days.join(by_day, on="day", how="left")
        .sort("day")
        .with_columns(pl.col("events", "merges").fill_null(0).cum_sum())
        .pipe(_shaped, bearing)
    )


def _counted(events: pl.LazyFrame, merges: pl.LazyFrame, key: tuple[str, ...]) -> pl.LazyFrame:
    return pl.concat([events, merges], how="diagonal").group_by(key).agg(pl.col("events", "merges").sum())


def _shaped(counts: pl.LazyFrame, bearing: Bearing) -> pl.LazyFrame:
    group = () if bearing == "in_group" else (pl.lit(None, pl.String).alias("group_id"),)
    return counts.with_columns(pl.lit(bearing).alias("bearing"), *group).select(LATENESS.names()).cast(LATENESS)
