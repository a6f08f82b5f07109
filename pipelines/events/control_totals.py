"""Control totals: compare what a platform counted in the groups of an owner with what arrived."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from schemas import kinds
from schemas.lake import CONTROL_TOTAL, UTC_TIME

DAY: Final = dt.timedelta(days=1)

COMPARED: Final = pl.Schema(
    {
        "source": pl.String(),
        "owner_id": pl.String(),
        "begins_at": UTC_TIME,
        "total": pl.Int64(),
        "groups": pl.Int64(),
        "group_ids": pl.List(pl.String()),
        "arrived": pl.Int64(),
        "short": pl.Int64(),
    }
)
"""Days of owners: messages in `total`, the number of `groups` by the platform, the known ones, and messages `arrived`.

`short`: messages that did not arrive; null if not comparable: `groups` is null, or fewer groups are known.
"""

_OF_DAY: Final = ("source", "owner_id", "begins_at")
_SAID: Final = ("said_at", "total", "source", "owner_id", "begins_at")


def newest(totals: pl.DataFrame) -> pl.DataFrame:
    """Drop statements that a newer one replaces: `CONTROL_TOTAL` without repetitions, sorted.

    Of a total the newest counts, and of a group its newest owner. The result does not depend on order or repetition.
    """
    is_of_group = pl.col("group_id").is_not_null()
    of_group, of_day = totals.filter(is_of_group), totals.filter(~is_of_group)
    kept = (
        of_group.sort(_SAID).unique("group_id", keep="last", maintain_order=True),
        of_day.sort(_SAID).unique((*_OF_DAY, "counted"), keep="last", maintain_order=True),
    )
    return pl.concat(kept).sort(CONTROL_TOTAL.schema.names())


def compare(totals: pl.DataFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """Compare the messages of each day of an owner with the events of the owner's groups.

    A group counts from its creation on. Of a group in several sources the one with most messages of the day counts.

    Args:
        totals: `CONTROL_TOTAL`, in any order.
        events: `type`, `source`, `group_id` and `time` of at least all messages of these days.

    Returns:
        `COMPARED`, sorted.
    """
    known = newest(totals)
    of_day = known.filter(pl.col("group_id").is_null())
    messages, groups = (of_day.filter(counted=counted) for counted in ("messages", "groups"))
    days = messages.select(*_OF_DAY, "total").join(
        groups.select(*_OF_DAY, groups="total"), on=_OF_DAY, how="left", maintain_order="left"
    )
    owned = known.drop_nulls("group_id").select("owner_id", "group_id", created_at="begins_at")
    pairs = days.join(owned, on="owner_id").filter(pl.col("created_at") < pl.col("begins_at") + DAY)
    arrived = pairs.join(_messages(pairs, events), on=("group_id", "begins_at"), how="left")
    found = arrived.group_by(_OF_DAY).agg(pl.col("group_id").sort().alias("group_ids"), pl.col("arrived").sum())
    is_comparable = pl.col("group_ids").list.len() >= pl.col("groups")
    lacking = pl.max_horizontal(pl.col("total") - pl.col("arrived"), pl.lit(0))
    return (
        days.join(found, on=_OF_DAY, how="left")
        .with_columns(pl.col("arrived").fill_null(0), pl.col("group_ids").fill_null([]))
        .with_columns(short=pl.when(is_comparable).then(lacking))
        .match_to_schema(COMPARED, missing_columns="raise", integer_cast="upcast")
        .select(COMPARED.names())
        .sort(_OF_DAY)
    )


def _messages(pairs: pl.DataFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """Count messages by group and day: `group_id`, `begins_at`, `arrived`.

    Days of one platform begin at the same time of day, so that events are grouped once.
    """
    time_of_day = pl.col("begins_at") - pl.col("begins_at").dt.truncate("1d")
    parts = [pl.DataFrame(schema={"group_id": pl.String, "begins_at": UTC_TIME, "arrived": pl.Int64})]
    for of_platform in pairs.with_columns(time_of_day=time_of_day).partition_by("time_of_day"):
        start = of_platform["time_of_day"][0]
        begins_at = (pl.col("time") - start).dt.truncate("1d") + start
        of_groups = pl.col("group_id").is_in(of_platform["group_id"].unique().implode())
        counts = (
            events.filter(pl.col("type") == kinds.MESSAGE_SENT, of_groups)
            .group_by("group_id", "source", begins_at=begins_at)
            .agg(arrived=pl.len().cast(pl.Int64))
            .group_by("group_id", "begins_at")
            .agg(pl.col("arrived").max())
        )
        parts.append(counts.select(parts[0].columns).collect(engine="streaming"))
    return pl.concat(parts)
